"""Rendered scenes with the factors of Shapes3D: no file is needed, at any resolution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.datasets.factors import FactorDataset, Layout
from nearid.datasets.raycast import SHAPES, render_layers
from nearid.errors import InputError

__all__ = ["Painter", "hue_colours", "scenes3d"]

#: Factors and numbers of classes, in the order of Shapes3D.
FACTORS = {
    "floor_hue": 10,
    "wall_hue": 10,
    "object_hue": 10,
    "scale": 8,
    "shape": 4,
    "orientation": 15,
}
SCALES = np.linspace(0.75, 1.25, FACTORS["scale"])
DEGREES = np.linspace(-30.0, 30.0, FACTORS["orientation"])
#: Saturation and value of every colour.
SATURATION, VALUE = 0.9, 0.95
#: Images that are painted at once, so that they stay in the cache.
BLOCK = 64


def scenes3d(size: int = 64) -> FactorDataset:
    """Return the 480,000 scenes of Shapes3D's factors, rendered when they are asked for.

    A room's corner with one object on its floor, under a round lamp: floor, wall and object hue
    (10 each, circles), scale (8), shape (cube, cylinder, sphere, capsule) and orientation of the
    camera (15 steps from −30° to 30°, an interval). The 480 geometries are rendered once a process
    and size, in some seconds; after that a picture is a sum of its layers' colours.

    Parameters
    ----------
    size : int, default 64
        Height and width.

    Returns
    -------
    FactorDataset

    Raises
    ------
    InputError
        If the size is no whole number from 8.

    References
    ----------
    The factors are those of Burgess & Kim, 3D shapes dataset, 2018; the pictures are our own.

    Examples
    --------
    >>> scenes = scenes3d(8)
    >>> scenes.factor_names[:2], scenes.n_images, scenes.circular
    (('floor_hue', 'wall_hue'), 480000, (True, True, True, False, False, False))
    """
    if not isinstance(size, int | np.integer) or size < 8:
        raise InputError(f"size must be a whole number of pixels from 8; got {size!r}")
    periods = {name: float(FACTORS[name]) for name in ("floor_hue", "wall_hue", "object_hue")}
    layout = Layout("scenes3d", FACTORS, (int(size), int(size), 3), periods)
    values = (*(np.arange(10) / 10 for _ in range(3)), SCALES, np.array(list(SHAPES)), DEGREES)

    def read(index: NDArray[np.int64]) -> NDArray[np.uint8]:
        classes = np.stack(np.unravel_index(index, layout.sizes), axis=1)
        geometry = np.ravel_multi_index(tuple(classes[:, 3:].T), layout.sizes[3:])
        return painter(int(size)).paint(classes[:, :3] / 10, np.asarray(geometry))

    return FactorDataset(layout, read, values)


def hue_colours(hues: ArrayLike) -> NDArray[np.float32]:
    """Return colours of hues on the colour circle, all of one saturation and value.

    Parameters
    ----------
    hues : array
        In turns: 0 and 1 are red.

    Returns
    -------
    ndarray of float32, shape (…, 3)
        From 0 to 1.

    Examples
    --------
    >>> hue_colours([0.0, 1.0]).tolist() == hue_colours([1.0, 0.0]).tolist()
    True
    """
    sixth = (np.asarray(hues, dtype=np.float64)[..., None] * 6 + [5, 3, 1]) % 6
    share = np.clip(np.minimum(sixth, 4 - sixth), 0, 1)
    return np.asarray(VALUE * (1 - SATURATION * share), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Painter:
    """Geometries in layers, to be coloured.

    Parameters
    ----------
    layers : ndarray of float32, shape (n_geometries, size², 4)
        The light of floor, wall, object, and white.
    size : int
    """

    layers: NDArray[np.float32]
    size: int

    def paint(self, hues: NDArray[np.float64], geometry: NDArray[Any]) -> NDArray[np.uint8]:
        """Colour geometries.

        Parameters
        ----------
        hues : ndarray, shape (n, 3)
            Of floor, wall and object, in turns; any number, also between the classes.
        geometry : ndarray of int, shape (n,)

        Returns
        -------
        ndarray of uint8, shape (n, size, size, 3)
        """
        pictures = np.empty((len(hues), self.size**2, 3), dtype=np.uint8)
        colours = np.full((len(hues), 4, 3), 255, dtype=np.float32)
        colours[:, :3] = 255 * hue_colours(hues)
        for start in range(0, len(hues), BLOCK):
            part = slice(start, start + BLOCK)
            light = self.layers[geometry[part]] @ colours[part]
            light += np.float32(0.5)
            np.minimum(light, np.float32(255), out=light)
            pictures[part] = light
        return pictures.reshape(-1, self.size, self.size, 3)


@lru_cache(maxsize=2)
def painter(size: int) -> Painter:
    """Render all the geometries of a size, once a process."""
    layers = [
        render_layers(shape, scale, degrees, size).reshape(4, -1).T
        for scale in SCALES
        for shape in SHAPES
        for degrees in DEGREES
    ]
    return Painter(np.ascontiguousarray(np.stack(layers)), size)
