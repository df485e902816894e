import numpy as np
import pytest

from nearid.datasets import load_dsprites
from nearid.datasets.factors import Layout
from nearid.errors import InputError

SMALL = Layout(
    "small",
    {"colour": 1, "shape": 2, "scale": 1, "orientation": 3, "x": 2, "y": 2},
    (4, 4, 1),
    {"orientation": 2},
)
N = SMALL.n_images
GRID = np.stack(np.unravel_index(np.arange(N), SMALL.sizes), axis=1)
IMAGES = np.random.default_rng(0).integers(0, 2, size=(N, 4, 4), dtype="u1")
TABLES = {"latents_classes": GRID, "latents_values": GRID * [1, 1, 1, np.pi, 1, 1] + 0.25}


class Trap:
    """A pickle that fails the test when it is opened."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


@pytest.fixture
def write(tmp_path, expecting):
    """Write a small file, with changes."""
    expecting(load_dsprites, SMALL)

    def saved(save=np.savez_compressed, **changed):
        trap = np.array([Trap()], dtype=object)
        path = tmp_path / "dsprites.npz"
        save(path, **{"imgs": IMAGES, **TABLES, "metadata": trap, **changed})
        return path

    return saved


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_images_are_black_and_white_and_the_pickle_stays_shut(write, tmp_path, save):
    for cache in (None, tmp_path / "cache"):
        data = load_dsprites(write(save), cache=cache)
        np.testing.assert_array_equal(data.images(np.arange(N))[..., 0], IMAGES * 255)
        np.testing.assert_array_equal(data.factors(np.arange(N)), GRID)
        assert data.circular == (False, False, False, True, False, False)


def test_any_order_of_the_file(write, rng):
    order = rng.permutation(N)
    changed = {key: table[order] for key, table in TABLES.items()}
    data = load_dsprites(write(imgs=IMAGES[order], **changed))
    np.testing.assert_array_equal(data.images([7, 3, 7])[..., 0], IMAGES[[7, 3, 7]] * 255)


def test_the_orientations_are_a_circle_of_39_steps():
    layout = load_dsprites.__globals__["LAYOUT"]
    assert (layout.n_images, layout.periods) == (737_280, {"orientation": 39})
    angles = 2 * np.pi * np.arange(40) / layout.periods["orientation"]
    np.testing.assert_allclose(angles, np.linspace(0, 2 * np.pi, 40))  # as the file has them


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"imgs": IMAGES[1:]}, r"expected shape \(24, 4, 4\)"),
        ({"imgs": IMAGES.astype("f4")}, "of float32"),
        ({"latents_values": GRID[:, ::-1] + 0.5}, "distinct values of colour"),
        ({"latents_classes": GRID[::-1]}, "do not belong to the latents_classes"),
        ({"imgs": IMAGES * np.uint8(3)}, "expected 0 and 1; got 3"),
    ],
)
def test_another_file_is_refused(write, changed, message):
    with pytest.raises(InputError, match=message):
        load_dsprites(write(**changed)).images(np.arange(N))


def test_damage_is_refused_or_read(write, rng, refusals):
    path = write()
    flips = rng.integers(path.stat().st_size, size=100)
    assert refusals(path, lambda: load_dsprites(path).images(np.arange(N)), flips) > 50
