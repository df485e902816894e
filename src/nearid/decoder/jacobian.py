"""The metric ``JᵀJ`` that a decoder pulls back to its latents, by forward-mode products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.decoder.function import (
    Function,
    as_latents,
    as_token_latents,
    decoder_function,
    map_latents,
)
from nearid.errors import InputError
from nearid.optional import require

__all__ = ["grams", "pullback_metric"]

Array = NDArray[np.float64]


def pullback_metric(
    decoder: Any,
    latents: Any,
    *,
    tokens: slice | None = None,
    batch_size: int | None = None,
    device: Any = None,
    output: str | int | None = None,
) -> Array:
    """Compute ``J(z)ᵀ J(z)`` of a decoder at each latent.

    D forward-mode products a latent, of which only the inner products are kept: the Jacobian of a
    large output is never held as a whole. It is computed in the latents' type (float32 for half
    precision), its inner products in float64.

    Parameters
    ----------
    decoder : torch.nn.Module or callable
        Maps a batch of latents to a tensor with a row each, or to a mapping or tuple whose first
        entry is one. A module is put into evaluation mode, and left exactly as it was found.
    latents : array or tensor, shape (n, D), or (n, tokens, D) with ``tokens``
        Floating numbers.
    tokens : slice, optional
        For sequences: of which tokens. Each token's Jacobian, of the whole output, is taken with
        the other tokens held at their values.
    batch_size : int, optional
        Latents at a time; by default so many that memory stays small.
    device : str or torch.device, optional
        Where to compute; by default where the decoder is.
    output : str or int, optional
        Which entry of a mapping or tuple is the output, if not the first.

    Returns
    -------
    ndarray, shape (n, D, D), or (n × tokens, D, D), tokens of a latent in order
        float64.

    Raises
    ------
    InputError
        If the latents or the decoder are not as described, or the decoder cannot be differentiated.
    MissingExtraError
        If torch is not installed.

    Examples
    --------
    >>> import torch
    >>> double = torch.nn.Linear(2, 3)
    >>> _ = double.weight.data.copy_(torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]))
    >>> pullback_metric(double, np.zeros((1, 2))).tolist()
    [[[4.0, 0.0], [0.0, 4.0]]]
    """
    positions = None
    if tokens is None:
        latents = as_latents(latents)
    else:
        latents, positions = as_token_latents(latents, tokens)
    with decoder_function(decoder, latents[:2], device=device, output=output) as function:
        identity = np.eye(latents.shape[-1])
        return grams(function, latents, identity, positions=positions, batch_size=batch_size)


def grams(
    function: Function,
    latents: Any,
    basis: Array,
    *,
    positions: range | None = None,
    batch_size: int | None = None,
) -> Array:
    """Compute ``(JB)ᵀ(JB)`` at each latent, for directions B.

    Parameters
    ----------
    function : Function
    latents : tensor, shape (n, D) or (n, tokens, D)
    basis : ndarray, shape (D, k)
        Directions as columns.
    positions, batch_size
        As in :func:`nearid.decoder.function.map_latents`.

    Returns
    -------
    ndarray, shape (m, k, k), float64

    Raises
    ------
    InputError
        If the output does not depend on the latents at all.
    """
    torch = require("torch", extra="torch")
    place = {"device": function.device, "dtype": function.dtype}
    tangents = torch.as_tensor(np.ascontiguousarray(basis.T), **place)
    block = min(len(tangents), function.capacity)
    kernel = _gram_kernel(torch, tangents, block)
    found = map_latents(
        kernel,
        function,
        latents,
        positions=positions,
        batch_size=batch_size,
        columns=block,
    )
    check_dependence(found)
    return found


def check_dependence(values: Array) -> None:
    """Raise unless some derivative is finite and not zero."""
    if not np.isfinite(values).all():
        raise InputError(
            "the decoder's derivative is not finite at some latents; look there for a square root "
            "or logarithm at 0, or numbers too large for float32"
        )
    if not values.any():
        raise InputError(
            "the decoder's output does not depend on the latents, as far as derivatives can see: "
            "does it round, detach, or leave torch on the way?"
        )


def _gram_kernel(torch: Any, tangents: Any, block: int) -> Callable[[Any, Any], Array]:
    """Return the kernel that works on ``block`` columns of the Jacobian at a time.

    Where the Jacobian is too large to be held, each pair of blocks is computed again: more time,
    the same memory for every number of latents.
    """

    def columns(call: Callable[[Any], Any], z: Any, start: int) -> Any:
        def push(tangent: Any) -> Any:
            return torch.func.jvp(call, (z,), (tangent.expand_as(z),))[1]

        found = torch.func.vmap(push)(tangents[start : start + block])
        return found.transpose(0, 1).double()

    def kernel(call: Callable[[Any], Any], z: Any) -> Array:
        k = len(tangents)
        gram = z.new_zeros((len(z), k, k), dtype=torch.float64)
        with torch.no_grad():
            for i in range(0, k, block):
                left = columns(call, z, i)
                for j in range(i, k, block):
                    right = left if j == i else columns(call, z, j)
                    part = left @ right.mT
                    gram[:, i : i + block, j : j + block] = part
                    gram[:, j : j + block, i : i + block] = part.mT
        return np.asarray(gram.cpu().numpy())

    return kernel
