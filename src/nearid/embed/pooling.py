"""From what a layer returns to rows: one per input, or one per token.

The arrays may be NumPy's or torch's: only what both have is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.location import closest

__all__ = ["POOLS", "Pooled", "check_pool", "pooled", "why_not"]

#: An array of NumPy or of torch.
Tensor: TypeAlias = Any


@dataclass(frozen=True, eq=False)
class Pooled:
    """Rows of one layer.

    Parameters
    ----------
    values : array or tensor, shape (rows, d)
    kept : ndarray of bool, shape (n, tokens), optional
        Which tokens became rows, input by input; None where each input is one row.
    """

    values: Tensor
    kept: NDArray[np.bool_] | None = None


def check_pool(pool: str) -> None:
    """Raise InputError unless there is such a pool."""
    if pool not in POOLS:
        raise InputError(f"there is no pool {pool!r}{closest(pool, POOLS)}; one of {_names()}")


def why_not(shape: tuple[int, ...], pool: str, *, n: int, mask: NDArray[np.bool_] | None) -> str:
    """Say what keeps what a layer returned from being pooled, or nothing.

    Examples
    --------
    >>> why_not((2, 8), "cls", n=2, mask=None)
    ''
    >>> why_not((1, 5, 8), "mean", n=2, mask=None)
    'does not begin with the batch: it returned (1, 5, 8) for 2 inputs'
    """
    if len(shape) < 2 or shape[0] != n:
        return f"does not begin with the batch: it returned {shape} for {n} inputs"
    if 0 in shape:
        return f"returned nothing, the shape {shape}"
    if pool == "tokens" and len(shape) == 2:
        return f"has no tokens: it returned {shape}"
    if pool == "cls" and len(shape) > 3:
        return f"has no first token: it returned {shape}, a map over space"
    if mask is None or mask.all() or len(shape) == 2:
        return ""
    if len(shape) > 3 or shape[1] != mask.shape[1]:
        return f"returned {shape}, which the mask of {mask.shape} tokens does not fit"
    return ""


def pooled(value: Tensor, pool: str, *, mask: NDArray[np.bool_] | None = None) -> Pooled:
    """Pool what a layer returned for a batch.

    Parameters
    ----------
    value : array or tensor
        (n, d), (n, tokens, d), or a map over space (n, d, height, …).
    pool : {"cls", "mean", "tokens", "flatten"}
        ``"cls"``: the first token. ``"mean"``: over the tokens that are no padding, or over space.
        ``"tokens"``: a row for every token that is no padding, or every place. ``"flatten"``: all
        numbers of an input. What is (n, d) stays as it is.
    mask : ndarray of bool, shape (n, tokens), optional
        Which tokens are no padding.

    Returns
    -------
    Pooled
        Shares no memory with ``value``, which the model may go on to change.

    Examples
    --------
    >>> x = np.arange(12.0).reshape(2, 3, 2)
    >>> pooled(x, "mean", mask=np.array([[1, 1, 0], [1, 1, 1]], bool)).values.tolist()
    [[1.0, 2.0], [8.0, 9.0]]
    """
    if mask is not None and (mask.all() or value.ndim != 3):
        mask = None
    if value.ndim == 2:
        return Pooled(value + 0)
    return POOLS[pool](value, mask)


def _first(value: Tensor, _mask: NDArray[np.bool_] | None) -> Pooled:
    return Pooled(value[:, 0] + 0)


def _mean(value: Tensor, mask: NDArray[np.bool_] | None) -> Pooled:
    kind = value.dtype
    wide = _widened(value)
    if mask is None:
        axes = 1 if value.ndim == 3 else tuple(range(2, value.ndim))
        return Pooled(_cast(wide.mean(axes), kind))
    present = wide + 0
    present[_like(~mask, wide)] = 0  # not a product with the mask: padding may hold NaN
    counts = _like(mask.sum(axis=1, keepdims=True), wide)
    return Pooled(_cast(present.sum(1) / counts, kind))


def _tokens(value: Tensor, mask: NDArray[np.bool_] | None) -> Pooled:
    if value.ndim > 3:  # a map over space: its places, in the order of reading
        value = value.reshape(value.shape[0], value.shape[1], -1).swapaxes(1, 2)
    n, length = value.shape[:2]
    if mask is None:
        return Pooled(value.reshape(n * length, -1) + 0, np.ones((n, length), dtype=bool))
    return Pooled(value[_like(mask, value)], mask)


def _flat(value: Tensor, mask: NDArray[np.bool_] | None) -> Pooled:
    if mask is not None:
        raise InputError(
            "inputs of different lengths cannot be flattened to rows of one width; pool by mean, "
            "cls or tokens"
        )
    return Pooled(value.reshape(value.shape[0], -1) + 0)


#: How rows are made, by name.
POOLS: dict[str, Callable[[Tensor, NDArray[np.bool_] | None], Pooled]] = {
    "cls": _first,
    "mean": _mean,
    "tokens": _tokens,
    "flatten": _flat,
}


def _names() -> str:
    return ", ".join(POOLS)


def _widened(value: Tensor) -> Tensor:
    """Return half precision as float32: sums of it overflow, and lose digits."""
    if value.dtype.itemsize >= 4:
        return value
    return value.float() if hasattr(value, "float") else value.astype(np.float32)


def _cast(value: Tensor, kind: Any) -> Tensor:
    if value.dtype == kind:
        return value
    return value.to(kind) if hasattr(value, "to") else value.astype(kind)


def _like(array: NDArray[Any], value: Tensor) -> Tensor:
    """Return an array as the kind of array, and on the device, of another."""
    if not hasattr(value, "new_tensor"):
        return array
    from torch import from_numpy

    return from_numpy(array).to(value.device)
