"""COIL-20 from its MATLAB file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nearid.datasets.factors import FactorDataset, Images, Indices, Layout
from nearid.datasets.matfile import read_bytes_array
from nearid.errors import InputError

__all__ = ["load_coil20"]

LAYOUT = Layout("COIL-20", {"object": 20, "pose": 72}, (32, 32, 1), {"pose": 72})


def load_coil20(path: str | os.PathLike[str]) -> FactorDataset:
    """Open COIL-20: photographs of 20 objects on a turntable, 1,440 images of 32 × 32 × 1.

    Factors: object (20) and pose (72, a circle, 5° apart). These are the pictures of 128 × 128
    reduced to 32 × 32, as they are often passed on. Some objects look alike from several sides: for
    those the pose cannot be read off.

    Parameters
    ----------
    path : path
        Of ``COIL20.mat``, with ``X`` (1440, 1024), images whose columns come one after another,
        and ``Y`` (1440, 1), the objects' numbers from 1, in order.

    Returns
    -------
    FactorDataset

    Raises
    ------
    InputError
        If it is not that file, or is damaged.

    References
    ----------
    Nene, Nayar & Murase, Columbia Object Image Library (COIL-20), CUCS-005-96, 1996.
    """
    path = Path(path)
    height, width, _ = LAYOUT.image_shape
    flat = read_bytes_array(path, "X", (LAYOUT.n_images, height * width))
    objects = read_bytes_array(path, "Y", (LAYOUT.n_images, 1)).ravel()
    expected = 1 + np.arange(LAYOUT.n_images) // LAYOUT.factors["pose"]
    if (objects != expected).any():
        raise InputError(
            f"{path}: expected {LAYOUT.factors['pose']} images of each object, 1 to "
            f"{LAYOUT.factors['object']} in order; the labels Y are others"
        )
    images = np.ascontiguousarray(flat.reshape(-1, width, height).transpose(0, 2, 1))[..., None]

    def read(rows: Indices) -> Images:
        return images[rows]

    return FactorDataset(LAYOUT, read)
