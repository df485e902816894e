"""How well each run reproduces each component: against the mean of the others, on held-out rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.identifiability.ladder import Frame
from nearid.identifiability.percentiles import percentile_interval
from nearid.identifiability.units import bags_of
from nearid.rows import Rows, map_chunks

__all__ = ["Agreement", "Sums", "measure_agreement", "predicted_share", "sums_of"]

Array = NDArray[np.float64]

#: Groups of neighbouring rows that the bootstrap draws; each is a row where there are no more.
BAGS = 512
#: Of the |correlations| after shuffling, this quantile is what chance gives.
CHANCE = 0.95


@dataclass(frozen=True, eq=False)
class Sums:
    """First and second moments of M views of k components.

    Parameters
    ----------
    mean : ndarray, shape (..., M, k)
    cov : ndarray, shape (..., M, M, k)
        ``cov[m, l, j]`` is the covariance of component j as seen by m with that as seen by l.
    """

    mean: Array
    cov: Array

    def beside_others(self) -> tuple[Array, Array, Array]:
        """Return the variances of each view and of the others' mean, and their covariance."""
        others = self.cov.shape[-2] - 1
        own = np.einsum("...mmk->...mk", self.cov)
        rows = self.cov.sum(axis=-2)
        total = rows.sum(axis=-2, keepdims=True)
        rest = (total - 2 * rows + own) / others**2
        return own.clip(0), rest.clip(0), (rows - own) / others

    def correlation(self) -> Array:
        """Return each view's correlation with the mean of the others; 0 where one is constant."""
        own, rest, shared = self.beside_others()
        spread = np.sqrt(own * rest)
        found = np.divide(shared, spread, out=np.zeros_like(shared), where=spread > 0)
        return np.asarray(found.clip(-1, 1))


@dataclass(frozen=True, eq=False)
class Agreement:
    """What held-out rows say of each run's view of each component; arrays of shape (M, k).

    Parameters
    ----------
    correlation : ndarray
        With the mean of the other runs. The maps fix the sign, so that -1 is no agreement.
    low, high : ndarray
        95 % interval, by a bootstrap over rows.
    chance : ndarray, shape (M,)
        95 % quantile of the |correlations| of shuffled rows.
    sums : Sums
    """

    correlation: Array
    low: Array
    high: Array
    chance: Array
    sums: Sums


def measure_agreement(
    rows: Sequence[Rows],
    frame: Frame,
    *,
    n_bootstrap: int,
    n_null: int,
    n_jobs: int,
    rng: np.random.Generator,
    units: NDArray[np.intp] | None = None,
) -> Agreement:
    """Compare each run's view of the components with the mean of the others' views.

    The maps are given, and these rows had no part in them: so shuffling these rows alone shows
    what chance gives.

    Parameters
    ----------
    rows : sequence of Rows
        Held-out rows of each run.
    frame : Frame
        With each run's map to the components, shapes (D_m, k).
    n_bootstrap, n_null : int
    n_jobs : int
    rng : numpy.random.Generator
    units : ndarray of int, shape (n,), optional
        The unit of each row; whole ones are drawn.

    Returns
    -------
    Agreement
    """
    counts, first, second = (
        _bag_sums(rows, frame, n_jobs) if units is None else _unit_sums(rows, frame, units, n_jobs)
    )
    weights = rng.multinomial(
        len(counts), np.full(len(counts), 1 / len(counts)), size=n_bootstrap
    ).astype(np.float64)
    resampled = _weighted(weights, counts, first, second).correlation()
    sums = _weighted(np.ones(len(counts)), counts, first, second)
    found = sums.correlation()
    low, high = percentile_interval(resampled, found, n_units=len(counts))
    null = []
    for _ in range(n_null):
        shuffled = [run.take(rng.permutation(len(run))) for run in rows]
        null.append(np.abs(sums_of(shuffled, frame, n_jobs).correlation()))
    chance = np.quantile(np.concatenate(null, axis=1), CHANCE, axis=1)
    return Agreement(found, low.clip(-1, 1), high.clip(-1, 1), chance, sums)


