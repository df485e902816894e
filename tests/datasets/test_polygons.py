import numpy as np
import pytest
from matplotlib.path import Path

from nearid.datasets.polygons import fill_polygons
from nearid.errors import InputError


def centres(size):
    y, x = np.mgrid[:size, :size] + 0.5
    return np.stack([x.ravel(), y.ravel()], axis=1)


def test_a_pixel_is_on_where_matplotlib_finds_its_centre_inside():
    vertices = np.random.default_rng(0).uniform(-4, 24, size=(50, 3, 2))
    expected = [Path(triangle).contains_points(centres(20)) for triangle in vertices]
    found = fill_polygons(vertices, 20)
    np.testing.assert_array_equal(found.reshape(50, -1), expected)
    assert 0.05 < found.mean() < 0.95


def test_neighbours_share_no_pixel_and_leave_none():
    corners = [[0, 0], [8, 0], [8, 8], [0, 8]]
    meeting = [3.5, 4.5]  # the centre of a pixel, which one of the four must take
    parts = [[meeting, corners[k], corners[(k + 1) % 4]] for k in range(4)]
    np.testing.assert_array_equal(fill_polygons(parts, 8).sum(axis=0), 1)


@pytest.mark.parametrize(
    ("vertices", "message"),
    [
        (np.zeros((1, 2, 2)), r"three or more vertices; got \(1, 2, 2\)"),
        (np.zeros((3, 2)), r"shape \(n, n_vertices, 2\)"),
        (np.full((1, 3, 2), np.nan), "finite numbers"),
    ],
)
def test_what_is_no_polygon_is_refused(vertices, message):
    with pytest.raises(InputError, match=message):
        fill_polygons(vertices, 8)
