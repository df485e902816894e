"""Features brought to one scale by the training rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import median_abs_deviation

from nearid.errors import InputError

__all__ = ["SCALINGS", "Scale", "fit_scale"]

Array = NDArray[np.float64]
Centre = tuple[Array, Array]


def _none(train: Array) -> Centre:
    return np.zeros(train.shape[1]), np.ones(train.shape[1])


def _standard(train: Array) -> Centre:
    return train.mean(axis=0), train.std(axis=0)


def _robust(train: Array) -> Centre:
    spread = median_abs_deviation(train, axis=0, scale="normal")
    return np.median(train, axis=0), np.asarray(spread)


#: From training rows to the centre and the scale of each feature.
SCALINGS: dict[str, Callable[[Array], Centre]] = {
    "none": _none,
    "standard": _standard,
    "robust": _robust,
}


@dataclass(frozen=True, eq=False)
class Scale:
    """Centre and scale of the features that vary; the others say nothing, and are left out.

    Parameters
    ----------
    kept : ndarray of bool, shape (D,)
    centre, scale : ndarray, shape (d,)
        Of the features that are kept.
    """

    kept: NDArray[np.bool_]
    centre: Array
    scale: Array

    def apply(self, rows: Array) -> Array:
        """Return rows, shape (n, D), centred and scaled, shape (n, d)."""
        return np.asarray((rows[:, self.kept] - self.centre) / self.scale)


def fit_scale(train: Array, scaling: str) -> Scale:
    """Find the centre and the scale of each feature.

    Parameters
    ----------
    train : ndarray, shape (n, D)
    scaling : {"none", "standard", "robust"}
        "robust" takes the median and the median absolute deviation.

    Raises
    ------
    InputError
        If there is no such scaling, or no feature varies.

    Examples
    --------
    >>> scale = fit_scale(np.array([[0.0, 5.0], [2.0, 5.0]]), "standard")
    >>> scale.apply(np.array([[3.0, 5.0]])), scale.kept
    (array([[2.]]), array([ True, False]))
    """
    if scaling not in SCALINGS:
        raise InputError(f"scaling must be one of {', '.join(SCALINGS)}; got {scaling!r}")
    centre, scale = SCALINGS[scaling](train)
    kept = (scale > 0) & (np.ptp(train, axis=0) > 0)
    if not kept.any():
        raise InputError("every feature is constant on the training batches: nothing to learn from")
    return Scale(kept, centre[kept], scale[kept])
