"""A file of Shapes3D's full shape with few images in it: HDF5 stores no chunk that is empty."""

import shutil

import h5py
import numpy as np
import pytest

from nearid.datasets import load_shapes3d
from nearid.datasets.factors import Layout
from nearid.errors import InputError

SMALL = Layout("small", {"hue": 3, "scale": 4}, (4, 4, 3), {"hue": 3})
IMAGES = np.random.default_rng(0).integers(0, 255, size=(12, 4, 4, 3), dtype="u1")
GRID = np.stack(np.unravel_index(np.arange(12), (3, 4)), axis=1)


@pytest.fixture
def small(tmp_path, expecting):
    """A file of twelve images, in another order than C."""
    expecting(load_shapes3d, SMALL)
    order = np.random.default_rng(1).permutation(12)
    with h5py.File(tmp_path / "small.h5", "w") as file:
        file.create_dataset("images", data=IMAGES[order], chunks=(2, 4, 4, 3), compression="gzip")
        file["labels"] = GRID[order] * [0.1, 0.5]
    return tmp_path / "small.h5"


def test_the_full_layout_is_read_image_by_image(tmp_path):
    values = [np.linspace(0, 1, 11)[:10]] * 3 + [np.linspace(0.75, 1.25, 8), np.arange(4.0)]
    values += [np.linspace(-30, 30, 15)]
    grid = np.unravel_index(np.arange(480_000), (10, 10, 10, 8, 4, 15))
    with h5py.File(tmp_path / "3dshapes.h5", "w") as file:
        images = file.create_dataset("images", (480_000, 64, 64, 3), "u1", chunks=(1, 64, 64, 3))
        images[479_999] = 9
        images[15] = 7
        file["labels"] = np.stack([v[g] for v, g in zip(values, grid, strict=True)], axis=1)
    data = load_shapes3d(tmp_path / "3dshapes.h5")
    assert (data.n_images, data.image_shape) == (480_000, (64, 64, 3))
    assert data.circular == (True, True, True, False, False, False)
    last = data.index([[9, 9, 9, 7, 3, 14], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]])
    assert [image.mean() for image in data.images(last)] == [9, 7, 0]
    np.testing.assert_allclose(data.factor_values[5], np.linspace(-30, 30, 15))


def test_any_order_and_repeats(small):
    data = load_shapes3d(small)
    for asked in ([3], [5, 0, 5, 11], np.arange(12)):
        np.testing.assert_array_equal(data.images(asked), IMAGES[asked])
    np.testing.assert_array_equal(data.in_memory().images(np.arange(12)), IMAGES)
    np.testing.assert_array_equal(data.factors(np.arange(12)), GRID)


def test_data_that_lie_elsewhere_are_refused(small):
    shutil.copy(small, small.with_name("other.h5"))
    (small.with_name("raw")).write_bytes(bytes(IMAGES.size))
    layout = h5py.VirtualLayout(IMAGES.shape, "u1")
    layout[:] = h5py.VirtualSource("other.h5", "images", IMAGES.shape)

    def virtual(file):
        file.create_virtual_dataset("images", layout)

    def external(file):
        raw = [("raw", 0, IMAGES.size)]
        file.create_dataset("images", IMAGES.shape, "u1", external=raw)

    def link(file):
        file["images"] = h5py.ExternalLink("other.h5", "images")

    def soft(file):
        file["images"] = h5py.SoftLink("/labels")

    def group(file):
        file.create_group("images")

    for write in (virtual, external, link, soft, group):
        with h5py.File(small, "a") as file:
            del file["images"]
            write(file)
        with pytest.raises(InputError, match="refers elsewhere"):
            load_shapes3d(small)


def test_the_file_of_another_data_set_is_refused(small):
    with h5py.File(small, "a") as file:
        file["images"][:] = 0
        file["labels"][0] = file["labels"][1]
    with pytest.raises(InputError, match="missing"):
        load_shapes3d(small)
    with h5py.File(small, "a") as file:
        del file["images"]
        file["images"] = IMAGES.astype("f4")
    with pytest.raises(InputError, match=r"shape \(12, 4, 4, 3\) of uint8; got .* float32"):
        load_shapes3d(small)
    with h5py.File(small, "a") as file:
        del file["images"]
    with pytest.raises(InputError, match="has no images; it holds labels"):
        load_shapes3d(small)


def test_damage_is_refused_or_read(small, rng, refusals):
    flips = rng.integers(small.stat().st_size, size=60)  # each starts a process
    found = refusals(small, lambda: load_shapes3d(small).images(np.arange(12)), flips)
    assert found > 5
