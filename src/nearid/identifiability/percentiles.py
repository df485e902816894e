"""Intervals: over rows by a bootstrap, and over runs by a jackknife, for there are few of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm
from scipy.stats import t as student

__all__ = ["interval_over_pairs", "percentile_interval"]

Array = NDArray[np.float64]

LEVEL = 0.95
#: An upper end that is more than so many times the mean says that the runs' errors are not of one
#: scale: of some that are 0, or nearly, and others that are not, logarithms say nothing.
ONE_SCALE = 10


def percentile_interval(
    draws: ArrayLike, value: ArrayLike, *, n_units: int, axis: int = 0
) -> tuple[Any, Any]:
    r"""Return the 95 % interval of a statistic from its bootstrap draws.

    The percentiles' distances from the value are widened by
    :math:`\sqrt{n/(n-1)}\;t_{n-1}/z`: the spread of resampled means is too small by the first
    factor, and n units do not know their own spread (the second). Percentiles of B draws are at
    the :math:`p(B+1)`-th, so that few draws do not narrow the interval either.

    Parameters
    ----------
    draws : array
        Resampled along ``axis``.
    value : array
        The statistic itself, of the other axes' shape.
    n_units : int
        Of what was resampled. With one, nothing is known of its spread, and the percentiles are
        given as they are.
    axis : int, default 0

    Returns
    -------
    low, high : ndarray or float

    References
    ----------
    Hesterberg, What teachers should know about the bootstrap, The American Statistician 69(4),
    2015, section 5.3 (there by moved percentiles, which for few units lie beyond all draws).

    Examples
    --------
    >>> means = np.random.default_rng(0).standard_normal((2000, 500)).mean(axis=1)
    >>> [round(float(end), 2) for end in percentile_interval(means, 0.0, n_units=500)]
    [-0.09, 0.09]
    """
    value = np.asarray(value, dtype=np.float64)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.asarray(draws), [tail, 1 - tail], axis=axis, method="weibull")
    if n_units < 2:
        return low, high
    wider = np.sqrt(n_units / (n_units - 1)) * student.isf(tail, n_units - 1) / norm.isf(tail)
    return value - wider * (value - low), value + wider * (high - value)


def interval_over_pairs(
    values: Array, draws: Array, runs: NDArray[np.intp], *, n_units: int, positive: bool
) -> tuple[float, float]:
    r"""Return the 95 % interval of a mean over ordered pairs of runs.

    Of two runs it is about these two, and fresh rows. From three up it is about the mean over all
    pairs of the population that the runs are a sample of: pairs that share a run vary together,
    so that the spread is that of the mean when each run is left out (jackknife), and Student's t
    has as many degrees of freedom as runs and rows together allow (Satterthwaite). A mean of
    errors, which are positive and skewed, is taken by its logarithm, where they are of one scale.

    Parameters
    ----------
    values : ndarray, shape (n_pairs,)
    draws : ndarray, shape (n_pairs, n_bootstrap)
        Over rows, the same rows for every pair.
    runs : ndarray of int, shape (n_pairs, 2)
    n_units : int
        Of rows that were resampled.
    positive : bool

    References
    ----------
    Arvesen, Jackknifing U-statistics, The Annals of Mathematical Statistics 40(6), 1969.

    Examples
    --------
    >>> runs = np.array([[0, 1], [0, 2], [1, 2]])
    >>> draws = np.full((3, 50), 0.2)
    >>> low, high = interval_over_pairs(
    ...     np.array([0.2, 0.19, 0.21]), draws, runs, n_units=100, positive=True
    ... )
    >>> round(low, 3), round(high, 3)
    (0.156, 0.256)
    """
    value, resampled = float(values.mean()), draws.mean(axis=0)
    members = np.unique(runs)
    if len(members) < 3:
        low, high = percentile_interval(resampled, value, n_units=n_units)
        return (max(float(low), 0.0) if positive else float(low)), float(high)
    without = [values[(runs != run).all(axis=1)] for run in members]
    left = np.array([part.mean() for part in without if len(part)])
    if positive and left.min() > 0 and resampled.min() > 0:
        low, high = _by_jackknife(np.log(value), np.log(left), np.log(resampled), n_units)
        if high - np.log(value) <= np.log(ONE_SCALE):
            return float(np.exp(low)), float(np.exp(high))
    unit = abs(value) or 1.0  # so that squares are those of numbers about 1
    low, high = _by_jackknife(value / unit, left / unit, resampled / unit, n_units)
    return unit * (max(low, 0.0) if positive else low), unit * high


def _by_jackknife(value: float, left: Array, resampled: Array, n_units: int) -> tuple[float, float]:
    """Return the ends of Student's interval, from what is left without each run, and from draws."""
    of_runs, of_rows = (len(left) - 1) ** 2 / len(left) * left.var(ddof=1), resampled.var(ddof=1)
    spread = of_runs + of_rows
    if spread == 0:
        return value, value
    freedom = spread**2 / (of_runs**2 / (len(left) - 1) + of_rows**2 / max(n_units - 1, 1))
    half = student.isf((1 - LEVEL) / 2, freedom) * np.sqrt(spread)
    return float(value - half), float(value + half)
