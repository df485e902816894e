"""Both ends of the spectrum of ``JᵀJ`` by Lanczos' method, for many latents at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.decoder.function import Function, map_latents
from nearid.decoder.jacobian import check_dependence
from nearid.optional import require

__all__ = ["MAX_STEPS", "TOLERANCE", "extremes", "lanczos"]

Array = NDArray[np.float64]

#: Products with ``JᵀJ`` that a latent may take, and the relative error of σ that ends the search.
MAX_STEPS = 96
TOLERANCE = 1e-3

#: Every so many steps the small eigenproblems are solved, to see whether to stop.
CHECK_EVERY = 8


def extremes(
    function: Function,
    latents: Any,
    basis: Array,
    *,
    positions: range | None,
    batch_size: int | None,
    rng: np.random.Generator,
) -> Array:
    """Compute the largest and smallest singular value of ``J B`` at each latent, with their errors.

    Parameters
    ----------
    function : Function
    latents : tensor
    basis : ndarray, shape (D, k)
        Orthonormal directions as columns.
    positions, batch_size
        As in :func:`nearid.decoder.function.map_latents`.
    rng : numpy Generator
        For the starting vectors.

    Returns
    -------
    ndarray, shape (m, 4)
        σ_max, σ_min, and the error of each: see :func:`lanczos`.
    """
    torch = require("torch", extra="torch")
    columns = torch.as_tensor(basis, device=function.device, dtype=function.dtype)
    resolution = float(torch.finfo(function.dtype).eps)

    def kernel(call: Callable[[Any], Any], z: Any) -> Array:
        _, pull = torch.func.vjp(call, z)

        def metric(v: Any) -> Any:
            # JᵀJ v in two products; each latent has a direction of its own
            pushed = torch.func.jvp(call, (z,), ((v @ columns.T).to(z.dtype),))[1]
            return (pull(pushed)[0] @ columns).double()

        start = torch.as_tensor(rng.standard_normal((len(z), columns.shape[1])), device=z.device)
        with torch.no_grad():
            found = lanczos(lambda v: metric(v.to(z.dtype)), start, resolution=resolution)
        return np.asarray(found.cpu().numpy())

    found = map_latents(
        kernel, function, latents, positions=positions, batch_size=batch_size, columns=8
    )
    check_dependence(found[:, 0])
    return found


def lanczos(
    product: Callable[[Any], Any],
    start: Any,
    *,
    resolution: float,
    max_steps: int = MAX_STEPS,
    tolerance: float = TOLERANCE,
) -> Any:
    """Approximate the square roots of the extreme eigenvalues of a batch of positive matrices.

    Lanczos with full reorthogonalisation. A Ritz value θ has an eigenvalue within its residual
    ``r = β_k |s_k|``; the stated error is that distance for the square root, and what rounding
    adds. Ritz values lie within the spectrum, so σ_max is met from below, σ_min from above; after
    as many steps as dimensions both are exact up to rounding.

    Parameters
    ----------
    product : callable
        Maps vectors (b, k) to their products, float64.
    start : tensor, shape (b, k), float64
        Random vectors.
    resolution : float
        Machine epsilon of the products.
    max_steps : int
    tolerance : float
        Relative error at which to stop.

    Returns
    -------
    tensor, shape (b, 4)
        σ_max, σ_min, error of σ_max, error of σ_min.

    References
    ----------
    Parlett, The Symmetric Eigenvalue Problem, 1998, sections 13.2 and 13.6 (residual bound,
    reorthogonalisation).

    Examples
    --------
    >>> import torch
    >>> diagonal = torch.tensor([1.0, 4.0, 9.0], dtype=torch.float64)
    >>> start = torch.ones(1, 3, dtype=torch.float64)
    >>> lanczos(lambda v: v * diagonal, start, resolution=1e-16)[0, :2].round(decimals=6)
    tensor([3., 1.], dtype=torch.float64)
    """
    torch = require("torch", extra="torch")
    size = start.shape[1]
    rounding = 8 * resolution * size**0.5
    vectors = [start / start.norm(dim=1, keepdim=True)]
    alphas: list[Any] = []
    betas: list[Any] = []
    for step in range(1, min(size, max_steps) + 1):
        image = product(vectors[-1])
        alphas.append((image * vectors[-1]).sum(dim=1))
        image = _orthogonal_to(torch, image, vectors)
        betas.append(image.norm(dim=1))
        last = step == min(size, max_steps)
        if last or step % CHECK_EVERY == 0:
            found = _ritz(torch, alphas, betas, rounding, complete=step == size)
            if last or bool((found[:, 2:] <= tolerance * found[:, :2]).all()):
                break
        # where a batch member's Krylov space is exhausted, go on in a new random direction
        spent = betas[-1] <= resolution * size * torch.stack(alphas).abs().amax(dim=0)
        if bool(spent.any()):
            fresh = _orthogonal_to(torch, start.roll(step, dims=1), vectors)
            image = torch.where(spent[:, None], fresh, image)
            betas[-1] = betas[-1].masked_fill(spent, 0.0)
        vectors.append(image / image.norm(dim=1, keepdim=True).clamp_min(1e-300))
    return found


def _orthogonal_to(torch: Any, vector: Any, vectors: list[Any]) -> Any:
    basis = torch.stack(vectors, dim=1)
    for _ in range(2):  # twice is enough (Parlett, section 6.9)
        vector = vector - ((basis @ vector[:, :, None]).mT @ basis)[:, 0]
    return vector


def _ritz(
    torch: Any, alphas: list[Any], betas: list[Any], rounding: float, *, complete: bool
) -> Any:
    diagonal = torch.stack(alphas, dim=1)
    matrix = torch.diag_embed(diagonal)
    if len(alphas) > 1:
        off = torch.diag_embed(torch.stack(betas[:-1], dim=1), offset=1)
        matrix = matrix + off + off.mT
    values, vectors = torch.linalg.eigh(matrix)
    residuals = 0.0 if complete else betas[-1][:, None] * vectors[:, -1].abs()
    errors = residuals + rounding * values[:, -1:].abs() * torch.ones_like(values)
    high, low = values[:, -1].clamp_min(0), values[:, 0].clamp_min(0)
    return torch.stack(
        [
            high.sqrt(),
            low.sqrt(),
            (high + errors[:, -1]).sqrt() - high.sqrt(),
            low.sqrt() - (low - errors[:, 0]).clamp_min(0).sqrt(),
        ],
        dim=1,
    )
