"""One pass over the rows: all that a step of ICA has to know, as sums.

``y = (W K) x − b`` on the raw rows, then Σ g(y) yᵀ, Σ g'(y) and Σ G(y). Two matrix products a
block; nothing of the size of the data is stored.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.ica.contrasts import Contrast, column_sums
from nearid.ica.whitening import Whitening
from nearid.rows import Rows, fold

__all__ = ["POWERS", "Projection", "Sums", "contrast_sums", "projection"]

Array = NDArray[np.float64]

#: Numbers in a block of one buffer: three of them in float32 stay within a core's second-level
#: cache, where everything between the two products runs at the cache's speed.
BLOCK_SIZE = 2**16
#: Fewer rows than this, or than this many times k, make the matrix products slow.
MIN_BLOCK_ROWS = 512
MIN_BLOCK_FACTOR = 3
#: Largest offset, and largest ratio of what is added up to the unit variance that is left of it, at
#: which float32 products still carry about three digits of a component.
MAX_OFFSET = 30.0
MAX_CANCELLED = 2e3
#: The further means that describe a component, with ``ψ = y g(y) − g'(y)``, whose mean is α.
POWERS = ("g²", "y³", "y⁴", "ψ²", "ψy", "ψy²", "ψ'", "ψ'y")


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
    """

    n: int
    cross: Array
    curvature: Array
    value: Array
    powers: Array

    @property
    def alpha(self) -> Array:
        """``E[y g(y)] − E[g'(y)]``: 0 for a Gaussian component."""
        return np.asarray(np.diag(self.cross) - self.curvature)


@dataclass(frozen=True, eq=False)
class Projection:
    """The map from raw rows to components, in the precision that its products need.

    Parameters
    ----------
    matrix : ndarray, shape (D, k)
        ``(W K)ᵀ``, of the dtype of the products.
    offset : ndarray, shape (k,)
        b, subtracted after the product.
    centre : ndarray of shape (D,), or None
        Subtracted from the rows before the product where the offset would cost too many digits.
    """

    matrix: NDArray[Any]
    offset: NDArray[Any]
    centre: NDArray[Any] | None

    def apply(self, x: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the components of raw rows, shape (n, k)."""
        x = x.astype(self.matrix.dtype, copy=False)
        if self.centre is not None:
            return np.matmul(x - self.centre, self.matrix, out=out)
        y: NDArray[Any] = np.matmul(x, self.matrix, out=out)
        y -= self.offset
        return y


def projection(components: Array, mean: Array, scale: Array, dtype: np.dtype[Any]) -> Projection:
    """Prepare ``y = components (x − mean)`` in float32 where the data allow it.

    Parameters
    ----------
    components : ndarray, shape (k, D)
    mean : ndarray, shape (D,)
    scale : ndarray, shape (D,)
        Standard deviation of each column, in units of which rounding is judged.
    dtype : dtype
        Type of the data. Products are float32 if the data are no wider, unless so much cancels in
        them that rounding would be seen.

    Returns
    -------
    Projection
    """
    offset = components @ mean
    cancelled = float(np.sqrt((components * scale) ** 2 @ np.ones(len(scale))).max(initial=0.0))
    narrow = dtype.kind == "f" and dtype.itemsize <= 4 and cancelled <= MAX_CANCELLED
    kind = np.dtype(np.float32 if narrow else np.float64)
    # x − mean loses nothing where x and mean are close to each other (Sterbenz's lemma).
    centre = mean.astype(kind) if np.abs(offset).max(initial=0.0) > MAX_OFFSET else None
    return Projection(np.ascontiguousarray(components.T, kind), offset.astype(kind), centre)


def chunk_length(width: int) -> int:
    """Return how many rows make a chunk: so many that its k × k sums are cheap beside it."""
    return max(8192, 16 * width)


def block_rows(width: int) -> int:
    """Return how many rows make a block."""
    return max(MIN_BLOCK_ROWS, MIN_BLOCK_FACTOR * width, BLOCK_SIZE // width)


def contrast_sums(
    rows: Rows,
    whitening: Whitening,
    rotation: Array,
    contrast: Contrast,
    *,
    n_jobs: int = 1,
    powers: bool = False,
    compiled: bool = False,
) -> Sums:
    """Fold the contrast's sums at one rotation over all rows.

    Parameters
    ----------
    rows : Rows
    whitening : Whitening
    rotation : ndarray, shape (k, k)
    contrast : Contrast
    n_jobs : int, default 1
        Worker threads; the sums do not depend on it.
    powers : bool, default False
        Whether to fold the further means that describe each component.
    compiled : bool, default False
        Whether to use the compiled sweep, where there is one: log cosh in float32.

    Returns
    -------
    Sums
    """
    scale = np.sqrt((whitening.inverse**2).sum(axis=1))
    project = projection(rotation @ whitening.matrix, whitening.mean, scale, rows.dtype)
    compiled = compiled and contrast.name == "logcosh" and project.matrix.dtype == np.float32
    kernel = contrast_kernel(project, contrast, powers=powers, compiled=compiled)
    n = len(rows)
    chunk_rows = chunk_length(max(rows.n_columns, whitening.n_components))
    sums = fold(kernel, rows, n_jobs=n_jobs, chunk_rows=chunk_rows)
    means = [total / n for total in sums]
    return Sums(n, *means)


def contrast_kernel(
    project: Projection, contrast: Contrast, *, powers: bool = False, compiled: bool = False
) -> Callable[[NDArray[Any]], tuple[Array, ...]]:
    """Return the kernel that maps a chunk of raw rows to its sums."""
    width, k = project.matrix.shape
    size = block_rows(max(width, k))
    step = compiled_step(project) if compiled else numpy_step(project, contrast)
    # Each worker keeps its buffers from chunk to chunk: fresh memory costs as much as a tenth of
    # the pass. What the kernel returns does not depend on what they hold.
    own = threading.local()

    def kernel(chunk: NDArray[Any]) -> tuple[Array, ...]:
        rows = min(size, len(chunk))
        if not hasattr(own, "buffers") or own.buffers.shape[1] < rows:
            own.buffers = np.empty((2 if compiled else 3, rows, k), project.matrix.dtype)
            own.product = np.empty((k, k), project.matrix.dtype)
        cross, curvature, value = np.zeros((k, k)), np.zeros(k), np.zeros(k)
        described = np.zeros((len(POWERS), k)) if powers else np.zeros(0)
        for start in range(0, len(chunk), size):
            x = chunk[start : start + size]
            y, g, scratch = (own.buffers[i, : len(x)] for i in (0, 1, -1))
            step(x, y, g, scratch, value, curvature)
            cross += np.matmul(g.T, y, out=own.product)
            if powers:
                described += power_sums(y, contrast)
        return cross, curvature, value, described

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


def power_sums(y: NDArray[Any], contrast: Contrast) -> Array:
    """Return the column sums of each of :data:`POWERS`, shape (len(POWERS), k)."""
    g, slope, bend = contrast.derivatives(y)
    square = y * y
    psi = y * g - slope
    psi_slope = g + y * slope - bend
    columns = (
        g * g,
        square * y,
        square * square,
        psi * psi,
        psi * y,
        psi * square,
        psi_slope,
        psi_slope * y,
    )
    return np.stack([column_sums(column) for column in columns])
