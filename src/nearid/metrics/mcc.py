"""MCC: how well single codes follow single factors, under the best matching."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata

from nearid.metrics.arguments import check_arguments
from nearid.metrics.score import Score, reason_if_dead, shuffled_chance

__all__ = ["mcc"]

Array = NDArray[np.float64]


def mcc(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    method: Literal["pearson", "spearman"] = "pearson",
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Score:
    r"""Match codes to factors one to one, and take the mean absolute correlation.

    .. math:: \mathrm{MCC} = \frac1m \max_\pi \sum_{i \le m} |\rho(s_i, z_{\pi(i)})|,
              \quad m = \min(S, L)

    In [0, 1], higher is better. The best matching of noise is not 0; ``crossfit``, whose matching
    and signs come from other rows, is 0 at chance and may be negative.

    Parameters
    ----------
    factors : array, shape (n, S)
        Numbers: intervals, or the coordinates of a circle.
    codes : array, shape (n, L)
    method : {"pearson", "spearman"}
    n_shuffles : int, default 1
    random_state : int, Generator or None

    Returns
    -------
    Score
        ``value`` is ``parts["matched"]``; ``coverage`` is that times m / S, so that factors
        without a code count 0; ``crossfit`` is a mean over all factors of the two halves' signed
        correlations; ``partner`` has each factor's code, -1 for none.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or a factor is constant.

    References
    ----------
    Hyvärinen & Morioka, NeurIPS 2016; Khemakhem, Kingma, Monti & Hyvärinen, AISTATS 2020.

    Examples
    --------
    >>> s = np.random.default_rng(0).normal(size=(200, 2))
    >>> round(mcc(s, -2 * s[:, ::-1], random_state=0).parts["crossfit"], 6)
    1.0
    """
    given = check_arguments(factors, codes, varying=True)
    rng = np.random.default_rng(random_state)
    tables = [given.factors, given.codes]
    if method == "spearman":
        tables = [np.asarray(rankdata(table, axis=0)) for table in tables]
    sources, latents = tables
    matched, partner = _matched(_correlations(sources, latents))
    covered = min(sources.shape[1], latents.shape[1]) / sources.shape[1]
    parts = {
        "matched": matched,
        "coverage": matched * covered,
        "crossfit": _crossfit(sources, latents, rng),
        "partner": partner,
    }
    chance = shuffled_chance(
        lambda shuffled: _matched(_correlations(sources, shuffled))[0],
        latents,
        n_shuffles=n_shuffles,
        rng=rng,
    )
    reason = reason_if_dead(given.codes)
    return Score(f"mcc({method})", matched, parts, chance, reason=reason)


def _correlations(sources: Array, latents: Array) -> Array:
    """Return the correlation of each source with each latent; a constant correlates with none."""
    units = []
    for table in (sources, latents):
        centred = table - table.mean(axis=0)
        norm = np.linalg.norm(centred, axis=0)
        size = np.sqrt(len(table)) * np.abs(table).max(axis=0)
        dead = norm <= 1e-12 * size
        units.append(centred / np.where(dead, np.inf, norm))
    return np.asarray(units[0].T @ units[1]).clip(-1, 1)


def _matched(correlations: Array) -> tuple[float, NDArray[np.intp]]:
    source, latent = linear_sum_assignment(-np.abs(correlations))
    partner = np.full(len(correlations), -1)
    partner[source] = latent
    return float(np.abs(correlations[source, latent]).mean()), partner


def _crossfit(sources: Array, latents: Array, rng: np.random.Generator) -> float:
    """Score each half of the rows with the matching and the signs of the other."""
    order = rng.permutation(len(sources))
    halves = [order[::2], order[1::2]]
    first, second = (_correlations(sources[half], latents[half]) for half in halves)
    total = 0.0
    for fitted, scored in ((first, second), (second, first)):
        i, j = linear_sum_assignment(-np.abs(fitted))
        total += float((np.sign(fitted[i, j]) * scored[i, j]).sum())
    return float(total / (2 * sources.shape[1]))
