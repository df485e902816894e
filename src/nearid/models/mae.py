"""A masked auto-encoder of images: transformers' ViTMAE, from tiny to ViT-B/16."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.models.objective import check_sizes
from nearid.optional import require

__all__ = ["vit_mae"]


@lru_cache(maxsize=1)
def mae_class() -> Any:
    """Return the class of masked auto-encoders."""
    torch = require("torch", extra="torch")

    class ViTMAE(torch.nn.Module):  # type: ignore[misc, name-defined]
        """From images to the tokens of all their patches; trained with most of them masked."""

        def __init__(self, net: Any) -> None:
            super().__init__()
            self.net = net

        def extra_repr(self) -> str:
            """Name what the layers do not show; it is part of what determines a run."""
            config = self.net.config
            heads = config.num_attention_heads, config.decoder_num_attention_heads
            return f"mask={config.mask_ratio}, norm={config.norm_pix_loss}, heads={heads}"

        def forward(self, images: Any) -> Any:
            """Return the normalised tokens, the class token first: nothing is masked or drawn.

            transformers' own forward call masks in evaluation as well, and shuffles the patches.
            """
            vit = self.net.vit
            places = vit.embeddings.position_embeddings
            patches = vit.embeddings.patch_embeddings(images) + places[:, 1:]
            first = (vit.embeddings.cls_token + places[:, :1]).expand(len(images), -1, -1)
            x = torch.cat([first, patches], dim=1)
            for layer in vit.layers:
                x = layer(x)
            return vit.layernorm(x)

        def loss(self, images: Any) -> Any:
            """Return the mean squared error of the masked patches, drawn anew at each call."""
            return self.net(images).loss

    ViTMAE.__qualname__ = "ViTMAE"  # found here again when a pickled model is loaded
    return ViTMAE


def __getattr__(name: str) -> Any:
    if name == "ViTMAE":
        return mae_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def positions(side: int, width: int) -> NDArray[np.float32]:
    """Return the fixed positions of a grid of patches, the class token's 0 first.

    Sines and cosines of the column and of the row, at frequencies from 1 to 1/10,000.

    Parameters
    ----------
    side : int
        Patches along a side.
    width : int
        A multiple of 4.

    Returns
    -------
    ndarray of float32, shape (1 + side², width)

    Examples
    --------
    >>> positions(1, 4).tolist()
    [[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """
    frequencies = 10_000.0 ** -(np.arange(width // 4) / (width // 4))
    row, column = np.divmod(np.arange(side**2), side)
    angles = [place[:, None] * frequencies for place in (column, row)]
    waves = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    return np.vstack([np.zeros((1, width)), np.hstack(waves)]).astype(np.float32)


def initialise_net(net: Any) -> None:
    """Draw the weights as the authors of the method do, and set the fixed positions.

    transformers (5.24) leaves the positions of a model that is not loaded at 0, so that no patch
    knows where it is.
    """
    torch = require("torch", extra="torch")
    embeddings = net.vit.embeddings
    side = int((embeddings.position_embeddings.shape[1] - 1) ** 0.5)
    projection = embeddings.patch_embeddings.projection
    for layer in net.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.xavier_uniform_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
    torch.nn.init.xavier_uniform_(projection.weight.view(len(projection.weight), -1))
    torch.nn.init.normal_(embeddings.cls_token, std=0.02)
    torch.nn.init.normal_(net.decoder.mask_token, std=0.02)
    for held in (embeddings.position_embeddings, net.decoder.decoder_pos_embed):
        with torch.no_grad():
            held.copy_(torch.from_numpy(positions(side, held.shape[-1])))


def vit_mae(
    shape: tuple[int, int, int] = (3, 224, 224),
    *,
    patch: int = 16,
    width: int = 768,
    depth: int = 12,
    heads: int = 12,
    decoder_width: int = 512,
    decoder_depth: int = 8,
    decoder_heads: int = 16,
    mask: float = 0.75,
    norm_pixels: bool = True,
) -> Any:
    """Make a masked auto-encoder; the defaults are the ViT-B/16 of its authors.

    Parameters
    ----------
    shape : (int, int, int)
        Channels, height and width of an image, which is square.
    patch : int, default 16
        Side of a patch, of which the image's side is a multiple.
    width, depth, heads : int
        Of the encoder; dense layers within are four times as wide.
    decoder_width, decoder_depth, decoder_heads : int
    mask : float, default 0.75
        Share of the patches that the encoder does not see in training.
    norm_pixels : bool, default True
        Whether the decoder predicts patches each less its mean, over its deviation.

    Returns
    -------
    torch.nn.Module
        ``ViTMAE``: its layers are ``net.vit.layers.0``, …; called, it gives the tokens of images
        without masking them, shape (n, 1 + patches, width).

    Raises
    ------
    InputError
        If a size is below 1, sizes do not divide each other, or the share leaves no patch to see
        or none to predict.
    MissingExtraError
        If transformers is not installed.

    References
    ----------
    He, Chen, Xie, Li, Dollár & Girshick, Masked autoencoders are scalable vision learners, CVPR
    2022.

    Examples
    --------
    >>> import torch
    >>> model = vit_mae((1, 8, 8), patch=4, width=8, depth=1, heads=2,
    ...     decoder_width=8, decoder_depth=1, decoder_heads=2)
    >>> model(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 5, 8])
    """
    channels, side, other = shape
    sizes = [*shape, patch, width, depth, heads, decoder_width, decoder_depth, decoder_heads]
    check_sizes(sizes)
    uneven = width % heads or decoder_width % decoder_heads or width % 4 or decoder_width % 4
    if side != other or side % patch or uneven:
        raise InputError(
            f"images are square, of a side that is a multiple of the patch, and widths are "
            f"multiples of heads and of 4; got {side} × {other} in patches of {patch}, and widths "
            f"of {width} over {heads} and {decoder_width} over {decoder_heads}"
        )
    n_patches = (side // patch) ** 2
    if not 1 <= int(n_patches * (1 - mask)) < n_patches:
        raise InputError(
            f"mask must leave some of the {n_patches} patches to see and some to predict; "
            f"got {mask!r}"
        )
    transformers = require("transformers", extra="hf")
    config = transformers.ViTMAEConfig(
        image_size=side,
        patch_size=patch,
        num_channels=channels,
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        decoder_hidden_size=decoder_width,
        decoder_num_hidden_layers=decoder_depth,
        decoder_num_attention_heads=decoder_heads,
        decoder_intermediate_size=4 * decoder_width,
        mask_ratio=mask,
        norm_pix_loss=norm_pixels,
    )
    net = transformers.ViTMAEForPreTraining(config)
    initialise_net(net)
    return mae_class()(net)
