"""Images of known factors, made ready for auto-encoders of dense layers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearid.datasets.coil20 import load_coil20
from nearid.datasets.factors import FactorDataset
from nearid.datasets.scenes3d import scenes3d
from nearid.datasets.sprites import OUTLINES, sprites
from nearid.errors import InputError
from nearid.models.projection import Projection, fit_projection

__all__ = ["DATA", "Scenes", "prepare"]

Floats = NDArray[np.float32]

#: A folder of files, if one was named.
Folder = str | os.PathLike[str] | None


def _coil20(folder: Folder) -> FactorDataset:
    place = folder or os.environ.get("NEARID_DATA")
    if place is None:
        raise InputError("coil20 is read from COIL20.mat: name its folder (--data, or NEARID_DATA)")
    files = [Path(place) / name for name in ("COIL20.mat", "images/COIL20.mat")]
    return load_coil20(next((path for path in files if path.exists()), files[0]))


def _sprites(shape: str | None, _size: int, _folder: Folder) -> FactorDataset:
    return sprites(shape)  # of 64 pixels, averaged down to what is asked for


#: What can be learnt from, by name: from a size in pixels and a folder of files to a data set.
DATA: dict[str, Callable[[int, Folder], FactorDataset]] = {
    "scenes3d": lambda size, folder: scenes3d(size),
    "sprites": partial(_sprites, None),
    **{f"sprites-{shape}": partial(_sprites, shape) for shape in OUTLINES},
    "coil20": lambda size, folder: _coil20(folder),
}

#: Factors whose classes have no order.
NOMINAL = ("shape", "object")

#: Seeds of the images: those to train on, and fresh ones to score.
TRAIN, FRESH = 1, 2


@dataclass(frozen=True, eq=False)
class Scenes:
    """Training images and fresh ones as principal coordinates, with the factors of both.

    Parameters
    ----------
    train, fresh : ndarray of float32, shapes (n, d)
        Images less their mean, along the first d principal axes: an orthonormal map that is fitted
        on the training images and then frozen, so that the Jacobians' singular values stay.
    train_factors, fresh_factors : ndarray of int, shapes (n, S)
    names : tuple of str
        Of the factors.
    projection : Projection
        The way back to images.
    image_shape : (int, int, int)
    periods : mapping of str to float
        The factors that are circles, and how many classes make a full turn.
    """

    train: Floats
    fresh: Floats
    train_factors: NDArray[np.int64]
    fresh_factors: NDArray[np.int64]
    names: tuple[str, ...]
    projection: Projection
    image_shape: tuple[int, int, int]
    periods: Mapping[str, float] = field(default_factory=dict)

    @property
    def nominal(self) -> tuple[str, ...]:
        """Factors whose classes are names without an order."""
        return tuple(name for name in self.names if name in NOMINAL)

    def images(self, coordinates: Floats) -> NDArray[np.float64]:
        """Return coordinates as images, shape (n, height, width, channels), from 0 to 1."""
        flat = np.asarray(self.projection.back(coordinates), dtype=np.float64)
        return flat.clip(0, 1).reshape(-1, *self.image_shape)


def prepare(
    name: str,
    *,
    size: int,
    n_train: int,
    n_fresh: int,
    n_axes: int,
    data_dir: Folder = None,
) -> Scenes:
    """Draw images of a data set, and find their principal axes.

    Parameters
    ----------
    name : str
        Of :data:`DATA`.
    size : int
        Height and width of the images.
    n_train, n_fresh : int
    n_axes : int
    data_dir : path, optional
        For data sets that are read from files.

    Returns
    -------
    Scenes

    Raises
    ------
    InputError
        If there is no such data set.

    Examples
    --------
    >>> scenes = prepare("scenes3d", size=8, n_train=60, n_fresh=5, n_axes=20)
    >>> scenes.train.shape, scenes.images(scenes.fresh).shape, scenes.projection.explained > 0.9
    ((60, 20), (5, 8, 8, 3), True)
    """
    if name not in DATA:
        raise InputError(f"the data set must be one of {', '.join(DATA)}; got {name!r}")
    dataset = DATA[name](size, data_dir)
    shown, classes = dataset.sample(n_train, random_state=TRAIN)
    fresh, fresh_classes = dataset.sample(n_fresh, random_state=FRESH)
    flat = _flat(shown, size)
    projection = fit_projection(flat, n_axes)
    varied = [k for k, n in enumerate(dataset.factor_sizes) if n > 1]
    return Scenes(
        train=projection.project(flat),
        fresh=projection.project(_flat(fresh, size)),
        train_factors=classes[:, varied],
        fresh_factors=fresh_classes[:, varied],
        names=tuple(dataset.factor_names[k] for k in varied),
        projection=projection,
        image_shape=(size, size, dataset.image_shape[2]),
        periods=dataset.layout.periods,
    )


def _flat(images: NDArray[np.uint8], size: int) -> Floats:
    """Return images as rows of numbers from 0 to 1, averaged over squares down to a size."""
    n, height, _, channels = images.shape
    step = height // size
    if step * size != height:
        raise InputError(
            f"images of {height} pixels cannot be averaged to {size}: take a divisor of {height}"
        )
    squares = images.reshape(n, size, step, size, step, channels)
    rows = squares.mean(axis=(2, 4), dtype=np.float32) if step > 1 else squares
    return np.asarray(rows.reshape(n, -1), dtype=np.float32) / np.float32(255)
