"""The map from raw rows to components, whitening and rotation joined, in the precision it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Projection", "projection"]

Array = NDArray[np.float64]

#: Largest offset, and largest ratio of what is added up to the unit variance that is left of it, at
#: which float32 products still carry about three digits of a component.
MAX_OFFSET = 30.0
MAX_CANCELLED = 1e4


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
