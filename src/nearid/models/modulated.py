"""The published architecture for images: convolutions, and a decoder that latents modulate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

from nearid.errors import InputError
from nearid.models.architecture import Architecture
from nearid.models.objective import check_sizes
from nearid.optional import require

__all__ = ["modulated"]

#: Kernel and stride of the three layers of each width; all are padded by 1.
LAYERS = ((3, 1), (3, 1), (4, 2))

#: Widths of the dense layers after the convolutions, and of those that modulate.
DENSE = (256, 256)

SLOPE = 0.2
EPSILON = 1e-6


def modulated(
    shape: tuple[int, int, int], *, widths: Sequence[int] = (32, 64, 128, 256)
) -> Architecture:
    """Return the architecture of Hsu et al., for images in [0, 1].

    The encoder has three convolutions of each width, the third of stride 2, each with instance
    normalisation and a leaky rectifier; then dense layers of 256, 256 and the outputs. The decoder
    begins with a learnt image that does not depend on the latents; transposed convolutions enlarge
    it, and after each, a rectifier and a normalisation, every channel is scaled and shifted by
    rectified functions of the latents, from two dense layers of 256 that all share. Convolutions
    have no bias. With 64 × 64 × 3 and 12 latents the encoder has 3,684,524 parameters and the
    decoder 3,967,136.

    Parameters
    ----------
    shape : (int, int, int)
        Channels, height and width; both sides must be multiples of 2 to the number of widths, and
        at least twice that.
    widths : sequence of int, default (32, 64, 128, 256)
        Of the encoder's convolutions; the decoder has them in reverse.

    Returns
    -------
    Architecture
        Of logits: the decoder's outputs go through a sigmoid to be an image.

    Raises
    ------
    InputError
        If a size is below 1, or a side no such multiple.

    References
    ----------
    Hsu, Dorrell, Whittington, Wu & Finn, Disentanglement via latent quantization, NeurIPS 2023,
    and its authors' released configuration. After the modulation of Karras, Laine & Aila, A
    style-based generator architecture for generative adversarial networks, CVPR 2019.

    Examples
    --------
    >>> import torch
    >>> pieces = modulated((1, 32, 32), widths=(4, 8))
    >>> pieces.encoder(3)(torch.zeros(2, 1, 32, 32)).shape
    torch.Size([2, 3])
    >>> pieces.decoder(3)(torch.zeros(2, 3)).shape
    torch.Size([2, 1, 32, 32])
    """
    check_sizes([*shape, *widths])
    factor = 2 ** len(widths)
    if any(side % factor or side < 2 * factor for side in shape[1:]):
        raise InputError(
            f"{len(widths)} widths need sides that are multiples of {factor}, from {2 * factor}; "
            f"got images of {shape[1]} × {shape[2]}: pad them, or use fewer widths"
        )
    channels, height, width = shape
    small = (widths[-1], height // factor, width // factor)
    return Architecture(
        partial(_encoder, channels, tuple(widths), small),
        partial(_decoder, channels, tuple(widths), small),
        numbers=channels * height * width,
        logits=True,
    )


def _encoder(
    channels: int, widths: tuple[int, ...], small: tuple[int, int, int], outputs: int
) -> Any:
    nn = require("torch", extra="torch").nn
    layers = []
    for (a, b), (kernel, stride) in _layers([channels, *widths]):
        layers += [
            nn.Conv2d(a, b, kernel, stride, padding=1, bias=False),
            nn.InstanceNorm2d(b, eps=EPSILON, affine=True),
            nn.LeakyReLU(SLOPE),
        ]
    flat = small[0] * small[1] * small[2]
    return nn.Sequential(*layers, nn.Flatten(), *_dense(flat), nn.Linear(DENSE[-1], outputs))


def _decoder(
    channels: int, widths: tuple[int, ...], small: tuple[int, int, int], n_latents: int
) -> Any:
    return decoder_class()(channels, widths[::-1], small, n_latents)


def _layers(sizes: Sequence[int]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return widths in and out, and kernel and stride, of all convolutions."""
    return [
        ((a if first else b, b), layer)
        for a, b in pairwise(sizes)
        for first, layer in zip((True, False, False), LAYERS, strict=True)
    ]


def _dense(n_inputs: int) -> list[Any]:
    nn = require("torch", extra="torch").nn
    pairs = pairwise([n_inputs, *DENSE])
    return [layer for a, b in pairs for layer in (nn.Linear(a, b), nn.ReLU())]


@lru_cache(maxsize=1)
def decoder_class() -> Any:
    """Return the class of decoders whose channels latents scale and shift."""
    torch = require("torch", extra="torch")
    nn = torch.nn

    class ModulatedBlock(nn.Module):  # type: ignore[misc, name-defined]
        """A transposed convolution, a rectifier, a normalisation, and a scale and shift."""

        def __init__(self, a: int, b: int, kernel: int, stride: int) -> None:
            super().__init__()
            self.enlarge = nn.ConvTranspose2d(a, b, kernel, stride, padding=1, bias=False)
            self.rectify = nn.LeakyReLU(SLOPE)
            self.normalise = nn.InstanceNorm2d(b, eps=EPSILON)
            self.modulate = nn.Sequential(nn.Linear(DENSE[-1], 2 * b), nn.ReLU())

        def forward(self, x: Any, style: Any) -> Any:
            """Map images, given what all blocks share."""
            scale, shift = self.modulate(style)[:, :, None, None].chunk(2, dim=1)
            return self.normalise(self.rectify(self.enlarge(x))) * scale + shift

    class ModulatedDecoder(nn.Module):  # type: ignore[misc, name-defined]
        """From latents to logits of images."""

        def __init__(
            self, channels: int, widths: Sequence[int], small: Sequence[int], n_latents: int
        ) -> None:
            super().__init__()
            self.start = nn.Parameter(torch.full(tuple(small), 0.1))
            self.style = nn.Sequential(*_dense(n_latents))
            sizes = [small[0], *widths]
            self.blocks = nn.ModuleList(
                ModulatedBlock(a, b, kernel, stride) for (a, b), (kernel, stride) in _layers(sizes)
            )
            self.last = nn.Conv2d(widths[-1], channels, 3, padding=1, bias=False)

        def forward(self, latents: Any) -> Any:
            """Decode a batch."""
            style = self.style(latents)
            x = self.start.expand(len(latents), *self.start.shape)
            for block in self.blocks:
                x = block(x, style)
            return self.last(x)

    return ModulatedDecoder
