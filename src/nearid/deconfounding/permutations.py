"""How surprising it is that groups differ, when labels are permuted where they may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nearid.linalg import group_sums

__all__ = ["permutation_p"]

Array = NDArray[np.float64]


def permutation_p(
    codes: Array,
    groups: NDArray[np.str_],
    *,
    within: NDArray[np.str_],
    units: NDArray[np.intp],
    n_permutations: int,
    rng: np.random.Generator,
) -> Array:
    r"""Return the p-value of each column's variance between groups, under restricted permutations.

    The statistic is :math:`\sum_g n_g \bar y_g^2`. Groups are permuted among the units that share
    the other grouping, so that what that one explains is not taken for theirs.
    :math:`p = (1 + \#\{t^* \ge t\}) / (1 + P)`.

    Parameters
    ----------
    codes : ndarray, shape (n, k)
    groups : ndarray of str, shape (n,)
    within : ndarray of str, shape (n,)
        Groups are permuted among rows that have the same.
    units : ndarray of int, shape (n,)
        Rows of one unit keep the same group. A unit whose rows differ in ``groups`` or ``within``
        is split.
    n_permutations : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (k,)

    References
    ----------
    Phipson & Smyth, Statistical Applications in Genetics and Molecular Biology 9(1), 2010;
    Anderson & ter Braak, Journal of Statistical Computation and Simulation 73(2), 2003.
    """
    member = np.unique(groups, return_inverse=True)[1]
    stratum = np.unique(within, return_inverse=True)[1]
    keys = np.stack([units, member, stratum], axis=1)
    _, first, unit = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    sums, sizes = _by_unit(codes - codes.mean(axis=0), unit.ravel(), len(first))
    label, block = member[first], stratum[first]
    observed = _between(sums, sizes, label)
    order = np.argsort(block, kind="stable")
    exceeded = np.zeros(codes.shape[1])
    for _ in range(n_permutations):
        # sorted by stratum first, then by chance: a permutation within strata
        shuffled = np.lexsort((rng.random(len(block)), block))
        permuted = np.empty_like(label)
        permuted[order] = label[shuffled]
        exceeded += _between(sums, sizes, permuted) >= observed * (1 - 1e-12)
    return np.asarray((1 + exceeded) / (1 + n_permutations))


def _by_unit(codes: Array, unit: NDArray[np.intp], n_units: int) -> tuple[Array, Array]:
    return group_sums(codes, unit, n_units), np.bincount(unit, minlength=n_units).astype(np.float64)


def _between(sums: Array, sizes: Array, label: NDArray[np.intp]) -> Array:
    n_groups = int(label.max()) + 1
    totals = group_sums(sums, label, n_groups)
    counts = np.bincount(label, weights=sizes, minlength=n_groups)
    return np.asarray((totals**2 / np.where(counts > 0, counts, 1)[:, None]).sum(axis=0))
