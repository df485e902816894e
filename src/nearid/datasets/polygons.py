"""Filled polygons on a grid of pixels: a pixel is on where its centre lies inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.errors import InputError

__all__ = ["fill_polygons"]


def fill_polygons(vertices: ArrayLike, size: int) -> NDArray[np.bool_]:
    """Fill one polygon an image, by the even-odd rule and without anti-aliasing.

    A row of pixel centres crosses an edge between its ends' heights ``[low, high)``, so that a
    vertex counts once; every pixel to the right of a crossing is toggled.

    Parameters
    ----------
    vertices : array-like, shape (n, n_vertices, 2)
        x (to the right) and y (downwards) in pixels, from the outer corner of the first pixel.
    size : int
        Height and width of the images.

    Returns
    -------
    ndarray of bool, shape (n, size, size)

    Raises
    ------
    InputError
        If the vertices are not at least three finite points an image.

    Examples
    --------
    >>> fill_polygons([[[1, 1], [3, 1], [3, 3], [1, 3]]], 4)[0].astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    points = np.asarray(vertices, dtype=np.float64)
    if points.ndim != 3 or points.shape[1] < 3 or points.shape[2] != 2:
        raise InputError(
            f"vertices must have shape (n, n_vertices, 2) with three or more vertices; "
            f"got {points.shape}"
        )
    if not np.isfinite(points).all():
        raise InputError("vertices must be finite numbers; got NaN or infinity")
    ends = np.roll(points, -1, axis=1)
    x, y = points[:, :, 0, None], points[:, :, 1, None]
    dx, dy = (ends - points)[:, :, 0, None], (ends - points)[:, :, 1, None]
    rows = np.arange(size) + 0.5
    image, edge, row = np.nonzero((y <= rows) != (y + dy <= rows))
    at = image, edge, 0
    crossing = x[at] + dx[at] * ((rows[row] - y[at]) / dy[at])
    # The first pixel whose centre is not left of the crossing; one more column takes the rest.
    column = np.clip(np.ceil(crossing - 0.5), 0, size).astype(np.intp)
    place = (image * size + row) * (size + 1) + column
    crossings = np.bincount(place, minlength=len(points) * size * (size + 1)).astype(np.uint8)
    toggles = crossings.reshape(len(points), size, size + 1)[:, :, :size] & 1
    filled: NDArray[np.bool_] = np.bitwise_xor.accumulate(toggles, axis=2).astype(bool)
    return filled
