"""Auto-encoders of dense or convolutional layers, with leaky rectifiers of a chosen slope."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.decoder.function import evaluation_mode, load_forward_mode
from nearid.errors import InputError
from nearid.models.data import as_data
from nearid.optional import require

__all__ = ["conv_autoencoder", "dense", "encode", "isometry_penalty", "mlp_autoencoder"]


@lru_cache(maxsize=1)
def autoencoder_class() -> Any:
    """Return the class of an encoder and a decoder that are trained together."""
    torch = require("torch", extra="torch")

    class AutoEncoder(torch.nn.Module):  # type: ignore[misc, name-defined]
        """``x ↦ decoder(encoder(x))``, with the loss by which it is trained."""

        def __init__(self, encoder: Any, decoder: Any, isometry: float) -> None:
            super().__init__()
            self.encoder, self.decoder, self.isometry = encoder, decoder, isometry

        def extra_repr(self) -> str:
            """Name what the layers do not show; it is part of what determines a run."""
            return f"isometry={self.isometry!r}"

        def forward(self, x: Any) -> Any:
            """Reconstruct a batch."""
            return self.decoder(self.encoder(x))

        def loss(self, x: Any) -> Any:
            """Return the mean squared error of a batch, and the penalty if there is one."""
            latents = self.encoder(x)
            error = ((self.decoder(latents) - x) ** 2).mean()
            if not self.isometry:
                return error
            return error + self.isometry * isometry_penalty(self.decoder, latents.detach())

    AutoEncoder.__qualname__ = "AutoEncoder"  # found here again when a pickled model is loaded
    return AutoEncoder


def __getattr__(name: str) -> Any:
    if name == "AutoEncoder":
        return autoencoder_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def isometry_penalty(decoder: Any, latents: Any) -> Any:
    """Measure by chance how far a decoder is from an isometry up to one scale.

    ``E‖J v‖⁴ / (E‖J v‖²)² − 1`` over latents and directions v, one random unit vector a latent: 0
    if and only if the decoder stretches everywhere and in every direction by the same factor. One
    forward-mode product a batch.

    Parameters
    ----------
    decoder : torch.nn.Module
    latents : tensor, shape (n, D)

    Returns
    -------
    tensor, a scalar from 0
        Differentiable in the decoder's weights.

    References
    ----------
    After the relaxed distortion measure of Lee, Yoon, Son & Park, Regularized autoencoders for
    isometric representation learning, ICLR 2022.

    Examples
    --------
    >>> import torch
    >>> float(isometry_penalty(torch.nn.Linear(1, 3), torch.zeros(5, 1)).detach()) < 1e-6
    True
    """
    torch = require("torch", extra="torch")
    load_forward_mode()
    directions = torch.randn_like(latents)
    directions = directions / directions.norm(dim=1, keepdim=True)
    _, pushed = torch.func.jvp(decoder, (latents,), (directions,))
    stretch = (pushed.flatten(1) ** 2).sum(dim=1)
    return (stretch**2).mean() / stretch.mean() ** 2 - 1


def mlp_autoencoder(
    n_inputs: int,
    n_latents: int,
    *,
    widths: Sequence[int] = (256, 256),
    alpha: float = 0.2,
    encoder_alpha: float | None = None,
    isometry: float = 0.0,
) -> Any:
    """Make an auto-encoder of dense layers.

    Parameters
    ----------
    n_inputs, n_latents : int
        Length of an input and of a latent.
    widths : sequence of int, default (256, 256)
        Widths of the encoder's hidden layers; the decoder has them in reverse.
    alpha : float, default 0.2
        Slope of the decoder's leaky rectifiers; 1 makes it linear.
    encoder_alpha : float, optional
        That of the encoder's; the same if not given.
    isometry : float, default 0
        Weight of :func:`isometry_penalty` in the loss.

    Returns
    -------
    torch.nn.Module
        With ``encoder``, ``decoder`` and ``loss(batch)``.

    Raises
    ------
    InputError
        If a size is below 1.

    Examples
    --------
    >>> model = mlp_autoencoder(64, 3, widths=(32,))
    >>> [type(layer).__name__ for layer in model.decoder]
    ['Linear', 'LeakyReLU', 'Linear']
    """
    sizes = [n_inputs, *widths, n_latents]
    _check(sizes, isometry)
    outer = alpha if encoder_alpha is None else encoder_alpha
    return autoencoder_class()(dense(sizes, outer), dense(sizes[::-1], alpha), isometry)


def conv_autoencoder(
    shape: tuple[int, int, int],
    n_latents: int,
    *,
    channels: Sequence[int] = (32, 64, 64),
    alpha: float = 0.2,
    encoder_alpha: float | None = None,
    isometry: float = 0.0,
) -> Any:
    """Make an auto-encoder of convolutions of stride 2, for images.

    Parameters
    ----------
    shape : (int, int, int)
        Channels, height and width of an image; both sides must be multiples of 2 to the number of
        layers.
    n_latents : int
    channels : sequence of int, default (32, 64, 64)
        Of the encoder's layers; the decoder has them in reverse.
    alpha, encoder_alpha, isometry
        As in :func:`mlp_autoencoder`.

    Returns
    -------
    torch.nn.Module
        With ``encoder``, ``decoder`` and ``loss(batch)``.

    Raises
    ------
    InputError
        If a size is below 1, or a side no such multiple.

    Examples
    --------
    >>> import torch
    >>> model = conv_autoencoder((1, 16, 16), 3, channels=(4, 8))
    >>> model(torch.zeros(2, 1, 16, 16)).shape
    torch.Size([2, 1, 16, 16])
    """
    torch = require("torch", extra="torch")
    sizes = [shape[0], *channels]
    _check([*shape, n_latents, *channels], isometry)
    factor = 2 ** len(channels)
    if shape[1] % factor or shape[2] % factor:
        raise InputError(
            f"{len(channels)} layers of stride 2 need sides that are multiples of {factor}; got "
            f"images of {shape[1]} × {shape[2]}: pad them, or use fewer layers"
        )
    small = (sizes[-1], shape[1] // factor, shape[2] // factor)
    nn, n_small = torch.nn, int(np.prod(small))
    outer = alpha if encoder_alpha is None else encoder_alpha
    down = [
        layer
        for a, b in pairwise(sizes)
        for layer in (nn.Conv2d(a, b, 4, stride=2, padding=1), nn.LeakyReLU(outer))
    ]
    up = [
        layer
        for a, b in pairwise(sizes[::-1])
        for layer in (nn.LeakyReLU(alpha), nn.ConvTranspose2d(a, b, 4, stride=2, padding=1))
    ]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(n_small, n_latents))
    decoder = nn.Sequential(nn.Linear(n_latents, n_small), nn.Unflatten(1, small), *up)
    return autoencoder_class()(encoder, decoder, isometry)


def encode(model: Any, data: Any, *, batch_size: int = 4096) -> NDArray[Any]:
    """Return the latents of data, in evaluation mode and batch by batch.

    Parameters
    ----------
    model : torch.nn.Module
        With an ``encoder``.
    data : array or tensor, shape (n, …)
    batch_size : int

    Returns
    -------
    ndarray, shape (n, D)
    """
    torch = require("torch", extra="torch")
    device = next(model.parameters()).device
    rows = as_data(data)
    with evaluation_mode(model), torch.no_grad():
        parts = [model.encoder(part.to(device)) for part in rows.split(batch_size)]
    return np.asarray(torch.cat(parts).cpu().numpy())


def dense(sizes: Sequence[int], alpha: float) -> Any:
    """Make dense layers of these sizes with leaky rectifiers between them.

    Parameters
    ----------
    sizes : sequence of int
        From inputs to outputs.
    alpha : float
        Slope of the rectifiers.

    Returns
    -------
    torch.nn.Sequential
    """
    nn = require("torch", extra="torch").nn
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.LeakyReLU(alpha))]
    return nn.Sequential(*layers[:-1])


def _check(sizes: Sequence[int], isometry: float) -> None:
    if any(not isinstance(size, int | np.integer) or size < 1 for size in sizes):
        raise InputError(f"sizes of layers are whole numbers from 1; got {list(sizes)}")
    if not isometry >= 0:
        raise InputError(f"isometry is the weight of a penalty, from 0; got {isometry!r}")
