"""Images that are a grid over known factors: the common face of such data sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.errors import InputError

__all__ = ["FactorDataset", "Layout", "classes_of", "grid_rows"]

Images = NDArray[np.uint8]
Indices = NDArray[np.int64]

#: Images that :meth:`FactorDataset.in_memory` reads at a time.
BLOCK = 4096


@dataclass(frozen=True)
class Layout:
    """The factors of a data set, and the shape of its images.

    Parameters
    ----------
    name : str
    factors : mapping of str to int
        The number of classes of each factor, the slowest first.
    image_shape : (height, width, channels)
    periods : mapping of str to float
        For each factor that is a circle and no interval: how many steps from class to class make a
        full turn.

    Examples
    --------
    >>> layout = Layout("toy", {"hue": 3, "size": 2}, (8, 8, 3), {"hue": 3})
    >>> layout.names, layout.sizes, layout.n_images
    (('hue', 'size'), (3, 2), 6)
    """

    name: str
    factors: Mapping[str, int]
    image_shape: tuple[int, int, int]
    periods: Mapping[str, float] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors."""
        return tuple(self.factors)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of classes of the factors."""
        return tuple(self.factors.values())

    @property
    def n_images(self) -> int:
        """Images of the whole grid: one for each combination."""
        return math.prod(self.sizes)


@dataclass(frozen=True, eq=False)
class FactorDataset:
    """Images of every combination of some factors, read only when they are asked for.

    Image ``index`` shows the combination with that number in C order: the last factor is the
    fastest, whatever the order in the file.

    Parameters
    ----------
    layout : Layout
    read : callable
        Maps places in the file, shape (n,), to images, uint8 of shape (n, height, width, channels).
    factor_values : tuple of ndarray, optional
        What the classes of each factor mean, where the file says it.
    rows : ndarray of int, shape (n_images,), optional
        Place of each image in the file; None if the file itself is in C order.

    Examples
    --------
    >>> layout = Layout("toy", {"hue": 3, "size": 2}, (1, 1, 1), {"hue": 3})
    >>> toy = FactorDataset(layout, lambda rows: rows.astype("u1").reshape(-1, 1, 1, 1))
    >>> toy.index([[2, 0], [0, 1]]).tolist(), toy.factors([4]).tolist()
    ([4, 1], [[2, 0]])
    >>> toy.images([4, 1]).ravel().tolist(), toy.circular
    ([4, 1], (True, False))
    """

    layout: Layout
    read: Callable[[Indices], Images]
    factor_values: tuple[NDArray[Any], ...] | None = None
    rows: Indices | None = None

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.layout.name

    @property
    def factor_names(self) -> tuple[str, ...]:
        """Names of the factors, the slowest first."""
        return self.layout.names

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """Numbers of classes of the factors."""
        return self.layout.sizes

    @property
    def circular(self) -> tuple[bool, ...]:
        """Whether each factor is a circle; its period is in ``layout.periods``."""
        return tuple(name in self.layout.periods for name in self.factor_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        return self.layout.image_shape

    @property
    def n_images(self) -> int:
        """Number of images."""
        return self.layout.n_images

    def images(self, indices: ArrayLike) -> Images:
        """Read images, and nothing else.

        Parameters
        ----------
        indices : array of int, shape (n,)
            From 0 to ``n_images − 1``, in any order, with repeats.

        Returns
        -------
        ndarray of uint8, shape (n, height, width, channels)
            From 0 to 255.

        Raises
        ------
        InputError
            If an index is not one, or the file turns out to be damaged.
        """
        index = self._checked(indices)
        if not len(index):
            return np.empty((0, *self.image_shape), dtype=np.uint8)
        return self.read(index if self.rows is None else self.rows[index])

    def factors(self, indices: ArrayLike) -> Indices:
        """Return the classes of images.

        Parameters
        ----------
        indices : array of int, shape (n,)

        Returns
        -------
        ndarray of int64, shape (n, n_factors)
        """
        index = self._checked(indices)
        return np.stack(np.unravel_index(index, self.factor_sizes), axis=1).astype(np.int64)

    def index(self, factors: ArrayLike) -> Indices:
        """Return the indices of the images that show given classes.

        Parameters
        ----------
        factors : array of int, shape (n, n_factors)

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        classes = _integers(factors, "factors")
        if classes.ndim != 2 or classes.shape[1] != len(self.factor_sizes):
            raise InputError(
                f"factors must be of shape (n, {len(self.factor_sizes)}), a column for each of "
                f"{', '.join(self.factor_names)}; got shape {classes.shape}"
            )
        _check_classes(classes, self.layout, "factors")
        flat: Indices = np.ravel_multi_index(tuple(classes.T), self.factor_sizes).astype(np.int64)
        return flat

    def sample(
        self, n: int, *, random_state: int | np.random.Generator | None = None
    ) -> tuple[Images, Indices]:
        """Draw images uniformly and independently (so one may come twice).

        Parameters
        ----------
        n : int
        random_state : int or Generator, optional

        Returns
        -------
        images : ndarray of uint8, shape (n, height, width, channels)
        factors : ndarray of int64, shape (n, n_factors)
        """
        if n < 1:
            raise InputError(f"n must be at least 1; got {n}")
        index = np.random.default_rng(random_state).integers(self.n_images, size=n)
        return self.images(index), self.factors(index)

    def in_memory(self) -> FactorDataset:
        """Return the same data set with all the images in memory, for training.

        Each image takes ``height × width × channels`` bytes. The file is read once, in its order.
        """
        images = np.empty((self.n_images, *self.image_shape), dtype=np.uint8)
        order = None if self.rows is None else np.argsort(self.rows)
        for start in range(0, self.n_images, BLOCK):
            places = np.arange(start, min(start + BLOCK, self.n_images))
            index = places if order is None else order[places]
            images[index] = self.images(index)
        return replace(self, read=lambda rows: images[rows], rows=None)

    def _checked(self, indices: ArrayLike) -> Indices:
        index = _integers(indices, "indices")
        if index.ndim != 1:
            raise InputError(f"indices must be of shape (n,); got shape {index.shape}")
        wrong = (index < 0) | (index >= self.n_images)
        if wrong.any():
            raise InputError(
                f"indices must be from 0 to {self.n_images - 1} ({self.name}); got "
                f"{index[wrong][0]}"
            )
        return index


