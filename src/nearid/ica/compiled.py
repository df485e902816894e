"""The contrast log cosh, compiled: one read of the products instead of nine.

Between the two matrix products of a pass, NumPy goes over each block once per operation. Compiled
by numba, offset, tanh and all sums take one sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.optional import require

__all__ = ["fused_logcosh", "pays"]

Array = NDArray[Any]

#: Numbers (rows times components) from which importing numba costs less than it saves.
WORTHWHILE = 2 * 10**7


def pays(n_rows: int, n_components: int) -> bool:
    """Whether to use the compiled sweep: numba is there, and the data are large."""
    return n_rows * n_components >= WORTHWHILE and find_spec("numba") is not None


@lru_cache(maxsize=1)
def fused_logcosh() -> Callable[[Array, Array, Array, Array, Array], None]:
    """Return :func:`sweep`, compiled for float32.

    Another thread compiles: only the main thread is interrupted by Ctrl-C, and within a callback of
    the compiler the interruption would be lost.

    Raises
    ------
    MissingExtraError
        If numba is not installed.
    """
    numba = require("numba", extra="numba")
    options = {"fastmath": True, "nogil": True, "error_model": "numpy"}
    try:
        compiled: Callable[..., None] = numba.njit(cache=True, **options)(sweep)
    except RuntimeError:  # nowhere to write the cache
        compiled = numba.njit(**options)(sweep)
    row, total = np.zeros((1, 1), np.float32), np.zeros(1)
    with ThreadPoolExecutor(1) as other:
        other.submit(compiled, row, row[0], row.copy(), total, total.copy()).result()
    return compiled


def sweep(y: Array, offset: Array, g: Array, value: Array, curvature: Array) -> None:
    """Subtract the offset, write tanh y, and add up log cosh y and 1 − tanh² y of each column.

    Parameters
    ----------
    y : ndarray of float32, shape (n, k)
        The products; the offset is taken off in place.
    offset : ndarray of float32, shape (k,)
    g : ndarray of float32, shape (n, k)
        Written to.
    value, curvature : ndarray of float64, shape (k,)
        Added to.

    Notes
    -----
    tanh is the rational function of degree 13 over 6 that Eigen uses, within 3 units in the last
    place of float32; it needs no exponential, so that it runs on whole vector registers. Every 64
    rows one logarithm is taken of a product of factors between 1 and 2, and the float32 sums are
    added to the float64 ones.

    Examples
    --------
    >>> y, g = np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32)
    >>> value, curvature = np.zeros(1), np.zeros(1)
    >>> sweep(y, np.full(1, -1, np.float32), g, value, curvature)
    >>> g.astype(float).round(4).tolist(), value.round(4).tolist(), curvature.round(4).tolist()
    ([[0.7616]], [0.4338], [0.42])
    """
    n, k = y.shape
    zero, one, limit = np.float32(0.0), np.float32(1.0), np.float32(7.9053111)
    size, square, product = (
        np.empty(k, np.float32),
        np.empty(k, np.float32),
        np.empty(k, np.float32),
    )
    a1, a3, a5 = np.float32(4.89352456e-03), np.float32(6.37261929e-04), np.float32(1.48572236e-05)
    a7, a9 = np.float32(5.12229709e-08), np.float32(-8.60467152e-11)
    a11, a13 = np.float32(2.00018790e-13), np.float32(-2.76076848e-16)
    b0, b2 = np.float32(4.89352519e-03), np.float32(2.26843463e-03)
    b4, b6 = np.float32(1.18534706e-04), np.float32(1.19825839e-06)
    for start in range(0, n, 64):
        stop = min(start + 64, n)
        for j in range(k):
            size[j], square[j], product[j] = zero, zero, one
        for i in range(start, stop):
            for j in range(k):
                v = y[i, j] - offset[j]
                y[i, j] = v
                c = min(max(v, -limit), limit)
                s = c * c
                top = c * (a1 + s * (a3 + s * (a5 + s * (a7 + s * (a9 + s * (a11 + s * a13))))))
                t = top / (b0 + s * (b2 + s * (b4 + s * b6)))
                g[i, j] = t
                size[j] += abs(v)
                square[j] += t * t
                product[j] *= one + abs(t)
        for j in range(k):
            value[j] += size[j] - np.log(product[j])
            curvature[j] += (stop - start) - square[j]
