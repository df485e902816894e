"""Isaac3D and Falcor3D, which differ in their layouts and in the name of a file."""

import numpy as np
import pytest
from PIL import Image

from nearid.datasets import load_falcor3d, load_isaac3d
from nearid.datasets.factors import Layout
from nearid.errors import InputError

SMALL = Layout("small", {"light": 3, "x": 2, "y": 2}, (4, 5, 3))
GRID = np.stack(np.unravel_index(np.arange(12), SMALL.sizes), axis=1)
IMAGES = np.random.default_rng(0).integers(0, 256, size=(12, 4, 5, 3), dtype="u1")


@pytest.fixture(params=[load_isaac3d, load_falcor3d])
def load(request, expecting):
    """Each loader, which expects a small layout."""
    expecting(request.param, SMALL)
    return request.param


@pytest.fixture
def folder(load, tmp_path):
    """Small pictures, not in C order."""
    order = np.random.default_rng(1).permutation(12)
    with (tmp_path / NAMES[load]).open("wb") as stream:
        np.save(stream, (GRID / 3)[order].astype("f4"))
    (tmp_path / "images").mkdir()
    for number, image in enumerate(IMAGES[order]):
        Image.fromarray(image).save(tmp_path / "images" / f"{number:06d}.png")
    return tmp_path


NAMES = {load_isaac3d: "labels.npy", load_falcor3d: "train-rec.labels"}


def test_pictures_are_those_of_their_factors(load, folder):
    data = load(folder)
    np.testing.assert_array_equal(data.images([7, 0, 7]), IMAGES[[7, 0, 7]])
    np.testing.assert_array_equal(data.factors([7]), GRID[[7]])
    np.testing.assert_array_equal(data.in_memory().images(np.arange(12)), IMAGES)
    np.testing.assert_allclose(data.factor_values[0], [0, 1 / 3, 2 / 3], rtol=1e-6)


def test_only_the_pictures_that_are_asked_for_are_read(load, folder):
    data = load(folder)
    kept = data.rows[5]
    for number in set(range(12)) - {kept}:
        (folder / "images" / f"{number:06d}.png").unlink()
    np.testing.assert_array_equal(data.images([5, 5]), IMAGES[[5, 5]])
    with pytest.raises(InputError, match=r"\.png does not exist"):
        data.images([6])


def test_opacity_is_left_out(load, folder):
    rgba = np.dstack([IMAGES[0], np.full((4, 5), 9, "u1")])
    data = load(folder)
    Image.fromarray(rgba).save(folder / "images" / f"{data.rows[0]:06d}.png")
    np.testing.assert_array_equal(data.images([0])[0], IMAGES[0])


@pytest.mark.parametrize("picture", [np.zeros((5, 4, 3), "u1"), np.zeros((4, 5), "u1")])
def test_other_pictures_are_refused(load, folder, picture):
    Image.fromarray(picture).save(folder / "images" / "000003.png")
    with pytest.raises(InputError, match=r"000003\.png: expected 4 × 5 pixels of RGB or RGBA"):
        load(folder).in_memory()


def test_other_labels_are_refused(load, folder):
    (folder / NAMES[load]).unlink()
    with pytest.raises(InputError, match="does not exist"):
        load(folder)
    with (folder / NAMES[load]).open("wb") as stream:
        np.save(stream, GRID[:, ::-1])
    with pytest.raises(InputError, match=r"expected \(3, 2, 2\) distinct values"):
        load(folder)
    (folder / "images" / "000011.png").unlink()
    with pytest.raises(InputError, match=r"000011\.png does not exist"):
        load(folder)
    with pytest.raises(InputError, match="expected the folder of small"):
        load(folder / "images" / "000000.png")


def test_damage_is_refused_or_read(load, folder, refusals):
    picture = folder / "images" / "000003.png"
    flips = range(picture.stat().st_size)
    assert refusals(picture, lambda: load(folder).in_memory(), flips) > 50
    labels = folder / NAMES[load]
    assert refusals(labels, lambda: load(folder), range(labels.stat().st_size)) > 150


def test_the_layouts_are_those_of_the_files():
    isaac, falcor = (load.__globals__["LAYOUT"] for load in NAMES)
    assert (isaac.sizes, isaac.n_images) == ((3, 8, 5, 4, 4, 4, 6, 4, 4), 737_280)
    assert (falcor.sizes, falcor.n_images) == ((5, 6, 6, 6, 6, 6, 6), 233_280)
