"""IRS: whether codes stay put when all factors but one are changed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.errors import InputError
from nearid.metrics.arguments import check_arguments, labels
from nearid.metrics.score import DEAD, Score, shuffled_chance

__all__ = ["irs"]

Array = NDArray[np.float64]


def irs(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    quantile: float = 0.99,
    n_bins: int | None = 20,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Score:
    r"""Measure the interventional robustness of each code under its best factor.

    .. math:: \mathrm{IRS}_j = \max_i 1 - \frac{\langle q_{.99}(|z_j - \bar z_j(s_i)|)\rangle_{s_i}}
              {\max |z_j - \bar z_j|}

    averaged over codes with weights :math:`\max|z_j - \bar z_j|`, so it depends on their scales and
    on single outliers. At most 1, higher is better. It can fall below 0.

    Parameters
    ----------
    factors : array, shape (n, S)
        Labels.
    codes : array, shape (n, L)
    quantile : float, default .99
    n_bins : int or None, default 20
        Factors of more values are cut into so many bins of equal width, as in disentanglement_lib;
        None takes every value for a class, of which rare ones have no quantile to speak of.
    n_shuffles : int, default 1
    random_state : int, Generator or None

    Returns
    -------
    Score
        ``parts["codes"]`` and ``parts["parents"]``: the robustness of each code that varies, and
        the factor that it belongs to; nan and -1 for constant ones.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or a factor is constant or continuous.

    References
    ----------
    Suter, Miladinović, Schölkopf & Bauer, ICML 2019, as in disentanglement_lib.

    Examples
    --------
    >>> s = np.random.default_rng(0).integers(0, 4, size=(500, 2))
    >>> score = irs(s, s[:, ::-1], random_state=0)
    >>> score.value, score.parts["parents"].tolist()
    (1.0, [1, 0])
    """
    given = check_arguments(factors, codes, varying=True)
    if not 0 < quantile <= 1:
        raise InputError(f"quantile must be a number above 0, at most 1; got {quantile!r}")
    if n_bins is not None and n_bins < 1:
        raise InputError(f"n_bins must be 1 or more, or None; got {n_bins}")
    groups = []
    for i, factor in enumerate(given.factors.T):
        target = _classes(factor, labels(factor, name=f"factor {i}"), n_bins)
        groups.append(np.split(np.argsort(target, kind="stable"), np.cumsum(np.bincount(target))))
    matrix, largest = _robustness(given.codes, groups, quantile)
    alive = largest > 0
    best = np.where(alive, matrix.max(axis=0), np.nan)
    parts = {"codes": best, "parents": np.where(alive, matrix.argmax(axis=0), -1)}
    chance = shuffled_chance(
        lambda shuffled: _average(*_robustness(shuffled, groups, quantile)),
        given.codes,
        n_shuffles=n_shuffles,
        rng=np.random.default_rng(random_state),
    )
    reason = None if alive.any() else DEAD
    value = _average(matrix, largest)
    return Score("irs", value, parts, chance, bounds=(-1.0, 1.0), reason=reason)


def _classes(factor: Array, target: NDArray[np.intp], n_bins: int | None) -> NDArray[np.intp]:
    """Return the labels of a factor, or its bins where it has more values than bins."""
    if n_bins is None or target.max() < n_bins:
        return target
    edges = np.histogram_bin_edges(factor, n_bins)[:-1]
    return np.searchsorted(edges, factor, side="right").astype(np.intp) - 1


def _average(matrix: Array, largest: Array) -> float:
    return float(np.average(matrix.max(axis=0), weights=largest)) if largest.any() else 0.0


def _robustness(
    codes: Array, groups: list[list[NDArray[np.intp]]], quantile: float
) -> tuple[Array, Array]:
    """Return 1 less the relative deviation, shape (S, L), and the largest deviations."""
    largest = np.where(np.ptp(codes, axis=0) > 0, np.abs(codes - codes.mean(axis=0)).max(axis=0), 0)
    found = []
    for parts in groups:
        deviations = [
            np.quantile(np.abs(codes[rows] - codes[rows].mean(axis=0)), quantile, axis=0)
            for rows in parts
            if len(rows)
        ]
        found.append(np.mean(deviations, axis=0))
    unit = np.where(largest > 0, largest, np.inf)
    return 1 - np.stack(found) / unit, largest
