"""Factors and codes as they are given, checked once for all metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.errors import InputError

__all__ = [
    "Arguments",
    "check_arguments",
    "is_continuous",
    "labels",
    "standardised",
    "train_and_test",
]

#: More distinct values than this in a factor, and than a tenth of the rows, is no set of labels.
MANY_LABELS = 64


@dataclass(frozen=True, eq=False)
class Arguments:
    """Checked input of a metric.

    Parameters
    ----------
    factors : ndarray, shape (n, S)
        float64.
    codes : ndarray, shape (n, L)
        float64.
    """

    factors: NDArray[np.float64]
    codes: NDArray[np.float64]


def check_arguments(factors: ArrayLike, codes: ArrayLike, *, varying: bool = False) -> Arguments:
    """Return factors and codes as float64 of the same length, or say what is wrong with them.

    Parameters
    ----------
    factors : array, shape (n, S) or (n,)
    codes : array, shape (n, L) or (n,)
    varying : bool, default False
        Whether constant factors are refused.

    Returns
    -------
    Arguments

    Raises
    ------
    InputError
        If lengths differ, a table is empty or not of numbers, a value is missing, or a factor is
        constant that must not be.

    Examples
    --------
    >>> check_arguments([0, 1, 1], [[0.1], [0.9], [1.0]]).factors.shape
    (3, 1)
    """
    checked = Arguments(_table(factors, "factors"), _table(codes, "codes"))
    if len(checked.factors) != len(checked.codes):
        raise InputError(
            f"factors and codes must describe the same samples: factors have "
            f"{len(checked.factors)} rows, codes have {len(checked.codes)}"
        )
    if len(checked.factors) < 2:
        raise InputError(f"a score needs 2 samples or more; got {len(checked.factors)}")
    flat = np.flatnonzero(np.ptp(checked.factors, axis=0) == 0)
    if varying and len(flat):
        raise InputError(f"factor {flat[0]} is constant: nothing can be said of it; leave it out")
    return checked


def labels(factor: NDArray[np.float64], *, name: str = "factor") -> NDArray[np.intp]:
    """Return a factor's values as labels 0, 1, …, in the order of the values.

    Raises
    ------
    InputError
        If nearly every row has a value of its own: the factor is continuous.

    Examples
    --------
    >>> labels(np.array([2.0, 0.5, 2.0])).tolist()
    [1, 0, 1]
    """
    values, found = np.unique(factor, return_inverse=True)
    if _too_many(len(values), len(factor)):
        raise InputError(
            f"{name} has {len(values)} different values in {len(factor)} rows, too many for "
            f"labels: if it is continuous, cut it into bins first, or use a metric for continuous "
            f"factors (mcc, r2, sap(continuous_factors=True))"
        )
    return found.reshape(-1)


def is_continuous(factor: NDArray[np.float64]) -> bool:
    """Whether a factor has too many different values to be labels.

    Examples
    --------
    >>> is_continuous(np.arange(1000.0)), is_continuous(np.arange(1000.0) % 40)
    (True, False)
    """
    return _too_many(len(np.unique(factor)), len(factor))


def standardised(
    train: NDArray[np.float64], *others: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Return codes with the mean and deviation of the first ones taken out; constants become 0."""
    mean, spread = train.mean(axis=0), train.std(axis=0)
    dead = np.ptp(train, axis=0) == 0  # their deviation may be rounding, not 0
    unit = np.where(dead, np.inf, spread)
    return [(part - mean) / unit for part in (train, *others)]


def train_and_test(
    n_rows: int, split: float | tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows to fit on and the rows to score.

    Parameters
    ----------
    n_rows : int
    split : float in (0, 1), or (int, int)
        The share of rows to score, drawn at random; or how many of the first rows to fit on, and
        how many of those that follow to score.
    rng : Generator

    Raises
    ------
    InputError
        If there are not so many rows, or none on one side.

    Examples
    --------
    >>> [rows.tolist() for rows in train_and_test(5, (2, 3), np.random.default_rng(0))]
    [[0, 1], [2, 3, 4]]
    """
    if isinstance(split, tuple):
        n_train, n_test = split
        order = np.arange(n_rows)
    else:
        n_test = round(n_rows * split) if 0 < split < 1 else 0
        n_train, order = n_rows - n_test, rng.permutation(n_rows)
    if min(n_train, n_test) < 1 or n_train + n_test > n_rows:
        raise InputError(
            f"split must be a share of the rows between 0 and 1, or (rows to fit on, rows to "
            f"score) of {n_rows} in all; got {split!r}"
        )
    return order[:n_train], order[n_train : n_train + n_test]


def _too_many(n_values: int, n_rows: int) -> bool:
    return n_values > max(MANY_LABELS, n_rows // 10)


def _table(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        table: NDArray[Any] = np.asarray(values)
        if table.dtype.kind not in "biuf":
            table = table.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} must be numbers; got {type(values).__name__} ({error}): code labels as "
            f"numbers, for example by pandas.factorize"
        ) from error
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2 or not table.shape[1]:
        raise InputError(f"{name} must be a table (samples × columns); got shape {table.shape}")
    table = table.astype(np.float64, copy=False)
    bad = ~np.isfinite(table)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(
            f"{name} hold {int(bad.sum())} values that are missing or infinite, the first in row "
            f"{row}, column {column}: remove these rows from both tables"
        )
    return table
