"""Local bi-Lipschitz constants of a decoder at the latents of a data set (Theorem 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.decoder.function import Function, as_latents, as_token_latents, decoder_function
from nearid.decoder.jacobian import grams
from nearid.decoder.lanczos import MAX_STEPS, TOLERANCE, extremes
from nearid.decoder.result import BiLipschitz
from nearid.errors import InputError
from nearid.linalg import symmetric_eigen
from nearid.optional import require

__all__ = ["bilipschitz"]

Array = NDArray[np.float64]

METHODS = ("exact", "lanczos")

#: Latents per dimension below which an axis may look dead by chance: at two, the smallest variance
#: of isotropic latents is a thirtieth of the largest (Marčenko & Pastur, 1967).
ROWS_PER_DIMENSION = 2


def bilipschitz(
    decoder: Any,
    latents: Any,
    *,
    method: str = "exact",
    tokens: slice | None = None,
    batch_size: int | None = None,
    device: Any = None,
    live_threshold: float = 1e-3,
    output: str | int | None = None,
    random_state: int | np.random.Generator | None = None,
) -> BiLipschitz:
    """Measure how far a decoder stretches and shrinks small distances, at each latent.

    ``1 + L(z) = max(σ_max, 1/σ_min)`` of the Jacobian J(z), from ``JᵀJ`` alone. Latents that do not
    vary over the data (a dead dimension) say nothing of the representation, and their σ would make
    the constant infinite: J is taken on the live subspace of the latents, and warned of.

    Parameters
    ----------
    decoder : torch.nn.Module or callable
        Maps a batch of latents to a tensor with a row each, or to a mapping or tuple (as Hugging
        Face models do) whose first entry is one. A module is put into evaluation mode, and left
        exactly as it was found.
    latents : array or tensor, shape (n, D), or (n, tokens, D) with ``tokens``
        The representation of the data. It is computed in their type: float64 for float64.
    method : {"exact", "lanczos"}
        D forward-mode products a latent, or at most 96 products with ``JᵀJ`` with a stated error.
        Lanczos pays for D in the hundreds and more; its σ_min converges slowly where many singular
        values crowd at the lower end.
    tokens : slice, optional
        For sequences: which tokens. Each token's Jacobian, of the whole output, is taken with the
        other tokens held at their values.
    batch_size : int, optional
        Latents at a time; by default so many that memory stays small.
    device : str or torch.device, optional
        Where to compute; by default where the decoder is.
    live_threshold : float, default 1e-3
        A principal axis of the latents is dead if its variance is below this share of the largest
        one's; 0 keeps all.
    output : str or int, optional
        Which entry of a mapping or tuple is the output, if not the first.
    random_state : int or Generator, optional
        For the starting vectors of Lanczos.

    Returns
    -------
    BiLipschitz

    Raises
    ------
    InputError
        If an argument is not as described, or the decoder cannot be differentiated.
    MissingExtraError
        If torch is not installed.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, Theorem 1.

    Examples
    --------
    >>> import torch
    >>> stretch = lambda z: z * torch.tensor([2.0, 0.5])
    >>> found = bilipschitz(stretch, np.random.default_rng(0).normal(size=(50, 2)).astype("f"))
    >>> found.constant, found.constant_scale_free, found.epsilon(c_D=1, diameter=1)
    (2.0, 2.0, 1.7320508075688772)
    """
    if method not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    if not 0 <= live_threshold < 1:
        raise InputError(f"live_threshold is a share, from 0 to below 1; got {live_threshold!r}")
    positions = None
    if tokens is None:
        latents = as_latents(latents)
    else:
        latents, positions = as_token_latents(latents, tokens)
    basis, ratios, warnings = _live_subspace(latents, positions, live_threshold)
    with decoder_function(decoder, latents[:2], device=device, output=output) as function:
        resolution = float(require("torch", extra="torch").finfo(function.dtype).eps)
        if method == "exact":
            found = _exact(function, latents, basis, positions, batch_size)
        else:
            rng = np.random.default_rng(random_state)
            found = extremes(
                function, latents, basis, positions=positions, batch_size=batch_size, rng=rng
            )
    return _result(found, basis, ratios, method, resolution, warnings)


def _result(
    found: Array,
    basis: Array,
    ratios: Array,
    method: str,
    resolution: float,
    warnings: list[str],
) -> BiLipschitz:
    sigma_max, sigma_min, max_error, min_error = found.T
    # below its own rounding a singular value cannot be told from 0, and is held to be 0
    flat = sigma_min <= sigma_max * _floor(method, resolution, basis.shape[1])
    sigma_min = np.where(flat, 0.0, sigma_min)
    if flat.any():
        warnings.append(
            f"at {flat.sum()} of {len(flat)} latents the decoder is flat in a live direction, up "
            f"to rounding: its output there does not determine the latent, and the constant is "
            f"infinite"
        )
    loose = (max_error > TOLERANCE * sigma_max) | (min_error > TOLERANCE * sigma_min)
    if method == "lanczos" and (loose & ~flat).any():
        warnings.append(
            f"Lanczos stopped after {MAX_STEPS} products with a stated error above {TOLERANCE:.1%} "
            f"at {(loose & ~flat).sum()} of {len(flat)} latents (σ_min up to "
            f'{min_error.max():.2g}): the constant may be larger; use method="exact"'
        )
    return BiLipschitz(
        sigma_max, sigma_min, max_error, min_error, basis, ratios, method, resolution,
        tuple(warnings),
    )  # fmt: skip


def _floor(method: str, resolution: float, k: int) -> float:
    """Return the share of σ_max below which σ_min is rounding.

    Squares lose half of the digits: those of float64, in which the exact method forms ``JᵀJ``, or
    those of the products themselves, from which Lanczos never sees J.
    """
    squares = resolution if method == "lanczos" else float(np.finfo(np.float64).eps)
    return float(max(resolution * k**0.5, (squares * k) ** 0.5))


def _exact(
    function: Function, latents: Any, basis: Array, positions: range | None, batch_size: int | None
) -> Array:
    metrics = grams(function, latents, basis, positions=positions, batch_size=batch_size)
    values = np.sqrt(np.linalg.eigvalsh(metrics).clip(min=0.0))
    high, low = values[:, -1], values[:, 0]
    rounding = float(require("torch", extra="torch").finfo(function.dtype).eps) * high
    squares = basis.shape[1] * np.finfo(np.float64).eps * high**2
    low_error = rounding + low - np.sqrt((low**2 - squares).clip(min=0.0))
    return np.stack([high, low, rounding, low_error], axis=1)


def _live_subspace(
    latents: Any, positions: range | None, threshold: float
) -> tuple[Array, Array, list[str]]:
    """Return the principal axes along which the latents vary, all variance ratios, and warnings."""
    picked = latents if positions is None else latents[:, list(positions)]
    rows = picked.reshape(-1, latents.shape[-1]).double().cpu().numpy()
    n, dimensions = rows.shape
    everything = np.eye(dimensions)
    if n < ROWS_PER_DIMENSION * dimensions:
        return everything, np.full(dimensions, np.nan), _too_few(n, dimensions, threshold)
    variances, axes = symmetric_eigen(np.cov(rows.T, bias=True).reshape(dimensions, dimensions))
    if not variances[0] > 0:
        message = "all the latents are the same: every dimension counts as live"
        return everything, np.full(dimensions, np.nan), [message]
    ratios = variances / variances[0]
    live = int((ratios >= threshold).sum())
    if live == dimensions:
        return everything, ratios, []
    return axes[:, :live], ratios, [
        f"{dimensions - live} of {dimensions} dimensions of the latents are dead (their variance "
        f"is below {threshold:g} of the largest): the constants hold on the live subspace of "
        f"dimension {live} only"
    ]  # fmt: skip


def _too_few(n: int, dimensions: int, threshold: float) -> list[str]:
    if not threshold:
        return []
    return [
        f"{n} latents are too few to tell which of {dimensions} dimensions are dead (from "
        f"{ROWS_PER_DIMENSION * dimensions} on): every dimension counts as live"
    ]
