"""Mutual information gap: whether one code tells more of a factor than any other code does."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.metrics.arguments import check_arguments
from nearid.metrics.mutual_information import binned_information, entropies
from nearid.metrics.score import Score, reason_if_dead, shuffled_chance

__all__ = ["mig"]

Array = NDArray[np.float64]


def mig(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    n_bins: int = 20,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
    information: Array | None = None,
) -> Score:
    r"""Measure the gap between the two codes that know most of each factor.

    .. math:: \mathrm{MIG} = \frac1S \sum_i \frac{I_{i(1)} - I_{i(2)}}{H(s_i)}

    In [0, 1], higher is better. Codes are cut into bins of equal width, so it depends on monotone
    maps of a code.

    Parameters
    ----------
    factors : array, shape (n, S)
        Labels.
    codes : array, shape (n, L)
    n_bins : int, default 20
    n_shuffles : int, default 1
        Shuffles of the rows for the chance level.
    random_state : int, Generator or None
    information : ndarray, shape (S, L), optional
        What :func:`nearid.metrics.mutual_information.binned_information` gives, if it is known.

    Returns
    -------
    Score
        ``parts["gaps"]`` has the gap of each factor.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or a factor is constant.

    References
    ----------
    Chen, Li, Grosse & Duvenaud, NeurIPS 2018, as in disentanglement_lib.

    Examples
    --------
    >>> s = np.random.default_rng(0).integers(0, 4, size=(500, 2))
    >>> round(mig(s, s[:, ::-1], random_state=0).value, 3)
    0.994
    """
    given = check_arguments(factors, codes, varying=True)
    if information is None:
        information = binned_information(given.factors, given.codes, n_bins=n_bins)
    gaps = _gaps(information, entropies(given.factors))
    chance = shuffled_chance(
        lambda shuffled: float(
            _gaps(
                binned_information(given.factors, shuffled, n_bins=n_bins),
                entropies(given.factors),
            ).mean()
        ),
        given.codes,
        n_shuffles=n_shuffles,
        rng=np.random.default_rng(random_state),
    )
    reason = reason_if_dead(given.codes)
    return Score("mig", float(gaps.mean()), {"gaps": gaps}, chance, reason=reason)


def _gaps(information: Array, entropy: Array) -> Array:
    """Return the gap of each factor; a single code is compared with knowing nothing."""
    padded = np.pad(information, ((0, 0), (0, 1)))
    ranked = np.sort(padded, axis=1)
    return np.asarray((ranked[:, -1] - ranked[:, -2]) / entropy)
