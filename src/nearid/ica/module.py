"""An ICA as a torch module, and folded into the model whose latents it rotates.

The classes need torch, which is loaded when they are asked for.
"""

from __future__ import annotations

import os
from copy import deepcopy
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.optional import require

if TYPE_CHECKING:
    from nearid.ica.estimator import LatentICA

__all__ = ["fold_into", "ica_modules", "read_modules", "write_modules"]


@lru_cache(maxsize=1)
def affine_class() -> Any:
    """Return the class of an affine map with buffers, which training leaves alone."""
    torch = require("torch", extra="torch")

    class Affine(torch.nn.Module):  # type: ignore[misc, name-defined]
        """``z ↦ matrix z + offset``; both are buffers."""

        def __init__(self, n_in: int, n_out: int) -> None:
            super().__init__()
            self.register_buffer("matrix", torch.zeros(n_out, n_in))
            self.register_buffer("offset", torch.zeros(n_out))

        def forward(self, z: Any) -> Any:
            """Map the last axis."""
            return torch.nn.functional.linear(z, self.matrix, self.offset)

    Affine.__qualname__ = "Affine"  # found here again when a pickled model is loaded
    return Affine


def __getattr__(name: str) -> Any:
    if name == "Affine":
        return affine_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def ica_modules(ica: LatentICA, *, dtype: Any = None) -> tuple[Any, Any]:
    """Return an ICA's transform and its inverse as torch modules with buffers.

    Parameters
    ----------
    ica : LatentICA
        Fitted.
    dtype : torch.dtype, optional
        Of the buffers; float32 if not given.

    Returns
    -------
    transform, inverse : torch.nn.Module
        Latents of the last axis to components, and back.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    """
    unmixing, mixing, mean = ica.components_, ica.mixing_, ica.mean_
    return (
        _affine(unmixing, -unmixing @ mean, dtype),
        _affine(mixing, mean, dtype),
    )


def fold_into(encoder: Any, decoder: Any, ica: LatentICA) -> tuple[Any, Any]:
    """Return the same auto-encoder with the components as its latents.

    Its output is unchanged up to rounding. Where the encoder ends in a linear layer, or the
    decoder begins with one, the ICA is multiplied into that layer; else a layer with buffers is
    added. The given models are left as they are.

    Parameters
    ----------
    encoder, decoder : torch.nn.Module
        The decoder takes what the encoder gives, latents along the last axis.
    ica : LatentICA
        Fitted to the encoder's output, keeping all its dimensions.

    Returns
    -------
    encoder, decoder : torch.nn.Module

    Raises
    ------
    InputError
        If the ICA keeps fewer components than the latents have dimensions.
    MissingExtraError
        If torch is not installed.
    """
    torch = require("torch", extra="torch")
    if ica.n_components_ < ica.rank_:
        raise InputError(
            f"the ICA keeps {ica.n_components_} components of latents of rank {ica.rank_}: folded "
            f"in, it would change the model's output; fit LatentICA(n_components=None) instead"
        )
    unmixing, mixing, mean = ica.components_, ica.mixing_, ica.mean_
    forward, back = ica_modules(ica, dtype=_dtype(encoder))
    encoder, decoder = deepcopy(encoder), deepcopy(decoder)
    last, first = _edge(encoder, -1), _edge(decoder, 0)
    with torch.no_grad():
        if last is not None:
            weight, bias = _weights(last)
            _replace(last, unmixing @ weight, unmixing @ (bias - mean))
        if first is not None:
            weight, bias = _weights(first)
            _replace(first, weight @ mixing, weight @ mean + bias)
    encoder = encoder if last is not None else torch.nn.Sequential(encoder, forward)
    decoder = decoder if first is not None else torch.nn.Sequential(back, decoder)
    return encoder, decoder


def write_modules(path: str | os.PathLike[str], module: Any) -> None:
    """Write a module's ``state_dict`` to a ``.safetensors`` file."""
    from nearid.io.safetensors import write_safetensors

    state = {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}
    write_safetensors(path, state, {"format": "pt"})


def read_modules(path: str | os.PathLike[str], module: Any) -> Any:
    """Read a ``state_dict`` from a ``.safetensors`` file into a module of the same shape."""
    from nearid.io.safetensors import read_safetensors

    torch = require("torch", extra="torch")
    tensors, _ = read_safetensors(path)
    module.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in tensors.items()})
    return module


def _affine(matrix: NDArray[np.float64], offset: NDArray[np.float64], dtype: Any) -> Any:
    torch = require("torch", extra="torch")
    module = affine_class()(matrix.shape[1], matrix.shape[0])
    module.matrix = torch.as_tensor(matrix, dtype=dtype or torch.float32)
    module.offset = torch.as_tensor(offset, dtype=dtype or torch.float32)
    return module


def _dtype(module: Any) -> Any:
    return next((parameter.dtype for parameter in module.parameters()), None)


def _edge(module: Any, position: int) -> Any:
    """Return the linear layer at which a model ends (−1) or begins (0), None if there is none."""
    torch = require("torch", extra="torch")
    while type(module) is torch.nn.Sequential and len(module):
        module = module[position]
    return module if type(module) is torch.nn.Linear else None


def _weights(layer: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weight = layer.weight.detach().cpu().double().numpy()
    bias = np.zeros(len(weight)) if layer.bias is None else layer.bias.detach().cpu().double()
    return weight, np.asarray(bias)


def _replace(layer: Any, weight: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
    torch = require("torch", extra="torch")
    old = layer.weight
    place = {"dtype": old.dtype, "device": old.device}
    layer.weight = torch.nn.Parameter(torch.as_tensor(weight, **place), old.requires_grad)
    layer.bias = torch.nn.Parameter(torch.as_tensor(bias, **place), old.requires_grad)
    layer.out_features, layer.in_features = weight.shape
