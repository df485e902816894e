import numpy as np
import pytest

from nearid.datasets import load_mpi3d
from nearid.datasets.factors import Layout
from nearid.errors import InputError

FACTORS = {"size": 2, "camera_height": 1, "background": 1, "horizontal": 2, "vertical": 3}
SMALL = {
    "real": Layout("small", {"colour": 2, "shape": 2, **FACTORS}, (4, 4, 3)),
    "toy": Layout("small", {"colour": 2, "shape": 2, **FACTORS}, (4, 4, 3)),
    "real_complex": Layout("smaller", {"colour": 1, "shape": 1, **FACTORS}, (4, 4, 3)),
}
IMAGES = np.random.default_rng(0).integers(0, 256, size=(48, 4, 4, 3), dtype="u1")


@pytest.fixture
def write(tmp_path, expecting):
    """Write a small file."""
    expecting(load_mpi3d, SMALL)

    def saved(images, save=np.savez_compressed):
        save(tmp_path / "mpi3d.npz", images=images)
        return tmp_path / "mpi3d.npz"

    return saved


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("cached", [False, True])
def test_the_images_are_in_c_order(write, tmp_path, save, cached):
    cache = tmp_path / "cache" if cached else None
    data = load_mpi3d(write(IMAGES, save), variant="real", cache=cache)
    asked = data.index([[1, 1, 1, 0, 0, 1, 2], [0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0, 1]])
    assert asked.tolist() == [47, 3, 1]
    np.testing.assert_array_equal(data.images(asked), IMAGES[asked])
    assert not any(data.circular)


def test_the_variants_are_those_that_were_published():
    layouts = load_mpi3d.__globals__["LAYOUT"]
    sizes = {name: layout.sizes for name, layout in layouts.items()}
    usual = (6, 6, 2, 3, 3, 40, 40)
    complex_ = (4, 4, 2, 3, 3, 40, 40)
    assert sizes == {"toy": usual, "realistic": usual, "real": usual, "real_complex": complex_}
    assert (layouts["real"].n_images, layouts["real_complex"].n_images) == (1_036_800, 460_800)


def test_the_variant_must_be_said_and_fit(write):
    path = write(IMAGES)
    with pytest.raises(TypeError, match="variant"):
        load_mpi3d(path)
    with pytest.raises(InputError, match="one of real, toy, real_complex; got 'complex'"):
        load_mpi3d(path, variant="complex")
    with pytest.raises(InputError, match="got 48; if this is real or toy, say so by variant="):
        load_mpi3d(path, variant="real_complex")
    with pytest.raises(InputError, match="no variant has that many"):
        load_mpi3d(write(IMAGES[1:]), variant="real")
    with pytest.raises(InputError, match=r"of kind u1; got .* of int16"):
        load_mpi3d(write(IMAGES.astype("i2")), variant="real")


def test_damage_is_refused_or_read(write, rng, refusals):
    path = write(IMAGES)
    flips = rng.integers(path.stat().st_size, size=60)
    assert refusals(path, lambda: load_mpi3d(path, variant="toy").images([0, 9]), flips) > 30
