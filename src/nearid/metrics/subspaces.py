"""Which components belong together: a circle takes two that ICA can part no further."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from nearid.errors import InputError
from nearid.metrics.arguments import check_arguments
from nearid.metrics.mutual_information import discrete_information

__all__ = ["energy_information", "subspaces"]

Array = NDArray[np.float64]

#: Bins of equal counts into which energies are cut.
BINS = 8
#: In nats: two energies that share less are not taken for dependent, wherever the gap is.
LEAST = 0.2


def energy_information(codes: ArrayLike) -> Array:
    r"""Return what the energies of each two components still tell of each other.

    .. math:: I(z_i^2; z_j^2), \quad \text{of } z \text{ centred and scaled}

    After ICA no two components are correlated. Those that span a circle are dependent all the same:
    from :math:`\cos^2 + \sin^2 = 1`, the energy of one fixes that of the other, and no rotation
    within the two changes it. It is the dependence that defines the subspaces of independent
    subspace analysis. That of the components themselves (with their signs) is of less use: it is
    large as well where two intervals are bent into each other.

    Parameters
    ----------
    codes : array, shape (n, k)
        Components; no factor is asked for.

    Returns
    -------
    ndarray, shape (k, k)
        In nats, 0 or more, symmetric, with a diagonal of 0. The plug-in estimate from 8 bins of
        equal counts, less its bias of (8 − 1)² / 2n (Miller & Madow).

    Raises
    ------
    InputError
        If codes are not a table of finite numbers.

    References
    ----------
    Hyvärinen & Hoyer, Emergence of phase- and shift-invariant features by decomposition of natural
    images into independent feature subspaces, Neural Computation 12(7), 2000.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> angle, other = rng.uniform(0, 2 * np.pi, 5000), rng.uniform(size=5000)
    >>> circle = np.stack([np.cos(angle), np.sin(angle), other], axis=1)
    >>> energy_information(circle).round(1).tolist()
    [[0.0, 1.8, 0.0], [1.8, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    table = check_arguments(codes, codes).codes
    n = len(table)
    energies = np.abs(table - table.mean(axis=0))
    ranks = np.asarray(rankdata(energies, axis=0, method="ordinal"))
    bins = (ranks - 1) * BINS // n
    bias = (BINS - 1) ** 2 / (2 * n)
    found = np.maximum(discrete_information(bins, bins) - bias, 0.0)
    np.fill_diagonal(found, 0.0)
    return found


def subspaces(codes: ArrayLike, *, least: float = LEAST) -> list[list[int]]:
    """Group components whose energies depend on each other, without a look at any factor.

    Pairs of components are ordered by :func:`energy_information` and cut at the widest gap, as a
    ratio, between one that shares at least ``least`` nats and the next. What remains linked is one
    subspace.

    Parameters
    ----------
    codes : array, shape (n, k)
        Components of ICA.
    least : float, default 0.2
        In nats. Two coordinates of a noiseless circle share about 2, those of one with noise of a
        tenth of its radius 1.

    Returns
    -------
    list of list of int
        Every component is in one group, alone or with others, in the order of their first members.

    Raises
    ------
    InputError
        If codes are not a table of finite numbers, or ``least`` is not above 0.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> angle, other = rng.uniform(0, 2 * np.pi, 5000), rng.uniform(size=5000)
    >>> subspaces(np.stack([np.cos(angle), other, np.sin(angle)], axis=1))
    [[0, 2], [1]]
    """
    if not least > 0:
        raise InputError(f"least is a number of nats, above 0; got {least!r}")
    information = energy_information(codes)
    links = sorted(combinations(range(len(information)), 2), key=lambda link: -information[link])
    return _linked(len(information), links[: _cut([information[link] for link in links], least)])


def _cut(values: list[float], least: float) -> int:
    """Return how many of the descending values stand before the widest gap."""
    n_large = sum(value >= least for value in values)
    floor = least / 10  # below it, ratios are those of noise
    ratios = [
        value / max(following, floor)
        for value, following in zip(values[:n_large], [*values[1:], 0.0], strict=False)
    ]
    return int(np.argmax(ratios)) + 1 if ratios else 0


def _linked(n: int, links: list[tuple[int, int]]) -> list[list[int]]:
    """Return the connected components of a graph."""
    group = list(range(n))
    for i, j in links:
        kept, gone = sorted((group[i], group[j]))
        group = [kept if own == gone else own for own in group]
    return [[k for k in range(n) if group[k] == first] for first in dict.fromkeys(group)]
