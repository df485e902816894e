"""The reader of MATLAB files, with SciPy's writer as its oracle."""

import tracemalloc

import numpy as np
import pytest
import scipy.io

from nearid.datasets.matfile import read_bytes_array
from nearid.errors import InputError


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (5, 3, 2), (4, 4, 3, 5, 2)])
def test_what_scipy_writes_is_read(tmp_path, rng, packed, shape):
    images = rng.integers(0, 256, size=shape, dtype="u1")
    others = {"a": [1.5], "long_name": "text", "cell": np.array([None, "x"], dtype=object)}
    others["cell"][0] = np.ones(3)
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {**others, "im": images, "z": [1.0]}, do_compression=packed)
    np.testing.assert_array_equal(read_bytes_array(path, "im", shape), images)


@pytest.mark.parametrize("packed", [False, True])
def test_damage_is_refused_or_read(tmp_path, rng, refusals, packed):
    images, path = rng.integers(0, 256, size=(4, 5, 3), dtype="u1"), tmp_path / "x.mat"
    scipy.io.savemat(path, {"im": images}, do_compression=packed)
    flips = range(path.stat().st_size)
    found = refusals(path, lambda: read_bytes_array(path, "im", images.shape), flips)
    assert found > 40


@pytest.mark.parametrize(
    "values", [np.ones((2, 3)), np.ones((2, 3), "i1"), np.ones((2, 3), "?"), np.ones((3, 2), "u1")]
)
def test_other_classes_and_shapes_are_refused(tmp_path, values):
    scipy.io.savemat(tmp_path / "x.mat", {"im": values})
    with pytest.raises(InputError, match=r"expected bytes of shape \(2, 3\)"):
        read_bytes_array(tmp_path / "x.mat", "im", (2, 3))
    with pytest.raises(InputError, match="has no x; it holds im"):
        read_bytes_array(tmp_path / "x.mat", "x", (2, 3))


def test_no_more_is_unpacked_than_is_expected(tmp_path):
    held = {"large": np.zeros((3000, 900)), "im": np.ones((2, 3), "u1")}
    scipy.io.savemat(tmp_path / "x.mat", held, do_compression=True)
    tracemalloc.start()
    found = read_bytes_array(tmp_path / "x.mat", "im", (2, 3))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.tolist() == [[1, 1, 1]] * 2
    assert peak < 200_000  # of 20 million, which take 21 thousand packed
    with pytest.raises(InputError, match="class 6 of shape"):
        read_bytes_array(tmp_path / "x.mat", "large", (2, 3))


def test_doubles_that_are_stored_as_bytes_are_read(tmp_path):
    """As MATLAB saves whole numbers up to 255, but SciPy does not: two bytes tell it."""
    values, path = np.arange(6, dtype="u1").reshape(2, 3), tmp_path / "x.mat"
    scipy.io.savemat(path, {"im": values})
    raw = bytearray(path.read_bytes())
    place = raw.index(bytes([6, 0, 0, 0, 8, 0, 0, 0])) + 8  # the flags' tag, then the class
    assert raw[place] == 9
    raw[place] = 6
    path.write_bytes(raw)
    np.testing.assert_array_equal(scipy.io.loadmat(path)["im"], values)
    np.testing.assert_array_equal(read_bytes_array(path, "im", (2, 3)), values)
