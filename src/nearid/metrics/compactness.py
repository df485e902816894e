"""Compactness: whether each factor is held by one code, by mutual information."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.metrics.arguments import check_arguments
from nearid.metrics.dci import completeness
from nearid.metrics.mutual_information import binned_information
from nearid.metrics.score import DEAD, Score, shuffled_chance

__all__ = ["compactness"]


def compactness(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    n_bins: int = 20,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
    information: NDArray[np.float64] | None = None,
) -> Score:
    r"""Measure how few codes share the information on each factor.

    .. math:: \sum_i \frac{I_{i\cdot}}{I_{\cdot\cdot}} \left(1 - H_L(I_{i\cdot} / \textstyle\sum_j
              I_{ij})\right)

    The completeness of DCI, with mutual information in the place of a learner's importances: no
    learner is to be chosen, and redundancy is seen that trees hide. In [0, 1], higher is better.

    Parameters
    ----------
    factors : array, shape (n, S)
        Labels.
    codes : array, shape (n, L)
    n_bins, n_shuffles, random_state, information
        As in :func:`nearid.metrics.mig`.

    Returns
    -------
    Score
        None for a single code, over which nothing can be spread.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or a factor is constant.

    References
    ----------
    The property is Ridgeway's (arXiv 1612.05299); Carbonneau, Zaïdi, Boilard & Gagnon, IEEE TNNLS
    2022 (arXiv 2012.09276), review its estimators.

    Examples
    --------
    >>> s = np.random.default_rng(0).integers(0, 4, size=(500, 2))
    >>> round(compactness(s, s, random_state=0).value, 2)
    0.95
    >>> round(compactness(s, np.hstack([s, s]), random_state=0).value, 2)
    0.48
    """
    given = check_arguments(factors, codes, varying=True)
    if given.codes.shape[1] == 1:
        return Score("compactness", None, reason="with one code nothing can be spread over several")
    if information is None:
        information = binned_information(given.factors, given.codes, n_bins=n_bins)
    chance = shuffled_chance(
        lambda shuffled: completeness(binned_information(given.factors, shuffled, n_bins=n_bins).T),
        given.codes,
        n_shuffles=n_shuffles,
        rng=np.random.default_rng(random_state),
    )
    if not information.any():
        return Score("compactness", 0.0, {}, chance, reason=DEAD)
    return Score("compactness", completeness(information.T), {}, chance)
