"""Images as inputs: the pixels that are there, and nothing cut, converted or skipped silently."""

import numpy as np
import pytest
from PIL import Image

from nearid.embed import embed, images
from nearid.errors import InputError

SHADES = np.random.default_rng(0).integers(0, 256, size=(6, 8, 3)).astype("uint8")


@pytest.fixture
def folder(tmp_path):
    """Images in folders, with names from several alphabets."""
    for name in ("b.png", "ä/ü 1.PNG", "ä/表現.png", "Z.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(SHADES).save(tmp_path / name)
    return tmp_path


def test_names_are_sorted_and_are_the_ids(folder):
    assert images(folder).ids(0, 4) == ["Z.png", "b.png", "ä/ü 1.PNG", "ä/表現.png"]


def test_pixels_are_scaled_channel_by_channel(folder):
    mean, std = [0.5, 0.25, 0.0], [0.5, 2.0, 1.0]
    found = images(folder, mean=mean, std=std).batch(0, 1).array
    assert found.shape == (1, 3, 6, 8)
    assert found.dtype == np.float32
    expected = (SHADES / 255 - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(found[0].transpose(1, 2, 0), expected, atol=1e-6)


def test_grey_is_one_channel(folder):
    found = images(folder, mode="L").batch(0, 2).array
    assert found.shape == (2, 1, 6, 8)
    weights = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(found[0, 0], SHADES / 255 @ weights, atol=1.5 / 255)


def test_size_is_reached_with_or_without_the_proportions(tmp_path):
    wide = np.zeros((10, 30, 3), dtype="uint8")
    wide[:, 10:20] = 255
    Image.fromarray(wide).save(tmp_path / "a.png")
    stretched = images(tmp_path, size=(5, 6)).batch(0, 1).array
    assert stretched.shape == (1, 3, 5, 6)
    assert stretched[0, 0, :, 0].max() < 0.1
    cropped = images(tmp_path, size=10, crop=True).batch(0, 1).array
    assert np.array_equal(cropped[0, 0], np.ones((10, 10)))


def test_threads_change_nothing(folder):
    one = images(folder, size=4).batch(0, 4).array
    assert np.array_equal(images(folder, size=4, n_jobs=3).batch(0, 4).array, one)


def test_other_files_are_named(folder):
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.png").write_text("x")
    assert images(folder).notices == (f"{folder}: 1 other files were not read: notes.txt",)


def test_fingerprint_is_of_names_and_files(folder):
    digest = images(folder).fingerprint()
    assert images(folder, size=3).fingerprint() == digest  # the size is among the settings
    (folder / "b.png").rename(folder / "c.png")
    assert images(folder).fingerprint() != digest


def test_embedding_goes_by_name(folder, convolutions):
    found = embed(convolutions, images(folder, size=8), layers="output")
    assert found.ids.tolist() == ["Z.png", "b.png", "ä/ü 1.PNG", "ä/表現.png"]
    assert found.manifest["inputs"]["size"] == [8, 8]


def write_cut(path):
    Image.fromarray(SHADES).save(path)
    path.write_bytes(path.read_bytes()[:90])


DAMAGED = {
    "cut": (write_cut, "cannot be read as an image"),
    "text": (lambda path: path.write_text("no image"), "cannot be read as an image"),
    "transparent": (
        lambda path: Image.new("RGBA", (8, 6)).save(path),
        "kind RGBA, with more than 8 bits or transparency",
    ),
    "deep": (
        lambda path: Image.fromarray(np.zeros((6, 8), "uint16")).save(path),
        "with more than 8 bits or transparency",
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_an_image_that_is_not_plain_is_refused_by_name(folder, convolutions, kind):
    write, said = DAMAGED[kind]
    write(folder / f"{kind}.png")
    with pytest.raises(InputError, match=rf"{kind}\.png.* {said}"):
        embed(convolutions, images(folder, size=8))


def test_an_empty_file_is_refused_before_any_is_read(folder):
    (folder / "z.png").touch()
    with pytest.raises(InputError, match=r"z\.png is empty"):
        images(folder)


def test_several_images_in_one_file_are_refused(tmp_path):
    frames = [Image.new("L", (8, 6), shade) for shade in (0, 99)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="holds 2 images"):
        images(tmp_path).batch(0, 1)


def test_images_of_several_sizes_need_one(folder):
    Image.new("RGB", (5, 5)).save(folder / "a.png")
    with pytest.raises(InputError, match=r"a\.png is 5 × 5|give a size"):
        images(folder).batch(0, 5)
    assert images(folder, size=3).batch(0, 5).array.shape == (5, 3, 3, 3)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mode": "CMYK"}, "mode is RGB or L"),
        ({"size": 0}, "size is a number of pixels"),
        ({"size": (1, 2, 3)}, "size is a number of pixels"),
        ({"mean": [1, 2]}, "mean is one number, or 3"),
        ({"mode": "L", "std": [1, 2, 3]}, "std is one number, or 1"),
        ({"std": 0}, "std must be above 0"),
        ({"crop": True}, "crop needs a size"),
        ({"n_jobs": 0}, "n_jobs is a number of threads"),
    ],
)
def test_arguments_that_are_not_as_described(folder, settings, said):
    with pytest.raises(InputError, match=said):
        images(folder, **settings)


def test_folders_that_are_none(tmp_path):
    (tmp_path / "a.txt").touch()
    for name, said in (("", "holds no image"), ("a.txt", "is a file"), ("b", "does not exist")):
        with pytest.raises(InputError, match=said):
            images(tmp_path / name)


def test_a_size_that_few_bytes_claim_is_refused(tmp_path):
    Image.new("1", (8000, 8000)).save(tmp_path / "large.png")
    with pytest.raises(InputError, match="more than 200 times as many"):
        images(tmp_path, size=8).batch(0, 1)
