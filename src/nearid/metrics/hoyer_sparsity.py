"""Hoyer's sparsity: whether each factor is read off few codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.metrics.arguments import check_arguments, standardised
from nearid.metrics.score import DEAD, Score, shuffled_chance

__all__ = ["hoyer", "hoyer_sparsity"]

Array = NDArray[np.float64]


def hoyer(weights: ArrayLike) -> Array:
    r"""Return the sparsity of vectors, along the last axis.

    .. math:: \frac{\sqrt D - \|w\|_1 / \|w\|_2}{\sqrt D - 1}

    1 for a single entry, 0 for D equal ones; nan for a vector of zeros, and for D = 1.

    Parameters
    ----------
    weights : array, shape (…, D)

    Returns
    -------
    ndarray, shape (…)

    References
    ----------
    Hoyer, JMLR 5, 2004.

    Examples
    --------
    >>> hoyer([[0.0, 3.0, 0.0], [1.0, -1.0, 1.0]]).round(6).tolist()
    [1.0, -0.0]
    """
    table = np.asarray(weights, dtype=np.float64)
    root = np.sqrt(table.shape[-1])
    length = np.sqrt((table**2).sum(axis=-1))
    defined = (length > 0) & (root > 1)
    ratio = np.abs(table).sum(axis=-1) / np.where(defined, length, 1)
    return np.where(defined, (root - ratio) / max(root - 1, 1e-300), np.nan)


def hoyer_sparsity(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Score:
    """Measure how sparse the least-squares weights are by which each factor is read off the codes.

    Codes are standardised, so that scales have no say; the mean over factors of :func:`hoyer`. In
    [0, 1], higher is sparser. Noise gives weights that are not equal either: see ``chance``.

    Parameters
    ----------
    factors : array, shape (n, S)
        Numbers.
    codes : array, shape (n, L)
    n_shuffles : int, default 1
    random_state : int, Generator or None

    Returns
    -------
    Score
        ``parts["weights"]``, shape (S, L). None for a single code.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or a factor is constant.

    Examples
    --------
    >>> s = np.random.default_rng(0).normal(size=(500, 2))
    >>> round(hoyer_sparsity(s, s, random_state=0).value, 3)
    1.0
    """
    given = check_arguments(factors, codes, varying=True)
    if given.codes.shape[1] == 1:
        return Score("hoyer_sparsity", None, reason="a single weight is neither sparse nor dense")
    weights = _weights(given.factors, given.codes)
    chance = shuffled_chance(
        lambda shuffled: _mean(_weights(given.factors, shuffled)),
        given.codes,
        n_shuffles=n_shuffles,
        rng=np.random.default_rng(random_state),
    )
    value = _mean(weights)
    reason = DEAD if value is None else None
    return Score("hoyer_sparsity", value, {"weights": weights}, chance, reason=reason)


def _weights(factors: Array, codes: Array) -> Array:
    [x] = standardised(codes)
    return np.asarray(np.linalg.lstsq(x, factors - factors.mean(axis=0), rcond=None)[0].T)


def _mean(weights: Array) -> float | None:
    found = hoyer(weights)
    return float(np.nanmean(found)) if np.isfinite(found).any() else None
