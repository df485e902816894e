"""One pass over the rows: all that a step of ICA has to know, as sums.

``y = (W K) x − b`` on the raw rows, then Σ g(y) yᵀ, Σ g'(y) and Σ G(y). Two matrix products a
block; nothing of the size of the data is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.ica.checkpoint import recalled
from nearid.ica.compiled import pays
from nearid.ica.contrasts import Contrast, column_sums
from nearid.ica.projection import Projection, projection
from nearid.ica.settings import Engine
from nearid.ica.whitening import Whitening
from nearid.rows import Rows, fold
from nearid.sources.workers import ThreadOwn

__all__ = ["POWERS", "Sums", "contrast_sums"]

Array = NDArray[np.float64]

#: Numbers in a block of one buffer: three of them in float32 stay within a core's second-level
#: cache, where everything between the two products runs at the cache's speed.
BLOCK_SIZE = 2**16
#: Fewer rows than this, or than this many times k, make the matrix products slow.
MIN_BLOCK_ROWS = 512
MIN_BLOCK_FACTOR = 3
#: The further means that describe a component, with ``ψ = y g(y) − g'(y)``, whose mean is α. The
#: first three are over all rows; the rest, which only standard errors need, over every so many.
POWERS = ("g²", "y³", "y⁴", "ψ²", "ψy", "ψy²", "ψ'", "ψ'y", "g'", "y²")
#: Rows that are enough for a standard error.
ENOUGH_ROWS = 8192


@dataclass(frozen=True, eq=False)
class Sums:
    """Means over the rows at one rotation.

    Parameters
    ----------
    n : int
        Number of rows.
    cross : ndarray, shape (k, k)
        ``E[g(y_i) y_j]``.
    curvature : ndarray, shape (k,)
        ``E[g'(y_i)]``.
    value : ndarray, shape (k,)
        ``E[G(y_i)]``.
    powers : ndarray, shape (len(POWERS), k) or (0,)
        The means of :data:`POWERS`, if they were asked for.
    pairs : ndarray, shape (k, k) or (0,)
        ``E[g'(y_i) y_j²]`` over some of the rows, likewise: ``E[g'(y_i)]`` if they are independent.
    n_pairs : int
        Over about how many rows.
    """

    n: int
    cross: Array
    curvature: Array
    value: Array
    powers: Array = field(default_factory=lambda: np.zeros(0))
    pairs: Array = field(default_factory=lambda: np.zeros(0))
    n_pairs: int = 0

    @property
    def alpha(self) -> Array:
        """``E[y g(y)] − E[g'(y)]``: 0 for a Gaussian component."""
        return np.asarray(np.diag(self.cross) - self.curvature)


def chunk_length(width: int) -> int:
    """Return how many rows make a chunk: so many that its k × k sums are cheap beside it."""
    return max(8192, 16 * width)


def stride_of(n: int) -> int:
    """Return of how many rows one is enough for a standard error."""
    return max(1, min(16, n // ENOUGH_ROWS))


def block_rows(width: int) -> int:
    """Return how many rows make a block."""
    return max(MIN_BLOCK_ROWS, MIN_BLOCK_FACTOR * width, BLOCK_SIZE // width)


def contrast_sums(
    rows: Rows,
    whitening: Whitening,
    rotation: Array,
    contrast: Contrast,
    engine: Engine = Engine(),  # noqa: B008  (frozen)
    *,
    powers: bool = False,
) -> Sums:
    """Fold the contrast's sums at one rotation over all rows.

    Parameters
    ----------
    rows : Rows
    whitening : Whitening
    rotation : ndarray, shape (k, k)
    contrast : Contrast
    engine : Engine
        Where and how to compute; the sums do not depend on it, up to rounding.
    powers : bool, default False
        Whether to fold the further means that describe each component.

    Returns
    -------
    Sums
    """
    scale = np.sqrt((whitening.inverse**2).sum(axis=1))
    project = projection(rotation @ whitening.matrix, whitening.mean, scale, rows.dtype)
    kernel = _kernel(project, contrast, engine, n=len(rows), powers=powers)
    n = len(rows)
    chunk_rows, n_jobs = _plan(max(rows.n_columns, whitening.n_components), engine)
    sums = recalled(
        engine.checkpoint,
        # the whitening is that of all these rows, and tells them from others
        ("sums", rows.name, n, contrast.name, powers, whitening.matrix, whitening.mean, rotation),
        lambda: fold(kernel, rows, n_jobs=n_jobs, chunk_rows=chunk_rows),
    )
    means = [total / n for total in sums]
    named = dict(zip(("cross", "curvature", "value", "powers", "pairs"), means, strict=False))
    return Sums(n, **named, n_pairs=n // stride_of(n))


def _plan(width: int, engine: Engine) -> tuple[int, int]:
    """Return how many rows make a chunk, and how many threads work on chunks."""
    if engine.device is None:
        return chunk_length(width), engine.n_jobs
    from nearid.ica.torch_pass import device_rows, device_workers

    return device_rows(width), device_workers(engine.device, engine.n_jobs)


def _kernel(
    project: Projection, contrast: Contrast, engine: Engine, *, n: int, powers: bool
) -> Callable[[NDArray[Any]], tuple[Array, ...]]:
    """Choose what computes the sums of a chunk."""
    if engine.device is not None and not powers:
        from nearid.ica.torch_pass import torch_kernel

        return torch_kernel(project, contrast, engine.device)
    possible = contrast.name == "logcosh" and project.matrix.dtype == np.float32
    wanted = pays(n, len(project.offset)) if engine.compiled is None else engine.compiled
    return contrast_kernel(
        project,
        contrast,
        powers=powers,
        stride=stride_of(n),
        compiled=possible and wanted,
    )


def contrast_kernel(
    project: Projection,
    contrast: Contrast,
    *,
    powers: bool = False,
    stride: int = 1,
    compiled: bool = False,
) -> Callable[[NDArray[Any]], tuple[Array, ...]]:
    """Return the kernel that maps a chunk of raw rows to its sums."""
    width, k = project.matrix.shape
    size = block_rows(max(width, k))
    step = compiled_step(project) if compiled else numpy_step(project, contrast)
    # Each worker keeps its buffers from chunk to chunk: fresh memory costs as much as a tenth of
    # the pass. What the kernel returns does not depend on what they hold.
    own = ThreadOwn()

    def kernel(chunk: NDArray[Any]) -> tuple[Array, ...]:
        rows = min(size, len(chunk))
        if not hasattr(own, "buffers") or own.buffers.shape[1] < rows:
            spare = powers or not compiled
            own.buffers = np.empty((3 if spare else 2, rows, k), project.matrix.dtype)
            own.product = np.empty((k, k), project.matrix.dtype)
        cross, curvature, value = np.zeros((k, k)), np.zeros(k), np.zeros(k)
        described = np.zeros((len(POWERS), k) if powers else 0)
        pairs = np.zeros((k, k) if powers else 0)
        for start in range(0, len(chunk), size):
            x = chunk[start : start + size]
            y, g, scratch = (own.buffers[i, : len(x)] for i in (0, 1, -1))
            step(x, y, g, scratch, value, curvature)
            cross += np.matmul(g.T, y, out=own.product)
            if powers:
                block_powers, block_pairs = power_sums(y, g, scratch, contrast, stride=stride)
                described += block_powers
                pairs += block_pairs
        return cross, curvature, value, described, pairs

    return kernel


#: Fills y and g from x, and adds to value and curvature: (x, y, g, scratch, value, curvature).
Step = Callable[
    [NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]], None
]


def numpy_step(project: Projection, contrast: Contrast) -> Step:
    """Return the work on a block, up to the second product, in NumPy."""

    def step(
        x: NDArray[Any],
        y: NDArray[Any],
        g: NDArray[Any],
        scratch: NDArray[Any],
        value: NDArray[Any],
        curvature: NDArray[Any],
    ) -> None:
        project.apply(x, out=y)
        block_value, block_curvature = contrast.sums(y, g, scratch)
        value += block_value
        curvature += block_curvature

    return step


def compiled_step(project: Projection) -> Step:
    """Return the same for float32 and log cosh, compiled."""
    from nearid.ica.compiled import fused_logcosh

    sweep = fused_logcosh()
    centred = project.centre is not None
    offset = np.zeros_like(project.offset) if centred else project.offset

    def step(
        x: NDArray[Any],
        y: NDArray[Any],
        g: NDArray[Any],
        scratch: NDArray[Any],
        value: NDArray[Any],
        curvature: NDArray[Any],
    ) -> None:
        x = x.astype(project.matrix.dtype, copy=False)
        np.matmul(x - project.centre if project.centre is not None else x, project.matrix, out=y)
        sweep(y, offset, g, value, curvature)

    return step


def power_sums(
    y: NDArray[Any], g: NDArray[Any], scratch: NDArray[Any], contrast: Contrast, *, stride: int
) -> tuple[Array, Array]:
    """Return the column sums of each of :data:`POWERS`, and of g'(y_i) y_j² for each pair."""
    square = column_sums(np.multiply(g, g, out=scratch))
    np.multiply(y, y, out=scratch)
    third = np.einsum("ij,ij->j", scratch, y)
    scratch *= scratch
    first = np.stack([square, third, column_sums(scratch)])
    few = y[::stride]
    slope, bend = contrast.derivatives(few)[1:]
    part, size = g[::stride], few * few
    psi = few * part - slope
    psi_slope = part + few * slope - bend
    columns = (psi * psi, psi * few, psi * size, psi_slope, psi_slope * few, slope, size)
    rest = np.stack([column_sums(column) for column in columns])
    weight = len(y) / len(few)
    return np.concatenate([first, rest * weight]), (slope.T @ size) * weight
