"""What each component does to an image, according to the decoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.experiments.rotations import Versions
from nearid.experiments.scenes import Scenes
from nearid.optional import require

__all__ = ["STEPS", "traverse"]

#: Standard deviations by which a component is moved from the image that the rows begin with.
STEPS = np.linspace(-1.7, 1.7, 7)


def traverse(
    model: Any, scenes: Scenes, latents: NDArray[np.float64], fitted: Versions, version: str
) -> NDArray[np.float64]:
    """Move one component at a time through the steps, the others as they are in one fresh image.

    Parameters
    ----------
    model : torch.nn.Module
        With a ``decoder``.
    scenes : Scenes
    latents : ndarray, shape (n, L)
        Of fresh images; the first is the one that is changed.
    fitted : Versions
    version : {"pca", "random", "ica"}

    Returns
    -------
    ndarray, shape (k, steps, height, width, channels)
        From 0 to 1.
    """
    torch = require("torch", extra="torch")
    start = fitted.codes(latents[:1], version)[0]
    k = len(start)
    codes = np.tile(start, (k, len(STEPS), 1))
    for component in range(k):
        codes[component, :, component] = STEPS
    flat = codes.reshape(-1, k) @ fitted.rotations[version]
    moved = flat @ fitted.white.inverse.T + fitted.white.mean
    with torch.no_grad():
        shown = model.decoder(torch.from_numpy(moved.astype(np.float32))).numpy()
    images = scenes.images(shown)
    return images.reshape(k, len(STEPS), *scenes.image_shape)
