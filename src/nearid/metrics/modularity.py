"""Modularity: whether each code tells of one factor only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.metrics.arguments import check_arguments
from nearid.metrics.mutual_information import binned_information
from nearid.metrics.score import ONE_FACTOR, Score, reason_if_dead, shuffled_chance

__all__ = ["modularity"]

Array = NDArray[np.float64]


def modularity(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    n_bins: int = 20,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
    information: Array | None = None,
) -> Score:
    r"""Measure how far each code is from telling of several factors.

    .. math:: \mathrm{modularity}_j = 1 - \frac{\sum_{i \ne i^*} I_{ij}^2}{I_{i^*j}^2 (S - 1)}

    averaged over the codes; i* is the factor that code j knows most of, and a dead code counts 0.
    In [0, 1], higher is better; shuffled codes score well above 0, see ``chance``.

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
        None for one factor. ``parts["codes"]`` has the modularity of each code.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or a factor is constant.

    References
    ----------
    Ridgeway & Mozer, NeurIPS 2018, as in disentanglement_lib.

    Examples
    --------
    >>> s = np.random.default_rng(0).integers(0, 4, size=(500, 2))
    >>> round(modularity(s, s[:, ::-1], random_state=0).value, 3)
    1.0
    """
    given = check_arguments(factors, codes, varying=True)
    if given.factors.shape[1] == 1:
        return Score("modularity", None, reason=ONE_FACTOR)
    if information is None:
        information = binned_information(given.factors, given.codes, n_bins=n_bins)
    found = _by_code(information)
    chance = shuffled_chance(
        lambda shuffled: float(
            _by_code(binned_information(given.factors, shuffled, n_bins=n_bins)).mean()
        ),
        given.codes,
        n_shuffles=n_shuffles,
        rng=np.random.default_rng(random_state),
    )
    reason = reason_if_dead(given.codes)
    return Score("modularity", float(found.mean()), {"codes": found}, chance, reason=reason)


def _by_code(information: Array) -> Array:
    squares = information**2
    top = squares.max(axis=0)
    rest = squares.sum(axis=0) - top
    share = np.divide(rest, top * (len(information) - 1), out=np.ones_like(top), where=top > 0)
    return np.asarray(1 - share)
