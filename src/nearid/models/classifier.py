"""A small residual network that is trained on labels, in the layout of ResNet-18."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.models.objective import check_sizes
from nearid.optional import require

__all__ = ["classifier", "labelled"]

#: Numbers up to which float32 counts.
COUNTED = 2**24


@lru_cache(maxsize=1)
def block_class() -> Any:
    """Return the class of two convolutions with a way around them."""
    nn = require("torch", extra="torch").nn

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        """``x ↦ φ(f(x) + x)``, with a convolution around f where the shape changes."""

        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.inner = nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )
            same = inputs == outputs and stride == 1
            around = [nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)]
            self.around = nn.Identity() if same else nn.Sequential(*around)

        def forward(self, x: Any) -> Any:
            """Map a batch of images."""
            return nn.functional.relu(self.inner(x) + self.around(x))

    return Block


@lru_cache(maxsize=1)
def classifier_class() -> Any:
    """Return the class of residual networks."""
    torch = require("torch", extra="torch")
    nn = torch.nn

    class Classifier(nn.Module):  # type: ignore[misc, name-defined]
        """From images to logits of their classes."""

        def __init__(self, shape: tuple[int, int, int], classes: int, width: int) -> None:
            super().__init__()
            self.shape = shape
            self.stem = nn.Sequential(
                nn.Conv2d(shape[0], width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
            )
            stages, last = [], width
            for number in range(4):
                wide = width * 2**number
                first = block_class()(last, wide, 1 if number == 0 else 2)
                stages.append(nn.Sequential(first, block_class()(wide, wide, 1)))
                last = wide
            self.stages = nn.Sequential(*stages)
            self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.head = nn.Linear(last, classes)

        def extra_repr(self) -> str:
            """Name what the layers do not show; it is part of what determines a run."""
            return f"shape={self.shape}"

        def forward(self, images: Any) -> Any:
            """Return logits."""
            return self.head(self.pool(self.stages(self.stem(images))))

        def loss(self, rows: Any) -> Any:
            """Return the cross-entropy in nats, of rows of :func:`labelled`."""
            logits = self(rows[:, 1:].reshape(-1, *self.shape))
            return nn.functional.cross_entropy(logits, rows[:, 0].long())

    Classifier.__qualname__ = "Classifier"  # found here again when a pickled model is loaded
    return Classifier


def __getattr__(name: str) -> Any:
    if name == "Classifier":
        return classifier_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def classifier(shape: tuple[int, int, int], classes: int, *, width: int = 64) -> Any:
    """Make a residual network in the layout of ResNet-18, for small images.

    Parameters
    ----------
    shape : (int, int, int)
        Channels, height and width of an image.
    classes : int
    width : int, default 64
        Channels of the first of four stages; the last has eight times as many.

    Returns
    -------
    torch.nn.Module
        ``Classifier``: its representations are ``stages.0`` to ``stages.3`` and ``pool``, the last
        before the ``head``; ``loss`` takes rows of :func:`nearid.models.labelled`.

    Raises
    ------
    InputError
        If a size is below 1.

    References
    ----------
    He, Zhang, Ren & Sun, Deep residual learning for image recognition, CVPR 2016, with the first
    layer that they use for small images.

    Examples
    --------
    >>> import torch
    >>> classifier((1, 8, 8), 10, width=4)(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 10])
    """
    check_sizes([*shape, classes, width])
    return classifier_class()((shape[0], shape[1], shape[2]), classes, width)


def labelled(images: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float32]:
    """Pack images and their labels as rows to train on: the label, then the pixels.

    Parameters
    ----------
    images : ndarray, shape (n, …)
        Floating numbers.
    labels : ndarray of int, shape (n,)
        Numbered from 0.

    Returns
    -------
    ndarray of float32, shape (n, 1 + pixels)

    Raises
    ------
    InputError
        If labels and images differ in number, or labels are no whole numbers from 0.

    Examples
    --------
    >>> labelled(np.full((1, 1, 2), 0.5), np.array([7])).tolist()
    [[7.0, 0.5, 0.5]]
    """
    labels = np.asarray(labels)
    if labels.shape != (len(images),):
        raise InputError(f"each image has one label; got {len(images)} and shape {labels.shape}")
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= COUNTED:
        raise InputError(f"labels are whole numbers from 0; got {labels.dtype}")
    pixels = np.asarray(images, dtype=np.float32).reshape(-1, math.prod(images.shape[1:]))
    return np.hstack([labels[:, None].astype(np.float32), pixels])
