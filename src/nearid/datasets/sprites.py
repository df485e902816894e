"""White shapes on black, re-rendered to the dSprites geometry: no file is needed."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.datasets.dsprites import LAYOUT as DSPRITES
from nearid.datasets.factors import FactorDataset, Images, Indices, Layout
from nearid.datasets.polygons import fill_polygons
from nearid.errors import InputError

__all__ = ["ORIENTATION_PERIODS", "OUTLINES", "place", "sprites"]

Points = NDArray[np.float64]

LAYOUT = replace(DSPRITES, name="sprites")
SIZE = LAYOUT.image_shape[0]
SCALES = np.linspace(0.5, 1, LAYOUT.factors["scale"])
ANGLES = np.linspace(0, 2 * np.pi, LAYOUT.factors["orientation"])
POSITIONS = np.linspace(0, 1, LAYOUT.factors["x"])

#: By how much each shape can be turned, in radians, until it looks the same again. The factor is a
#: circle of 2π for all three: what no picture shows, no model can learn.
ORIENTATION_PERIODS = {"square": math.pi / 2, "ellipse": math.pi, "heart": 2 * math.pi}

#: Images that are drawn at once: as many as keep the crossings of their edges in the cache.
BLOCK = 64


def sprites(shape: str | None = None) -> FactorDataset:
    """Return the 737,280 images of dSprites' factors, drawn when they are asked for.

    Colour (1), shape (square, ellipse, heart), scale (6, from ½ to 1), orientation (40, from 0 to
    2π, a circle of **39** steps: classes 0 and 39 are the same angle), x and y (32 each, from 0 to
    1): 64 × 64 × 1, 0 or 255, in the order of dSprites. An orientation is seen up to the shape's
    :data:`ORIENTATION_PERIODS` alone.

    The pictures are re-rendered to the dSprites geometry, and are not the official ones: those
    differ at edges, on average by one pixel of a picture or less.

    Parameters
    ----------
    shape : {"square", "ellipse", "heart"}, optional
        Draws this shape alone, in 40 orientations that divide **its own period**: so they are a
        circle of 40 steps (a square's are so fine that two neighbours may fill the same pixels).
        The factors are then scale, orientation, x and y: 245,760 images, which are no part of
        dSprites.

    Returns
    -------
    FactorDataset

    Raises
    ------
    InputError
        If there is no such shape.

    See Also
    --------
    nearid.datasets.load_dsprites : The official pictures, from their file.

    References
    ----------
    The factors are those of Matthey, Higgins, Hassabis & Lerchner, dSprites, 2017.

    Examples
    --------
    >>> drawn = sprites()
    >>> heart = drawn.images(drawn.index([[0, 2, 5, 0, 16, 16]]))[0, :, :, 0]
    >>> for row in heart[24:44:3, 22:44:2]:
    ...     print("".join(".#"[value // 255] for value in row))
    ..###.###..
    .####.####.
    .#########.
    ..#######..
    ...#####...
    .....#.....
    ...........
    """
    if shape is not None:
        return _one_shape(shape)
    values = (np.ones(1), np.array(list(OUTLINES)), SCALES, ANGLES, POSITIONS, POSITIONS)
    return FactorDataset(LAYOUT, _draw, values)


def _one_shape(shape: str) -> FactorDataset:
    if shape not in OUTLINES:
        raise InputError(f"shape must be one of {', '.join(OUTLINES)}; got {shape!r}")
    sizes = {name: LAYOUT.factors[name] for name in ("scale", "orientation", "x", "y")}
    turns = sizes["orientation"]
    layout = Layout(f"sprites-{shape}", sizes, LAYOUT.image_shape, {"orientation": turns})
    angles = ORIENTATION_PERIODS[shape] * np.arange(turns) / turns
    values = (SCALES, angles, POSITIONS, POSITIONS)
    return FactorDataset(
        layout, partial(_draw_shape, OUTLINES[shape], layout.sizes, angles), values
    )


def _draw_shape(
    outline: Points, sizes: tuple[int, ...], angles: NDArray[np.float64], index: Indices
) -> Images:
    scale, orientation, x, y = np.unravel_index(index, sizes)
    return _filled(outline, SCALES[scale], angles[orientation], POSITIONS[x], POSITIONS[y])


def place(outline: ArrayLike, scale: ArrayLike, angle: ArrayLike, position: ArrayLike) -> Points:
    """Scale an outline, turn it against the clock and move it, once for each picture.

    ``x = 16 + 32·position₀ + scale·(u·cos θ + v·sin θ)`` and
    ``y = 16 + 32·position₁ + scale·(v·cos θ − u·sin θ)``, y downwards.

    Parameters
    ----------
    outline : array-like, shape (n_vertices, 2)
        u and v around the origin, in pixels at scale 1.
    scale, angle : array-like, shape (n,)
        The angle θ in radians.
    position : array-like, shape (n, 2)
        From (0, 0) to (1, 1), both at half a shape's room from the edges.

    Returns
    -------
    ndarray of float64, shape (n, n_vertices, 2)

    Examples
    --------
    >>> place([[2, 0]], [1, 0.5], [0, np.pi / 2], [[0, 0], [0, 1]]).round(9).tolist()
    [[[18.0, 16.0]], [[16.0, 47.0]]]
    """
    cos, sin = np.cos(angle), np.sin(angle)
    turns = np.asarray(scale)[..., None, None] * np.stack(
        [np.stack([cos, -sin], axis=-1), np.stack([sin, cos], axis=-1)], axis=-2
    )
    centres = SIZE / 4 + SIZE / 2 * np.asarray(position, dtype=np.float64)
    placed: Points = np.asarray(outline, dtype=np.float64) @ turns + centres[:, None, :]
    return placed


def _square() -> Points:
    return 9.6 * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def _ellipse() -> Points:
    t = np.arange(32) * 2 * np.pi / 32
    return np.stack([12.8 * np.cos(t), 7.25 * np.sin(t)], axis=1)


def _heart() -> Points:
    t = np.arange(100) * 2 * np.pi / 100
    curve = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([9.6 * np.sin(t) ** 3, -0.66 * curve - 1.45], axis=1)


#: Corners of each shape, recovered from official pictures: pixels at scale 1 and orientation 0.
OUTLINES = {"square": _square(), "ellipse": _ellipse(), "heart": _heart()}


def _draw(index: Indices) -> Images:
    _, shape, scale, orientation, x, y = np.unravel_index(index, LAYOUT.sizes)
    images = np.zeros((len(index), *LAYOUT.image_shape), dtype=np.uint8)
    # One batch a shape: their numbers of corners differ.
    for kind, outline in enumerate(OUTLINES.values()):
        (chosen,) = np.nonzero(shape == kind)
        images[chosen] = _filled(
            outline,
            SCALES[scale[chosen]],
            ANGLES[orientation[chosen]],
            POSITIONS[x[chosen]],
            POSITIONS[y[chosen]],
        )
    return images


def _filled(
    outline: Points,
    scale: NDArray[np.float64],
    angle: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> Images:
    images = np.zeros((len(scale), *LAYOUT.image_shape), dtype=np.uint8)
    for start in range(0, len(scale), BLOCK):
        part = slice(start, start + BLOCK)
        position = np.stack([x[part], y[part]], axis=1)
        corners = place(outline, scale[part], angle[part], position)
        images[part, :, :, 0] = np.where(fill_polygons(corners, SIZE), 255, 0)
    return images
