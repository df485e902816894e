"""COIL-20: the file that is there, and others that are not it."""

import numpy as np
import pytest
import scipy.io

from nearid.datasets import DATASETS, load_coil20
from nearid.datasets.factors import Layout
from nearid.errors import InputError

SMALL = Layout("small", {"object": 3, "pose": 4}, (5, 6, 1), {"pose": 4})
IMAGES = np.random.default_rng(0).integers(0, 256, size=(12, 5, 6), dtype="u1")
OBJECTS = np.repeat(np.arange(1, 4), 4).astype("u1")[:, None]


@pytest.fixture
def path(tmp_path, expecting):
    """A small file: the columns of each image one after another."""
    expecting(load_coil20, SMALL)
    write(tmp_path / "coil.mat")
    return tmp_path / "coil.mat"


def write(path, images=IMAGES, objects=OBJECTS):
    flat = images.transpose(0, 2, 1).reshape(len(images), -1)
    scipy.io.savemat(path, {"X": flat, "Y": objects}, do_compression=True)


def test_the_file_holds_twenty_objects_that_turn(data_folder):
    data = load_coil20(data_folder / "images" / "COIL20.mat")
    assert data.n_images == 1440
    assert data.circular == (False, True)
    stored = scipy.io.loadmat(data_folder / "images" / "COIL20.mat")
    images = data.images(np.arange(1440))
    np.testing.assert_array_equal(images[77, :, :, 0].T.ravel(), stored["X"][77])
    np.testing.assert_array_equal(data.factors(np.arange(1440))[:, 0], stored["Y"].ravel() - 1)
    # neighbours in pose look alike, the last and the first as well
    turns = images.reshape(20, 72, -1).astype(float)
    step = np.abs(turns - np.roll(turns, 1, axis=1)).mean(axis=2)
    assert (step[:, 0] < 3 * np.median(step, axis=1)).all()


def test_images_are_those_of_their_factors(path):
    data = load_coil20(path)
    everything = np.arange(12)
    np.testing.assert_array_equal(data.images(everything)[..., 0], IMAGES)
    assert data.factors([5]).tolist() == [[1, 1]]
    assert DATASETS["coil20"] is load_coil20


def test_other_files_are_refused(path):
    with pytest.raises(InputError, match="does not exist"):
        load_coil20(path.with_name("other.mat"))
    write(path, objects=OBJECTS[::-1])
    with pytest.raises(InputError, match="expected 4 images of each object, 1 to 3 in order"):
        load_coil20(path)
    write(path, images=IMAGES[:, 1:])
    with pytest.raises(InputError, match=r"expected bytes of shape \(12, 30\)"):
        load_coil20(path)


def test_damage_is_refused_or_read(path, refusals):
    assert refusals(path, lambda: load_coil20(path), range(130, path.stat().st_size)) > 100
