"""Falcor3D from its folder of pictures."""

from __future__ import annotations

import os
from pathlib import Path

from nearid.datasets.factors import FactorDataset, Layout
from nearid.datasets.pictures import open_pictures

__all__ = ["load_falcor3d"]

LAYOUT = Layout(
    "Falcor3D",
    {
        "light_intensity": 5,
        "light_x": 6,
        "light_y": 6,
        "light_z": 6,
        "camera_x": 6,
        "camera_y": 6,
        "camera_z": 6,
    },
    (128, 128, 3),
)


def load_falcor3d(folder: str | os.PathLike[str]) -> FactorDataset:
    """Open Falcor3D: a living room under changing light, 233,280 images of 128 × 128 × 3.

    Factors, none a circle: intensity (5) and x, y, z (6 each) of the light, x, y, z of the camera
    (6 each).

    Parameters
    ----------
    folder : path
        With ``train-rec.labels`` (an ``.npy`` file in spite of its name, (233280, 7)) and
        ``images/000000.png`` and so on.

    Returns
    -------
    FactorDataset
        An image costs the reading of its file.

    Raises
    ------
    InputError
        If files are missing, damaged, or not of that layout.
    MissingExtraError
        If Pillow is not installed.

    References
    ----------
    Nie et al., Semi-Supervised StyleGAN for Disentanglement Learning, ICML 2020.
    """
    return open_pictures(Path(folder), "train-rec.labels", LAYOUT)
