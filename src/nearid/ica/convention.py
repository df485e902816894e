"""The order and the signs of components, by a rule that rounding cannot change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["conventional_order", "conventional_signs"]

Array = NDArray[np.float64]

#: Skewness this small, and negentropies this close to each other (relative), count as equal: they
#: are in a balanced design, such as a full grid of factors, where only rounding tells them apart.
TIE = 1e-4
#: Weights within this part of the largest one count as large as it.
AS_LARGE = 0.99


def conventional_signs(skewness: Array, mixing: Array) -> Array:
    """Return the signs, ±1, that make the skewness positive, or else the largest weight.

    Parameters
    ----------
    skewness : ndarray, shape (k,)
    mixing : ndarray, shape (D, k)
        Weight of each component in each column of the data.

    Returns
    -------
    ndarray, shape (k,)

    Examples
    --------
    >>> conventional_signs(np.array([-1.0, 0.0]), np.diag([2.0, -3.0])).tolist()
    [-1.0, -1.0]
    """
    largest = mixing[_leading_column(mixing), np.arange(len(skewness))]
    decisive = np.where(np.abs(skewness) > TIE, skewness, largest)
    return np.where(decisive < 0, -1.0, 1.0)


def conventional_order(negentropy: Array, mixing: Array) -> NDArray[np.intp]:
    """Return the order by negentropy, descending; of equals by the column of the largest weight.

    Where that is the same column as well, the component with the larger weights comes first.

    Parameters
    ----------
    negentropy : ndarray, shape (k,)
    mixing : ndarray, shape (D, k)
        Weight of each component in each column of the data.

    Returns
    -------
    ndarray of int, shape (k,)

    Examples
    --------
    >>> conventional_order(np.array([0.1, 0.3, 0.3]), np.diag([1.0, 2.0, 3.0])).tolist()
    [1, 2, 0]
    """
    descending = np.argsort(-negentropy, kind="stable")
    ordered = negentropy[descending]
    below = ordered[:-1] - ordered[1:] > TIE * ordered[:-1]
    group = np.concatenate([[0], np.cumsum(below)])
    column = _leading_column(mixing)[descending]
    weight = (mixing**2).sum(axis=0)[descending]
    return np.asarray(descending[np.lexsort((-weight, column, group))])


def _leading_column(mixing: Array) -> NDArray[np.intp]:
    """Return the first column of the data in which each component weighs the most."""
    size = np.abs(mixing)
    return np.asarray((size >= AS_LARGE * size.max(axis=0)).argmax(axis=0))
