"""Joint first and second moments of one or many runs, from one pass over the rows.

One Gram matrix of all runs side by side holds every pair's cross-covariance, and so everything
from which the transformation groups are fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.linalg import polar_factor
from nearid.rows import Rows, fold, map_chunks

__all__ = ["Moments", "PairMoments", "check_finite", "moments"]

Array = NDArray[np.float64]

#: Rows from which the shift is taken that keeps the sums of squares small.
SHIFT_ROWS = 256


@dataclass(frozen=True, eq=False)
class PairMoments:
    """First and second moments of a source and a target that describe the same rows.

    Parameters
    ----------
    n : int
        Number of rows.
    source_mean, target_mean : ndarray, shapes (D_s,) and (D_t,)
    source_cov, target_cov : ndarray, shapes (D_s, D_s) and (D_t, D_t)
        Covariances, divided by n.
    cross_cov : ndarray, shape (D_s, D_t)
        ``E[(source − mean)ᵀ (target − mean)]``.
    """

    n: int
    source_mean: Array
    target_mean: Array
    source_cov: Array
    target_cov: Array
    cross_cov: Array

    @cached_property
    def rotation(self) -> Array:
        """The Procrustes rotation, polar factor of the cross-covariance, shape (D_s, D_t)."""
        return polar_factor(self.cross_cov)


@dataclass(frozen=True, eq=False)
class Moments:
    """Joint moments of several runs side by side.

    Parameters
    ----------
    n : int
        Number of rows.
    mean : ndarray, shape (D,), D the sum of the widths
    cov : ndarray, shape (D, D)
        Covariance, divided by n.
    widths : tuple of int
        Number of columns of each run.

    See Also
    --------
    moments : computes them.
    """

    n: int
    mean: Array
    cov: Array
    widths: tuple[int, ...]

    def block(self, run: int) -> slice:
        """Return the columns of a run among all columns."""
        start = sum(self.widths[:run])
        return slice(start, start + self.widths[run])

    def pair(self, source: int, target: int) -> PairMoments:
        """Return the moments of an ordered pair of runs."""
        s, t = self.block(source), self.block(target)
        return PairMoments(
            n=self.n,
            source_mean=self.mean[s],
            target_mean=self.mean[t],
            source_cov=self.cov[s, s],
            target_cov=self.cov[t, t],
            cross_cov=self.cov[s, t],
        )

    def subset(self, runs: Sequence[int]) -> Moments:
        """Return the joint moments of some of the runs, in the given order."""
        columns = np.concatenate([np.empty(0, np.intp), *(np.r_[self.block(m)] for m in runs)])
        widths = tuple(self.widths[m] for m in runs)
        return Moments(self.n, self.mean[columns], self.cov[np.ix_(columns, columns)], widths)

    def mapped(self, matrices: Sequence[Array], offsets: Sequence[Array]) -> Moments:
        """Return the moments after each run m has gone through ``z ↦ z matrices[m] + offsets[m]``.

        Exact, and without reading a row: moments of linear images are linear images of moments.
        """
        widths = tuple(matrix.shape[1] for matrix in matrices)
        result = Moments(self.n, np.empty(sum(widths)), np.empty((sum(widths),) * 2), widths)
        for i, (matrix, offset) in enumerate(zip(matrices, offsets, strict=True)):
            rows = result.block(i)
            result.mean[rows] = self.mean[self.block(i)] @ matrix + offset
            left = matrix.T @ self.cov[self.block(i)]
            for j, other in enumerate(matrices):
                result.cov[rows, result.block(j)] = left[:, self.block(j)] @ other
        return result


def moments(runs: Sequence[Rows], *, n_jobs: int = 1) -> Moments:
    """Compute the joint mean and covariance of runs in one pass.

    ``mean = Σ x / n``, ``cov = Σ (x − mean)ᵀ(x − mean) / n`` with x the runs' rows side by side.
    Sums are float64, around a shift near the mean, so that a large offset costs no digits.

    Parameters
    ----------
    runs : sequence of Rows
        Of one length; the i-th row of each describes the same input.
    n_jobs : int, default 1
        Worker threads.

    Returns
    -------
    Moments

    Raises
    ------
    InputError
        If lengths differ, or there are NaN or infinite values (how many, and where).

    Examples
    --------
    >>> from nearid.rows import as_rows
    >>> m = moments([as_rows([[0.0], [2.0]]), as_rows([[1.0], [5.0]])])
    >>> m.mean.tolist(), m.pair(0, 1).cross_cov.tolist()
    ([1.0, 3.0], [[2.0]])
    """
    empty = [run.name for run in runs if len(run) == 0]
    if empty:
        raise InputError(f"{empty[0]} has no rows")
    shift = np.concatenate([_pilot_mean(run) for run in runs])

    def kernel(*chunks: NDArray[Any]) -> tuple[Array, Array]:
        joint = np.concatenate(chunks, axis=1).astype(np.float64, copy=False) - shift
        return joint.sum(axis=0), joint.T @ joint

    with np.errstate(invalid="ignore", over="ignore"):  # NaN and inf are looked for below
        total, gram = fold(kernel, *runs, n_jobs=n_jobs)
        n = len(runs[0])
        centre = total / n
        cov = gram / n - np.outer(centre, centre)
    if not np.isfinite(cov).all():
        check_finite(runs)
        raise InputError("the values are too large to be squared in float64; rescale them")
    return Moments(n, shift + centre, cov, tuple(run.n_columns for run in runs))


def _pilot_mean(run: Rows) -> Array:
    head = run.read(0, min(SHIFT_ROWS, len(run))).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        mean = head.mean(axis=0)
    return np.where(np.isfinite(mean), mean, 0.0)


def check_finite(runs: Sequence[Rows]) -> None:
    """Raise if there are NaN or infinite values, and say how many, and where the first one is.

    Rows are numbered as in the table that the user gave, not as in a part of it.

    Raises
    ------
    InputError
        For the first run that has any.
    """
    for run in runs:
        counts = np.concatenate(list(map_chunks(_non_finite_per_row, run)))
        rows = np.flatnonzero(counts)
        if len(rows):
            raise InputError(
                f"{run.name} has {counts.sum()} NaN or infinite values, in {len(rows)} of its "
                f"{len(run)} rows (the first in {_place(run, int(rows[0]))}); drop those rows "
                f"from every run, or impute them"
            )


def _non_finite_per_row(chunk: NDArray[Any]) -> NDArray[np.intp]:
    return np.asarray((~np.isfinite(chunk)).sum(axis=1))


def _place(run: Rows, row: int) -> str:
    column = int(np.isfinite(run.read(row, row + 1)[0]).argmin())
    label = run.columns[column] if run.columns else column
    named = "" if run.ids is None else f" (id {str(run.ids[row])!r})"
    number = row if run.order is None else run.order[row]
    return f"row {number}{named}, column {label}"
