"""Subspace InfoM: the modularity of groups of codes, each taken as one. Not a part of InfoMEC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from scipy.special import digamma

from nearid.errors import InputError
from nearid.metrics.arguments import check_arguments, labels, standardised
from nearid.metrics.infomec import concentration
from nearid.metrics.mutual_information import entropies, jittered
from nearid.metrics.score import ONE_FACTOR, Score, reason_if_dead, shuffled_chance
from nearid.metrics.subspaces import subspaces

__all__ = ["subspace_infom"]

Array = NDArray[np.float64]


def subspace_infom(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    groups: Sequence[Sequence[int]] | None = None,
    k: int = 10,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Score:
    r"""Measure whether each group of codes tells of one factor.

    .. math:: \frac{\langle \max_i \mathrm{NMI}_{ig} / \sum_i \mathrm{NMI}_{ig} \rangle_g - 1/S}
              {1 - 1/S}, \quad \mathrm{NMI}_{ig} = I(s_i; z_g) / H(s_i)

    In [0, 1], higher is better. A circular factor takes two components, which no rotation within
    their plane can part; together they are one code here. So this is **another index than InfoM**:
    groups are fewer than codes, and one that swallows all factors but one tells of them all. It is
    never to be compared with InfoM of single codes.

    Parameters
    ----------
    factors : array, shape (n, S)
        Labels.
    codes : array, shape (n, L)
        Their scale within a group matters: neighbours are those of the greatest difference in a
        coordinate, after each code was standardised.
    groups : sequence of sequences of int, optional
        Columns of codes that count as one; by default :func:`nearid.metrics.subspaces.subspaces`,
        which sees no factor.
    k : int, default 10
        Neighbours in Ross's estimate.
    n_shuffles : int, default 1
    random_state : int, Generator or None

    Returns
    -------
    Score
        ``parts``: ``subspace_infoc``, the same over factors; ``nmi``, shape (S, groups); and
        ``groups``. None for one factor, or where a group tells of none.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, a factor is constant or continuous, or groups
        are not of columns of the codes, each of them at most once.

    References
    ----------
    The estimate: Ross, PLoS ONE 9(2), 2014, equation 2, with the distance of the greatest
    coordinate.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> s = rng.integers(0, 10, size=(3000, 2))
    >>> angle = 2 * np.pi * s[:, 0] / 10
    >>> z = np.stack([np.cos(angle), np.sin(angle), s[:, 1] / 3], axis=1)
    >>> score = subspace_infom(s, z + 0.05 * rng.standard_normal(z.shape), random_state=0)
    >>> round(score.value, 2), score.parts["groups"]
    (1.0, [[0, 1], [2]])
    """
    given = check_arguments(factors, codes, varying=True)
    rng = np.random.default_rng(random_state)
    table = jittered(standardised(given.codes)[0], rng)
    found = subspaces(given.codes) if groups is None else [list(group) for group in groups]
    _check(found, table.shape[1], k)
    targets = [labels(s, name=f"factor {i}") for i, s in enumerate(given.factors.T)]
    entropy = entropies(given.factors)[:, None]

    def nmi_of(values: Array) -> Array:
        told = [[_ross(target, values[:, group], k) for group in found] for target in targets]
        return np.array(told) / entropy

    nmi = nmi_of(table)
    value = concentration(nmi.T, skip=False)
    parts: dict[str, Any] = {"subspace_infoc": concentration(nmi, skip=False)}
    parts |= {"nmi": nmi, "groups": found}
    chance = shuffled_chance(
        lambda shuffled: concentration(nmi_of(shuffled).T, skip=True),
        table,
        n_shuffles=n_shuffles,
        rng=rng,
    )
    reason = reason_if_dead(given.codes)
    if value is None and reason is None:
        reason = ONE_FACTOR if len(targets) == 1 else "a group of codes tells of no factor"
    return Score("subspace_infom", value, parts, chance, reason=reason)


def _check(groups: list[list[int]], width: int, k: int) -> None:
    if k < 1:
        raise InputError(f"k, the number of neighbours, must be 1 or more; got {k}")
    members = [column for group in groups for column in group]
    fit = all(0 <= column < width for column in members) and all(groups)
    if not groups or not fit or len(set(members)) < len(members):
        raise InputError(
            f"groups must be lists of columns of the codes, 0 to {width - 1}, each in one group at "
            f"most; got {groups}"
        )


def _ross(target: NDArray[np.intp], points: Array, k: int) -> float:
    """Return Ross's estimate for points of any dimension, in nats; classes of one are left out."""
    sizes = np.bincount(target)
    kept = sizes[target] > 1
    target, points = target[kept], points[kept]
    if not len(target):
        return 0.0
    radii, near = np.empty(len(target)), np.minimum(k, sizes - 1)
    for label in np.unique(target):
        rows = target == label
        tree = cKDTree(points[rows])
        radii[rows] = np.asarray(tree.query(points[rows], [near[label] + 1], p=np.inf)[0])[:, 0]
    crowd = cKDTree(points).query_ball_point(
        points, np.nextafter(radii, 0.0), p=np.inf, return_length=True
    )
    known = digamma(near[target]) - digamma(sizes[target]) - digamma(crowd)
    return max(0.0, float(digamma(len(target)) + known.mean()))
