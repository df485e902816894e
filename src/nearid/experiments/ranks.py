"""Rank correlations over pairs of runs, with intervals that know that pairs share runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from nearid.identifiability.percentiles import percentile_interval

__all__ = ["interval_over_runs", "partial_spearman", "spearman"]

Array = NDArray[np.float64]


def spearman(x: Array, y: Array) -> float:
    """Return Spearman's rank correlation, nan if either is constant or empty.

    Examples
    --------
    >>> spearman(np.array([1.0, 2.0, 9.0]), np.array([3.0, 4.0, 5.0]))
    1.0
    """
    return _correlation(rankdata(x), rankdata(y))


def partial_spearman(x: Array, y: Array, given: Array) -> float:
    """Return the rank correlation of what is left of x and y after the ranks of a third.

    Examples
    --------
    >>> given = np.arange(6.0)
    >>> abs(partial_spearman(given + [0, 1, 0, 1, 0, 1], given, given)) < 1e-9
    True
    """
    a, b, c = (rankdata(values) for values in (x, y, given))
    ab, ac, bc = _correlation(a, b), _correlation(a, c), _correlation(b, c)
    left = (1 - ac**2) * (1 - bc**2)
    # nothing is left of a variable that the third determines
    return float((ab - ac * bc) / np.sqrt(left)) if left > 1e-12 else 0.0


def _correlation(a: Array, b: Array) -> float:
    if not len(a):
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a**2).sum() * (b**2).sum())
    return float(round((a * b).sum() / norm, 12)) if norm > 0 else float("nan")


def interval_over_runs(
    pairs: pd.DataFrame,
    statistic: Callable[[pd.DataFrame], float],
    *,
    rng: np.random.Generator,
    by: Sequence[str] = ("alpha",),
    draws: int = 400,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[float, float]:
    """Return the 95 % interval of a statistic of pairs by resampling runs within each setting.

    A run that is drawn twice brings its pairs twice, but never a pair with itself.  The
    percentiles are widened for how few runs there are
    (:func:`~nearid.identifiability.percentiles.percentile_interval`): every setting costs one
    degree of freedom, since runs of one setting do not stand in for those of another.

    Parameters
    ----------
    pairs : DataFrame
        With the columns ``source`` and ``target``, and those of the setting.
    statistic : callable
    rng : numpy Generator
    by : sequence of str, default ("alpha",)
        Columns that tell a setting: pairs are of one.
    draws : int, default 400
    bounds : (float, float)
        The range of the statistic, which its interval does not leave.
    """
    ends = pairs[["source", "target"]].to_numpy()
    groups = pairs.groupby(list(by)).indices.values()
    n_runs = sum(len(np.unique(ends[positions])) for positions in groups)
    values = []
    for _ in range(draws):
        rows = [positions[_resampled(ends[positions], rng)] for positions in groups]
        values.append(statistic(pairs.iloc[np.concatenate(rows)]))
    defined = [value for value in values if np.isfinite(value)]
    if not defined:
        return np.nan, np.nan
    n_units = n_runs - len(groups) + 1
    low, high = np.clip(percentile_interval(defined, statistic(pairs), n_units=n_units), *bounds)
    return float(low), float(high)


def _resampled(ends: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    runs, places = np.unique(ends, return_inverse=True)
    times = np.bincount(rng.integers(len(runs), size=len(runs)), minlength=len(runs))
    return np.repeat(np.arange(len(ends)), times[places.reshape(ends.shape)].prod(axis=1))
