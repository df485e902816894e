"""Which batches are held out together, and all that a method may see of a fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from nearid.errors import InputError
from nearid.ica.whitening import Whitening, whitening
from nearid.io.location import closest, listing
from nearid.linalg import thin_axes

__all__ = ["Fold", "Split", "Splits", "split_batches"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Splits = str | tuple[Sequence[str], Sequence[str]]

#: Folds of "group-k-fold", or as many as there are batches.
GROUP_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Split:
    """Rows to fit on and rows to test on; no batch is in both.

    Parameters
    ----------
    train, test : ndarray of int
        Rows.
    held_out : tuple of str
        The batches of the test rows.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    held_out: tuple[str, ...]


def split_batches(batch: NDArray[np.str_], splits: Splits) -> list[Split]:
    """Divide rows such that batches stay whole.

    Parameters
    ----------
    batch : ndarray of str, shape (n,)
    splits : {"leave-one-batch-out", "group-k-fold"} or (train, test)
        Two lists of batches; batches in neither are not used.

    Raises
    ------
    InputError
        If there are fewer than two batches, one is unknown, or one is in both lists.

    Examples
    --------
    >>> batch = np.array(["p", "p", "q"])
    >>> [split.held_out for split in split_batches(batch, "leave-one-batch-out")]
    [('p',), ('q',)]
    """
    names = [str(name) for name in np.unique(batch)]
    if len(names) < 2:
        raise InputError(
            f"there is one batch only, {names[0] if names else 'none'}: whether anything carries "
            f"over to another batch cannot be seen; give profiles of two batches or more"
        )
    if isinstance(splits, str):
        if splits == "leave-one-batch-out":
            return [_split(batch, [other for other in names if other != n], [n]) for n in names]
        if splits == "group-k-fold":
            folds = GroupKFold(min(GROUP_FOLDS, len(names))).split(batch, groups=batch)
            parts = [sorted(map(str, np.unique(batch[test]))) for _, test in folds]
            return [_split(batch, [n for n in names if n not in p], p) for p in parts]
        raise InputError(
            f'splits must be "leave-one-batch-out", "group-k-fold" or two lists of batches, '
            f"(train, test); got {splits!r}"
        )
    train, test = ([str(name) for name in part] for part in splits)
    for name in [*train, *test]:
        if name not in names:
            raise InputError(
                f"no batch is called {name}{closest(name, names)}; {listing(names)} are"
            )
    both = sorted(set(train) & set(test))
    if both or not train or not test:
        raise InputError(
            f"batches must be trained on or tested on, and not both: {listing(both)}"
            if both
            else "splits=(train, test) needs at least one batch in each list"
        )
    return [_split(batch, train, test)]


def _split(batch: NDArray[np.str_], train: Sequence[str], test: Sequence[str]) -> Split:
    known, new = (np.flatnonzero(np.isin(batch, part)) for part in (train, test))
    return Split(known, new, held_out=tuple(test))


@dataclass(frozen=True, eq=False)
class Fold:
    """What a method is given. Inductive methods must not touch ``test`` before they are fitted.

    Parameters
    ----------
    train, test : ndarray, shapes (n, D), (m, D)
    train_batch, test_batch : ndarray of str
    train_control, test_control : ndarray of bool, optional
    n_components : int or None
        Coordinates to keep; those of variance, if fewer, or 32 at most if None.
    seed : int
    """

    train: Array
    test: Array
    train_batch: NDArray[np.str_]
    test_batch: NDArray[np.str_]
    train_control: Mask | None
    test_control: Mask | None
    n_components: int
    seed: int

    @cached_property
    def white(self) -> Whitening:
        """Whitening of the training rows."""
        mean = self.train.mean(axis=0)
        centred = self.train - mean
        if len(centred) >= centred.shape[1]:
            cov = centred.T @ centred / len(centred)
            return whitening(mean, cov, dtype=np.dtype(np.float64), n_components=self.n_components)
        return _thin_whitening(mean, centred, self.n_components)


def _thin_whitening(mean: Array, centred: Array, k: int) -> Whitening:
    """Whiten fewer rows than columns without their D × D covariance."""
    variances, axes, rank = thin_axes(centred)
    eigenvalues = np.zeros(centred.shape[1])
    eigenvalues[: len(variances)] = variances
    if k > rank:
        raise InputError(
            f"{k} components were asked for, but the training rows of a fold have rank {rank}; "
            f"ask for at most {rank}"
        )
    scale = np.sqrt(eigenvalues[:k])
    return Whitening(mean, axes[:k] / scale[:, None], axes[:k].T * scale, eigenvalues, rank)
