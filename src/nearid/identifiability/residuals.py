"""Held-out errors: residual norms, the diameter that gives them a unit, and their bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.identifiability.ladder import Frame, Rung
from nearid.identifiability.units import bags_of
from nearid.rows import Rows, map_chunks

__all__ = ["Bags", "Diameter", "diameter", "residual_norms"]

Array = NDArray[np.float64]

#: Rows among which the two that lie farthest apart are sought.
CANDIDATES = 8192
#: Bags into which held-out rows are summed before they are resampled.
BAGS = 4096


def residual_norms(
    rows: Sequence[Rows], frame: Frame, rungs: Sequence[Rung], source: int, target: int, n_jobs: int
) -> Array:
    """Return ``‖target − h(source)‖₂`` of every row and rung, shape (n, n_rungs).

    All maps are applied in one matrix product per chunk.
    """
    stacked = np.concatenate([rung.matrix for rung in rungs], axis=1)
    missed = np.stack([rung.missed for rung in rungs])

    def kernel(chunk_source: NDArray[Any], chunk_target: NDArray[Any]) -> Array:
        x = frame.coordinates(chunk_source, source)
        y = frame.coordinates(chunk_target, target)
        mapped = (x @ stacked.astype(x.dtype)).reshape(len(x), len(rungs), y.shape[1])
        np.subtract(y[:, None, :], mapped, out=mapped)
        mapped += missed.astype(x.dtype)
        norms = np.sqrt(np.einsum("nrd,nrd->nr", mapped, mapped))
        return np.asarray(norms, dtype=np.float64)

    step = max(64, 2**19 // max(1, stacked.shape[1]))  # the mapped rows stay in the cache
    parts = map_chunks(kernel, rows[source], rows[target], n_jobs=n_jobs, chunk_rows=step)
    return np.concatenate(list(parts))


@dataclass(frozen=True)
class Diameter:
    """The largest distance between two rows.

    Parameters
    ----------
    value : float
    upper : float
        What it is at most; equal to ``value`` where the search was exhaustive.
    """

    value: float
    upper: float


def diameter(rows: Rows, frame: Frame, run: int, *, n_jobs: int = 1) -> Diameter:
    """Find the largest pairwise distance Δ without looking at all N² pairs.

    Two rows at distance Δ have radii around the mean that add up to at least Δ, so only rows far
    out need be compared: the 8,192 with the largest radii.  With fewer rows than that, or once the
    largest radius left out plus the largest of all is below what was found, the answer is exact.

    Parameters
    ----------
    rows : Rows
    frame : Frame
        In whose coordinates distances are taken.
    run : int
        The run's position in the frame.

    Returns
    -------
    Diameter
    """

    def radii_of(chunk: NDArray[Any]) -> Array:
        x = frame.coordinates(chunk, run)
        return np.asarray(np.sqrt(np.einsum("nd,nd->n", x, x, dtype=np.float64)))

    radii = np.concatenate(list(map_chunks(radii_of, rows, n_jobs=n_jobs)))
    order = np.argsort(-radii, kind="stable")[:CANDIDATES]
    far = frame.coordinates(rows.take(order).read(0, len(order)), run)
    found = _largest_distance(far, radii[order])
    if len(radii) == len(order):
        return Diameter(found, found)
    left_out = np.partition(radii, -CANDIDATES - 1)[-CANDIDATES - 1]
    bound = float(left_out + radii[order[0]])
    return Diameter(found, max(found, bound))


def _largest_distance(points: NDArray[np.floating], radii: Array, block: int = 1024) -> float:
    """Compare points, sorted by descending radius, block by block; stop where none can win."""
    best, pair = -1.0, (0, 0)
    squares = np.einsum("nd,nd->n", points, points)
    for i in range(0, len(points), block):
        for j in range(i, len(points), block):
            if radii[i] + radii[j] <= np.sqrt(max(best, 0.0)):
                break  # later blocks lie still farther in
            product = points[i : i + block] @ points[j : j + block].T
            product *= -2
            product += squares[i : i + block, None]
            product += squares[None, j : j + block]
            top = int(product.argmax())
            value = float(product.flat[top])
            if value > best:
                best, pair = value, (i + top // product.shape[1], j + top % product.shape[1])
    difference = points[pair[0]].astype(np.float64) - points[pair[1]]
    return float(np.linalg.norm(difference))


@dataclass(frozen=True, eq=False)
class Bags:
    """Bootstrap of means over rows, in constant memory.

    Rows are summed into at most 4,096 bags of neighbours, and bags are drawn with replacement: the
    mean's bootstrap distribution is that of drawing rows (each bag *is* a row when there are no
    more rows than that), and the same draws serve every error, so that differences are paired.
    Where rows come in units, bags are of whole units: what is drawn is what is independent.

    Parameters
    ----------
    weights : ndarray, shape (n_bootstrap, n_bags)
        How often each bag is drawn.
    starts : ndarray of int, shape (n_bags,)
    sizes : ndarray, shape (n_bags,)
    order : ndarray of int, shape (n_rows,), optional
        Of the rows, so that those of a bag are neighbours; as they are if not given.
    """

    weights: Array
    starts: NDArray[np.intp]
    sizes: Array
    order: NDArray[np.intp] | None = None

    @classmethod
    def draw(
        cls,
        n_rows: int,
        n_bootstrap: int,
        rng: np.random.Generator,
        units: NDArray[np.intp] | None = None,
    ) -> Bags:
        """Draw the resamples for a number of rows, and the unit of each if they have any."""
        order = None
        if units is None:
            n_bags = min(n_rows, BAGS)
            starts = np.linspace(0, n_rows, n_bags, endpoint=False).astype(np.intp)
        else:
            bags = bags_of(units, BAGS)
            order = np.argsort(bags, kind="stable")
            starts = np.flatnonzero(np.diff(bags[order], prepend=-1))
        sizes = np.diff(np.append(starts, n_rows)).astype(np.float64)
        n_bags = len(starts)
        weights = rng.multinomial(n_bags, np.full(n_bags, 1 / n_bags), size=n_bootstrap)
        return cls(weights.astype(np.float64), starts, sizes, order)

    def means(self, values: Array) -> Array:
        """Return the resampled means of each column, shape (n_bootstrap, n_columns)."""
        values = values if self.order is None else values[self.order]
        sums = np.add.reduceat(values, self.starts, axis=0)
        return np.asarray((self.weights @ sums) / (self.weights @ self.sizes)[:, None])
