"""What an encoder and a decoder are made of, apart from the objective they are trained by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nearid.models.autoencoder import dense
from nearid.models.objective import check_sizes

__all__ = ["Architecture", "as_architecture", "mlp"]


@dataclass(frozen=True)
class Architecture:
    """How to make an encoder and a decoder of some latents, and how their error is measured.

    Parameters
    ----------
    encoder : callable
        ``encoder(outputs)``, a module from a batch to (n, outputs).
    decoder : callable
        ``decoder(n_latents)``, a module from (n, n_latents) to a batch.
    numbers : int
        Of one input: pixels times channels.
    logits : bool
        Whether the decoder gives logits of numbers in [0, 1], whose error is the sigmoid
        cross-entropy, the mean over numbers; otherwise it is the squared error, the sum.
    """

    encoder: Callable[[int], Any]
    decoder: Callable[[int], Any]
    numbers: int
    logits: bool


def mlp(n_inputs: int, *, widths: Sequence[int] = (256, 256), alpha: float = 0.2) -> Architecture:
    """Return dense layers with leaky rectifiers, and squared errors.

    Parameters
    ----------
    n_inputs : int
        Length of an input.
    widths : sequence of int, default (256, 256)
        Of the encoder's hidden layers; the decoder has them in reverse.
    alpha : float, default 0.2
        Slope of the rectifiers.

    Returns
    -------
    Architecture

    Raises
    ------
    InputError
        If a size is below 1.

    Examples
    --------
    >>> [type(layer).__name__ for layer in mlp(6, widths=(8,)).encoder(2)]
    ['Linear', 'LeakyReLU', 'Linear']
    """
    check_sizes([n_inputs, *widths])
    encoder = partial(_encoder, n_inputs, tuple(widths), alpha)
    decoder = partial(_decoder, n_inputs, tuple(widths), alpha)
    return Architecture(encoder, decoder, n_inputs, logits=False)


def as_architecture(inputs: int | Architecture) -> Architecture:
    """Return an architecture as it is; a number of inputs is short for :func:`mlp` of it."""
    return inputs if isinstance(inputs, Architecture) else mlp(inputs)


# functions of a module, so that a factory that holds them can go to other processes
def _encoder(n_inputs: int, widths: tuple[int, ...], alpha: float, outputs: int) -> Any:
    return dense([n_inputs, *widths, outputs], alpha)


def _decoder(n_inputs: int, widths: tuple[int, ...], alpha: float, n_latents: int) -> Any:
    return dense([n_latents, *widths[::-1], n_inputs], alpha)
