import numpy as np
import pytest
import scipy.io

from nearid.datasets import load_cars3d
from nearid.datasets.factors import Layout
from nearid.errors import InputError

SMALL = Layout("small", {"elevation": 2, "azimuth": 3, "object": 11}, (4, 5, 3), {"azimuth": 3})
IMAGES = np.random.default_rng(0).integers(0, 256, size=(11, 4, 5, 3, 3, 2), dtype="u1")


@pytest.fixture
def folder(tmp_path, expecting):
    """Small files, whose numbers are not padded."""
    expecting(load_cars3d, SMALL)
    for number, images in enumerate(IMAGES):
        name = f"car_{number}_mesh.mat"
        scipy.io.savemat(tmp_path / name, {"x": [1.0], "im": images}, do_compression=True)
    return tmp_path


def test_images_are_those_of_their_factors(folder):
    data = load_cars3d(folder)
    everything = np.arange(data.n_images)
    images = data.images(everything)
    for index, (elevation, azimuth, car) in enumerate(data.factors(everything)):
        np.testing.assert_array_equal(images[index], IMAGES[car, :, :, :, azimuth, elevation])
    np.testing.assert_array_equal(data.in_memory().images(everything), images)
    np.testing.assert_array_equal(data.images([65, 0, 65]), images[[65, 0, 65]])
    assert data.circular == (False, True, False)


def test_only_the_files_of_the_cars_that_are_asked_for_are_read(folder):
    data = load_cars3d(folder)
    for number in set(range(11)) - {4}:
        (folder / f"car_{number}_mesh.mat").unlink()
    views = data.index([[1, 2, 4], [0, 1, 4]])
    np.testing.assert_array_equal(data.images(views)[0], IMAGES[4, :, :, :, 2, 1])
    with pytest.raises(InputError, match=r"car_5_mesh\.mat does not exist"):
        data.images(data.index([[1, 2, 5]]))


def test_the_layout_is_that_of_the_files():
    layout = load_cars3d.__globals__["LAYOUT"]
    assert (layout.sizes, layout.n_images) == ((4, 24, 183), 17_568)


def test_other_files_are_refused(folder):
    with pytest.raises(InputError, match="does not exist: expected the folder of Cars3D"):
        load_cars3d(folder / "cars")
    (folder / "car_3_mesh.mat").write_bytes(b"something else")
    with pytest.raises(InputError, match=r"car_3_mesh\.mat is not a MATLAB file"):
        load_cars3d(folder)
    scipy.io.savemat(folder / "car_3_mesh.mat", {"im": IMAGES[3]})
    scipy.io.savemat(folder / "car_0_mesh.mat", {"im": IMAGES[0].astype("f8")})
    with pytest.raises(InputError, match=r"car_0_mesh\.mat: expected bytes .* another data set"):
        load_cars3d(folder)
    (folder / "car_3_mesh.mat").unlink()
    with pytest.raises(InputError, match=r"has 10 files .* expected 11"):
        load_cars3d(folder)


def test_damage_is_refused_or_read(folder, refusals):
    path = folder / "car_6_mesh.mat"
    data = load_cars3d(folder)
    views = data.index([[0, 0, 6], [1, 2, 6]])
    assert refusals(path, lambda: data.images(views), range(100, 200)) > 30