def sums_of(rows: Sequence[Rows], frame: Frame, n_jobs: int) -> Sums:
    """Return the moments of the runs' views, over all rows given."""
    counts, first, second = _bag_sums(rows, frame, n_jobs)
    return _weighted(np.ones(len(counts)), counts, first, second)


def _bag_sums(rows: Sequence[Rows], frame: Frame, n_jobs: int) -> tuple[Array, Array, Array]:
    """Return sizes, sums and sums of products of each bag of rows; a chunk is a bag."""

    def kernel(*chunks: NDArray[Any]) -> tuple[int, Array, Array]:
        return _sums(_views(frame, chunks))

    step = -(-len(rows[0]) // BAGS)
    parts = list(map_chunks(kernel, *rows, n_jobs=n_jobs, chunk_rows=step))
    sizes, first, second = zip(*parts, strict=True)
    return np.array(sizes, dtype=np.float64), np.stack(first), np.stack(second)


def _unit_sums(
    rows: Sequence[Rows], frame: Frame, units: NDArray[np.intp], n_jobs: int
) -> tuple[Array, Array, Array]:
    """Return the same of bags of whole units, whose rows are brought together first."""
    bags = bags_of(units, BAGS)
    order = np.argsort(bags, kind="stable")

    def kernel(*chunks: NDArray[Any]) -> list[tuple[int, tuple[int, Array, Array]]]:
        views, codes = _views(frame, chunks[:-1]), chunks[-1][:, 0]
        present, starts = np.unique(codes, return_index=True)
        return list(zip(present, map(_sums, np.split(views, starts[1:])), strict=True))

    sorted_bags = Rows(bags[order][:, None], name="units")
    taken = [run.take(order) for run in rows]
    found: dict[int, list[tuple[int, Array, Array]]] = defaultdict(list)
    for chunk in map_chunks(kernel, *taken, sorted_bags, n_jobs=n_jobs):
        for bag, sums in chunk:  # a bag may be cut by the end of a chunk
            found[bag].append(sums)
    sizes, first, second = zip(
        *(map(sum, zip(*part, strict=True)) for part in found.values()), strict=True
    )
    return np.array(sizes, dtype=np.float64), np.stack(first), np.stack(second)


def _views(frame: Frame, chunks: Sequence[NDArray[Any]]) -> Array:
    """Return what each run sees of each component, shape (rows, M, k)."""
    parts = [frame.coordinates(chunk, m) for m, chunk in enumerate(chunks)]
    return np.stack(parts, axis=1).astype(np.float64)


def _sums(views: Array) -> tuple[int, Array, Array]:
    return len(views), views.sum(axis=0), np.einsum("nmk,nlk->mlk", views, views)


def _weighted(weights: Array, counts: Array, first: Array, second: Array) -> Sums:
    n = weights @ counts
    mean = np.tensordot(weights, first, axes=1) / n[..., None, None]
    square = np.tensordot(weights, second, axes=1) / n[..., None, None, None]
    return Sums(mean, square - mean[..., :, None, :] * mean[..., None, :, :])


def predicted_share(fitted: Sums, held_out: Sums) -> Array:
    """Return R² of the others' mean given a run's view, the slope fitted on other rows, (M, k).

    ``R² = 1 − E[(v − b u − c)²] / Var(v)``, u the run's view and v the mean of the others'.
    """
    own, _, shared = fitted.beside_others()
    slope = np.divide(shared, own, out=np.zeros_like(shared), where=own > 0)
    power, variance, crossed = held_out.beside_others()
    drift = held_out.mean - fitted.mean
    others = (drift.sum(axis=0) - drift) / (len(drift) - 1)
    missed = variance - 2 * slope * crossed + slope**2 * power + (others - slope * drift) ** 2
    return np.asarray(1 - np.divide(missed, variance, out=np.ones_like(missed), where=variance > 0))
