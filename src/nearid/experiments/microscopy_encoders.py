"""Masked auto-encoders of drawn cells, and embeddings averaged over how a crop can lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.models import initialise, vit_mae
from nearid.models.runs import one_thread, train_cached
from nearid.optional import require

__all__ = ["Encoder", "embed_crops", "encoder", "turned"]

#: Crops that are embedded at once.
BATCH = 512


@dataclass(frozen=True)
class Encoder:
    """The sizes of a masked auto-encoder, and of its training.

    Parameters
    ----------
    patch, width, depth : int
        Of crops that are a multiple of the patch.
    epochs, batch : int
        0 epochs for one that is not trained.
    mask, lr : float
    """

    patch: int = 8
    width: int = 64
    depth: int = 3
    epochs: int = 40
    batch: int = 128
    mask: float = 0.6
    lr: float = 1.5e-3


def encoder(
    images: NDArray[np.uint8],
    settings: Encoder,
    *,
    seed: int,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Any:
    """Return an encoder trained to fill in masked patches of crops, without any label.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, channels, side, side)
    settings : Encoder
    seed : int
    cache_dir : path, optional

    Returns
    -------
    torch.nn.Module
    """
    factory = partial(_factory, images.shape[1:], settings)
    if not settings.epochs:
        return initialise(factory, seed)
    run = train_cached(
        factory,
        images.astype(np.float32) / 255,
        seed=seed,
        cache_dir=cache_dir,
        steps=settings.epochs * max(1, len(images) // settings.batch),
        batch_size=min(settings.batch, len(images)),
        lr=settings.lr,
        weight_decay=0.05,
    )
    return run.model


def _factory(shape: tuple[int, ...], settings: Encoder) -> Any:
    channels, height, width = shape
    return vit_mae(
        (channels, height, width),
        patch=settings.patch,
        width=settings.width,
        depth=settings.depth,
        heads=4,
        decoder_width=max(settings.width // 2, 16),
        decoder_depth=1,
        decoder_heads=4,
        mask=settings.mask,
        norm_pixels=False,  # brightness is a phenotype
    )


def turned(images: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Return images in the eight ways in which a square can lie.

    Parameters
    ----------
    images : ndarray, shape (n, channels, side, side)

    Examples
    --------
    >>> square = np.arange(4).reshape(1, 1, 2, 2)
    >>> len({way.tobytes() for way in turned(square)})
    8
    """
    for flipped in (images, images[..., ::-1]):
        for quarter in range(4):
            yield np.ascontiguousarray(np.rot90(flipped, quarter, axes=(-2, -1)))


def embed_crops(model: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the mean token of each crop, the class token left out, over flips and rotations.

    Parameters
    ----------
    model : torch.nn.Module
        From :func:`encoder`.
    images : ndarray of uint8, shape (n, channels, side, side)

    Returns
    -------
    ndarray of float32, shape (n, width)

    Raises
    ------
    InputError
        If images are not as described.
    """
    if images.ndim != 4 or images.dtype != np.uint8:
        raise InputError(
            f"images must be uint8 of shape (n, channels, side, side); got {images.dtype} of shape "
            f"{images.shape}"
        )
    torch = require("torch", extra="torch")
    parts = []
    with one_thread(), torch.no_grad():
        for start in range(0, len(images), BATCH):
            crops = images[start : start + BATCH].astype(np.float32) / 255
            views = [model(torch.from_numpy(way))[:, 1:].mean(dim=1) for way in turned(crops)]
            parts.append(torch.stack(views).mean(dim=0).numpy())
    return np.asarray(np.concatenate(parts), dtype=np.float32)
