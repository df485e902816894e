"""Features brought to one scale by the training rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import median_abs_deviation

from nearid.errors import InputError

__all__ = ["SCALINGS", "scaled"]

Array = NDArray[np.float64]
Centre = tuple[Array, Array]


def _none(train: Array) -> Centre:
    return np.zeros(train.shape[1]), np.ones(train.shape[1])


def _standard(train: Array) -> Centre:
    return train.mean(axis=0), train.std(axis=0)


def _robust(train: Array) -> Centre:
    return np.median(train, axis=0), np.asarray(median_abs_deviation(train, axis=0, scale="normal"))


#: From training rows to the centre and the scale of each feature.
SCALINGS: dict[str, Callable[[Array], Centre]] = {
    "none": _none,
    "standard": _standard,
    "robust": _robust,
}


def scaled(train: Array, test: Array, scaling: str) -> tuple[Array, Array]:
    """Return both with every feature centred and scaled by the training rows.

    A feature that is constant there is left out of both: it says nothing, and has no scale.

    Parameters
    ----------
    train, test : ndarray, shapes (n, D), (m, D)
    scaling : {"none", "standard", "robust"}
        "robust" takes the median and the median absolute deviation.

    Examples
    --------
    >>> train, test = scaled(np.array([[0.0, 5.0], [2.0, 5.0]]), np.array([[3.0, 5.0]]), "standard")
    >>> train.tolist(), test.tolist()
    ([[-1.0], [1.0]], [[2.0]])
    """
    if scaling not in SCALINGS:
        raise InputError(f"scaling must be one of {', '.join(SCALINGS)}; got {scaling!r}")
    centre, scale = SCALINGS[scaling](train)
    kept = (scale > 0) & (np.ptp(train, axis=0) > 0)
    if not kept.any():
        raise InputError("every feature is constant on the training batches: nothing to learn from")
    return (train[:, kept] - centre[kept]) / scale[kept], (test[:, kept] - centre[kept]) / scale[
        kept
    ]