def classes_of(
    labels: NDArray[Any], layout: Layout, where: str
) -> tuple[Indices, tuple[NDArray[Any], ...]]:
    """Replace the labels of each column by their ranks among its distinct values.

    Parameters
    ----------
    labels : ndarray of numbers, shape (n_images, n_factors)
    layout : Layout
        What is expected.
    where : str
        How messages call the labels.

    Returns
    -------
    classes : ndarray of int64, shape (n_images, n_factors)
    values : tuple of ndarray
        The value of each class, for each factor.

    Raises
    ------
    InputError
        If there are not so many images, factors or values.

    Examples
    --------
    >>> layout = Layout("toy", {"a": 2, "b": 1}, (1, 1, 1))
    >>> classes, values = classes_of(np.array([[0.5, 3], [-1, 3]]), layout, "labels")
    >>> classes.tolist(), values[0].tolist()
    ([[1, 0], [0, 0]], [-1.0, 0.5])
    """
    expected = (layout.n_images, len(layout.sizes))
    if labels.shape != expected or labels.dtype.kind not in "iuf":
        raise InputError(
            f"{where}: expected numbers of shape {expected}, the labels of {layout.name}; got "
            f"{labels.dtype} of shape {labels.shape}; are they those of another data set?"
        )
    if not np.isfinite(labels).all():
        raise InputError(f"{where}: {(~np.isfinite(labels)).sum()} labels are not finite")
    found = [np.unique(column, return_inverse=True) for column in labels.T]
    counts = tuple(len(values) for values, _ in found)
    if counts != layout.sizes:
        raise InputError(
            f"{where}: expected {layout.sizes} distinct values of {', '.join(layout.names)}; got "
            f"{counts}; are they the labels of another data set?"
        )
    classes = np.stack([inverse.reshape(-1) for _, inverse in found], axis=1)
    return classes.astype(np.int64), tuple(values for values, _ in found)


def grid_rows(classes: Indices, layout: Layout, where: str) -> Indices | None:
    """Find the place in a file of each combination of classes, in C order.

    Parameters
    ----------
    classes : ndarray of int, shape (n_images, n_factors)
        Of the images in the order of the file.
    layout : Layout
    where : str
        How messages call the labels.

    Returns
    -------
    ndarray of int64, shape (n_images,), or None
        None if the file is in C order.

    Raises
    ------
    InputError
        If a combination is missing, and another there twice.
    """
    _check_classes(classes, layout, where)
    flat = np.ravel_multi_index(tuple(classes.T), layout.sizes)
    counts = np.bincount(flat, minlength=layout.n_images)
    if len(flat) != layout.n_images or (counts != 1).any():
        said = [str(int((counts == 0).sum())), str(int((counts > 1).sum()))]
        raise InputError(
            f"{where}: expected every combination of {', '.join(layout.names)} once; {said[0]} of "
            f"{layout.n_images} are missing, {said[1]} are there more than once"
        )
    if (flat[1:] > flat[:-1]).all():
        return None
    return np.argsort(flat).astype(np.int64)


def _check_classes(classes: Indices, layout: Layout, where: str) -> None:
    for name, size, column in zip(layout.names, layout.sizes, classes.T, strict=True):
        wrong = (column < 0) | (column >= size)
        if wrong.any():
            raise InputError(
                f"{where}: classes of {name} must be from 0 to {size - 1}; got {column[wrong][0]}"
            )


def _integers(values: ArrayLike, what: str) -> Indices:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise InputError(f"{what} must be whole numbers; got {array.dtype}")
    return array.astype(np.int64)
