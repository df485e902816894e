"""Factors and codes as they are given, checked once for all metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.errors import InputError

__all__ = ["Arguments", "check_arguments", "labels"]

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


def check_arguments(factors: ArrayLike, codes: ArrayLike) -> Arguments:
    """Return factors and codes as float64 of the same length, or say what is wrong with them.

    Parameters
    ----------
    factors : array, shape (n, S) or (n,)
    codes : array, shape (n, L) or (n,)

    Returns
    -------
    Arguments

    Raises
    ------
    InputError
        If lengths differ, a table is empty or not of numbers, or a value is missing.

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
    if len(values) > max(MANY_LABELS, len(factor) // 10):
        raise InputError(
            f"{name} has {len(values)} different values in {len(factor)} rows, too many for "
            f"labels: if it is continuous, cut it into bins first, or use a metric for continuous "
            f"factors (mcc, r2, sap(continuous_factors=True))"
        )
    return found.reshape(-1)


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
