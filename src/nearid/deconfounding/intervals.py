"""Means over held-out batches, with intervals that know that training sets overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

__all__ = ["Mean", "mean_over_batches"]

LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean, its interval, and how surprising it would be if the truth were zero.

    Parameters
    ----------
    value, low, high, p : float
        nan where there are too few batches: an interval needs two.
    """

    value: float
    low: float
    high: float
    p: float


def mean_over_batches(values: NDArray[np.float64], *, test_share: float) -> Mean:
    r"""Return the mean over batches with the corrected resampled t interval.

    The trainings of a cross-validation share rows, so its scores vary together, and the plain
    standard error is too small. Its square :math:`s^2/J` becomes
    :math:`s^2\,(1/J + n_{test}/n_{train})`.

    Parameters
    ----------
    values : ndarray, shape (J,)
        One per held-out batch; nan is left out.
    test_share : float
        Rows tested over rows trained on, in one fold.

    References
    ----------
    Nadeau & Bengio, *Inference for the generalization error*, Machine Learning 52, 2003.

    Examples
    --------
    >>> found = mean_over_batches(np.array([0.6, 0.7, 0.8]), test_share=0.5)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.7, 0.307, 1.093)
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Mean(*[float("nan")] * 4)
    value = float(finite.mean())
    if len(finite) < 2:
        return Mean(value, *[float("nan")] * 3)
    error = float(finite.std(ddof=1) * np.sqrt(1 / len(finite) + test_share))
    half = float(student.ppf((1 + LEVEL) / 2, len(finite) - 1)) * error
    if error == 0:
        return Mean(value, value, value, 1.0 if value == 0 else 0.0)
    p = 2 * float(student.sf(abs(value) / error, len(finite) - 1))
    return Mean(value, value - half, value + half, p)
