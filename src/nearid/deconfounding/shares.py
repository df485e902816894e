"""How much of a component's variance a grouping of the rows explains, on rows left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.rows import Rows, fold

__all__ = ["group_shares", "share_of_sums", "summed"]

Array = NDArray[np.float64]


def group_shares(
    codes: Array | Rows,
    groups: NDArray[np.str_],
    *,
    n_folds: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
) -> Array:
    r"""Return the share of each column's variance that groups explain, cross-validated.

    :math:`R^2 = 1 - \sum_i (y_i - \bar y_{g(i)})^2 / \sum_i (y_i - \bar y)^2`, where both means are
    taken over the *other* folds: 0 at chance (or a little below), 1 if the group says everything.

    Parameters
    ----------
    codes : ndarray or Rows, shape (n, k)
        Read once, a chunk at a time.
    groups : ndarray of str, shape (n,)
    n_folds : int, default 5
    seed : int, default 0
        Of the folds.
    n_jobs : int, default 1

    Returns
    -------
    ndarray, shape (k,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> groups = np.repeat(["p", "q"], 500)
    >>> codes = np.stack([1.0 * (groups == "p"), rng.normal(size=1000)], axis=1)
    >>> group_shares(codes, groups).round(2).tolist()
    [1.0, -0.0]
    """
    rows = codes if isinstance(codes, Rows) else Rows(codes)
    part = np.random.default_rng(seed).permutation(len(rows)) % n_folds
    _, member = np.unique(groups, return_inverse=True)
    return share_of_sums(*summed(rows, member, part, n_jobs=n_jobs))


def summed(
    rows: Rows, member: NDArray[np.intp], part: NDArray[np.intp], *, n_jobs: int = 1
) -> tuple[Array, Array, Array]:
    """Return counts, sums and sums of squares, by fold and group, in one pass.

    Returns
    -------
    counts : ndarray, shape (F, G)
    sums : ndarray, shape (F, G, k)
    squares : ndarray, shape (F, k)
    """
    n_groups, n_folds = int(member.max()) + 1, int(part.max()) + 1
    if len(member) != len(rows):
        raise InputError(f"{rows.name} has {len(rows)} rows, but {len(member)} groups were given")
    shift = np.asarray(rows.read(0, 1)[0], dtype=np.float64)  # squares of far-off values round
    cell = Rows(np.asarray(part * n_groups + member, dtype=np.float64)[:, None], name="groups")

    def kernel(chunk: Array, cells: Array) -> tuple[Array, ...]:
        y = np.asarray(chunk, dtype=np.float64) - shift
        place = cells[:, 0].astype(np.intp)
        order = np.argsort(place, kind="stable")
        found, starts = np.unique(place[order], return_index=True)
        sums = np.zeros((n_folds * n_groups, y.shape[1]))
        squares = np.zeros_like(sums)
        sums[found] = np.add.reduceat(y[order], starts, axis=0)
        squares[found] = np.add.reduceat(y[order] ** 2, starts, axis=0)
        counts = np.bincount(place, minlength=n_folds * n_groups).astype(np.float64)
        return counts, sums, squares

    counts, sums, squares = fold(kernel, rows, cell, n_jobs=n_jobs)
    k = rows.n_columns
    return (
        counts.reshape(n_folds, n_groups),
        sums.reshape(n_folds, n_groups, k),
        squares.reshape(n_folds, n_groups, k).sum(axis=1),
    )


def share_of_sums(counts: Array, sums: Array, squares: Array) -> Array:
    """Return the cross-validated share from sums by fold and group; see :func:`group_shares`."""
    other_counts = counts.sum(axis=0) - counts
    other_sums = sums.sum(axis=0) - sums
    overall = other_sums.sum(axis=1) / other_counts.sum(axis=1)[:, None]
    known = other_counts > 0  # a group that is in one fold only is predicted by the overall mean
    means = np.where(
        known[..., None],
        other_sums / np.where(known, other_counts, 1)[..., None],
        overall[:, None, :],
    )
    # Σ(y − m)² = Σy² − 2mΣy + nm²
    within = squares - 2 * (means * sums).sum(axis=1) + (counts[..., None] * means**2).sum(axis=1)
    total = squares - 2 * overall * sums.sum(axis=1)
    total += counts.sum(axis=1)[:, None] * overall**2
    explained = within.sum(axis=0)
    return np.asarray(1 - explained / np.where(total.sum(axis=0) > 0, total.sum(axis=0), 1))
