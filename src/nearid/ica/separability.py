"""Which components the contrast can tell from a Gaussian, and which it can tell apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nearid.ica.contrasts import Contrast

__all__ = ["gaussian_components", "leakage", "separable_pairs"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Ground-state energy of the spherical spin glass with four-spin interactions: in d Gaussian
#: dimensions the largest ``|α|`` that a search over all directions can find is this many times
#: ``√d · alpha_scale / √N``, because the fourth Hermite polynomial leads the contrast (Crisanti &
#: Sommers, Zeitschrift für Physik B 87, 1992; Auffinger, Ben Arous & Černý, CPAM 66, 2013).
GROUND_STATE = 1.794
#: Standard errors on top, for the scatter about that limit, which few dimensions have not reached.
SPARE = 1.0
#: Standard errors at least: with one dimension there is no search.
SINGLE = 3.0
#: Two components that leak into each other by this much (a correlation) are not told apart.
MAX_LEAKAGE = 0.5


def gaussian_components(alpha: Array, n: int | Array, contrast: Contrast) -> Mask:
    """Tell which components are Gaussian as far as the contrast can see.

    A component is flagged when its ``|α|`` is no larger than a search through Gaussian noise
    would find. How large that is grows with the number of Gaussian dimensions that were searched,
    which is found by stepping down from all of them.

    Parameters
    ----------
    alpha : ndarray, shape (k,)
        ``E[y g(y)] − E[g'(y)]`` of each component.
    n : int
        Number of rows.
    contrast : Contrast

    Returns
    -------
    ndarray of bool, shape (k,)

    Examples
    --------
    >>> from nearid.ica.contrasts import CONTRASTS
    >>> gaussian_components(np.array([-0.15, 0.001]), 10_000, CONTRASTS["logcosh"]).tolist()
    [False, True]
    """
    noise = contrast.gaussian.alpha_scale / np.sqrt(n)
    flagged = np.ones(len(alpha), bool)
    for _ in range(len(alpha)):
        searched = GROUND_STATE * np.sqrt(flagged.sum()) + SPARE
        smaller = np.abs(alpha) <= noise * max(SINGLE, searched)
        if smaller.sum() == flagged.sum():
            break
        flagged = smaller
    return flagged


def leakage(alpha: Array, gamma: Array, n: int | Array) -> Array:
    """Predict how much of component l is left in component k, ``√(V_kl / N)``.

    ``V_kl = (γ_k + γ_l + τ_l²) / (τ_k + τ_l)²`` with ``τ = |α|``.

    Parameters
    ----------
    alpha : ndarray, shape (k,)
    gamma : ndarray, shape (k,)
        ``E[g(y)²] − E[y g(y)]²``.
    n : int or ndarray, shape (k, k)
        Number of rows, or of as many independent ones as are worth these for each pair.

    Returns
    -------
    ndarray, shape (k, k)
        Row k, column l: the standard deviation of the weight of l in k; 0 on the diagonal.

    References
    ----------
    Tichavský, Koldovský & Oja, IEEE Transactions on Signal Processing 54(4), 2006.
    """
    tau = np.abs(alpha)
    total = np.maximum(tau[:, None] + tau, np.finfo(float).tiny ** 0.25)
    variance = (gamma[:, None] + gamma + tau**2) / total**2
    np.fill_diagonal(variance, 0.0)
    return np.asarray(np.sqrt(variance / n))


def separable_pairs(gaussian: Mask, predicted: Array) -> Mask:
    """Tell which pairs of components are told apart, shape (k, k), symmetric.

    Not two Gaussians, and not a pair in which either leaks into the other by
    :data:`MAX_LEAKAGE` or more.
    """
    both = np.outer(gaussian, gaussian)
    worst = np.maximum(predicted, predicted.T)
    separable = ~both & (worst < MAX_LEAKAGE)
    np.fill_diagonal(separable, True)
    return np.asarray(separable)


def blocks(separable: Mask) -> list[NDArray[np.intp]]:
    """Return the groups of components that are tied together by inseparable pairs.

    Examples
    --------
    >>> apart = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], bool)
    >>> [block.tolist() for block in blocks(apart)]
    [[0, 2]]
    """
    from scipy.sparse.csgraph import connected_components

    n_groups, label = connected_components(~separable, directed=False)
    groups = [np.flatnonzero(label == group) for group in range(n_groups)]
    return [group for group in groups if len(group) > 1]
