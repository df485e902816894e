"""Points where the gradient vanishes and the loss still falls: two sources mixed half and half.

Two equal sources at 45° are a stationary point by symmetry. Curvature that takes components for
independent does not see that it is no minimum; the curvature of the pair itself does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nearid.ica.contrasts import Contrast
from nearid.ica.objective import Point
from nearid.ica.passes import POWERS

__all__ = ["hidden_pairs", "pair_curvature", "saddle_pairs", "turn_pairs"]

Array = NDArray[np.float64]

#: A pair's curvature is negative when it is below zero by this part of what independence promises.
CLEARLY = 0.25
#: Standard errors beyond what chance gives, from which components are dependent, and what is
#: allowed on top because a Gaussian block is itself the outcome of a search.
DEPENDENT = 4.0
SLACK = 0.15


def pair_curvature(point: Point) -> Array:
    """Return the second derivative of the loss along each pair's rotation.

    ``s_i (E[g'(y_i) y_j²] − E[y_i g(y_i)])``, and the same with i and j exchanged, added.

    Parameters
    ----------
    point : Point
        Whose sums hold the pairs.

    Returns
    -------
    ndarray, shape (k, k)
        Symmetric.
    """
    own = point.signs[:, None] * (point.sums.pairs - np.diag(point.sums.cross)[:, None])
    return np.asarray(own + own.T)


def saddle_pairs(point: Point) -> list[tuple[int, int]]:
    """Return disjoint pairs along whose rotation the loss falls both ways, the steepest first."""
    curvature = pair_curvature(point) + CLEARLY * point.curvature
    apart = ~np.outer(point.gaussian, point.gaussian)
    found = np.argwhere(np.triu(apart & (curvature < 0), k=1))
    return _disjoint(found[np.argsort(curvature[found[:, 0], found[:, 1]])])


def hidden_pairs(point: Point, contrast: Contrast) -> list[tuple[int, int]]:
    """Pair off components that look Gaussian, if they depend on each other.

    A sub-Gaussian and a super-Gaussian source mixed half and half have no kurtosis left, and so do
    mixtures of many. They look Gaussian, but ``g'(y_i)`` and ``y_j²`` are correlated, which in a
    block of Gaussians they are not: there each covariance is normal with a known variance, and so
    the largest and the mean square of all of them are known.

    Parameters
    ----------
    point : Point
        Whose sums hold the pairs.
    contrast : Contrast

    Returns
    -------
    list of (int, int)
        Disjoint, the most dependent first; empty if nothing speaks against a Gaussian block.
    """
    flagged = np.flatnonzero(point.gaussian)
    if len(flagged) < 2:
        return []
    sums = point.sums
    mean = dict(zip(POWERS, sums.powers, strict=True))
    covariance = (sums.pairs - np.outer(mean["g'"], mean["y²"]))[np.ix_(flagged, flagged)]
    scale = contrast.gaussian.pair_scale / np.sqrt(sums.n_pairs)
    first, second = np.triu_indices(len(flagged), k=1)
    z = np.abs(covariance + covariance.T)[first, second] / scale
    largest = np.sqrt(2 * np.log(len(z) + 1)) + DEPENDENT
    together = 1 + DEPENDENT * np.sqrt(2 / len(z)) + SLACK
    if z.max() <= largest and (z**2).mean() <= together:
        return []
    order = np.argsort(-z)
    return _disjoint(np.stack([flagged[first], flagged[second]], axis=1)[order])


def _disjoint(pairs: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Keep each pair none of whose members was in a pair before."""
    chosen: list[tuple[int, int]] = []
    taken: set[int] = set()
    for i, j in pairs.tolist():
        if not taken & {i, j}:
            chosen.append((i, j))
            taken |= {i, j}
    return chosen


def turn_pairs(matrix: Array, pairs: list[tuple[int, int]]) -> Array:
    """Turn each pair of components by 45°, from half and half to one each.

    Parameters
    ----------
    matrix : ndarray, shape (k, k)
        Orthogonal.
    pairs : list of (int, int)

    Returns
    -------
    ndarray, shape (k, k)
        Orthogonal.

    References
    ----------
    Tichavský, Koldovský & Oja, IEEE Transactions on Signal Processing 54(4), 2006, section V.

    Examples
    --------
    >>> turn_pairs(np.eye(2), [(0, 1)]).round(3).tolist()
    [[0.707, 0.707], [-0.707, 0.707]]
    """
    turned = matrix.copy()
    for i, j in pairs:
        turned[i] = (matrix[i] + matrix[j]) / np.sqrt(2)
        turned[j] = (matrix[j] - matrix[i]) / np.sqrt(2)
    return turned
