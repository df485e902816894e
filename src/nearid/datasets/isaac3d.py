"""Isaac3D from its folder of pictures."""

from __future__ import annotations

import os
from pathlib import Path

from nearid.datasets.factors import FactorDataset, Layout
from nearid.datasets.pictures import open_pictures

__all__ = ["load_isaac3d"]

LAYOUT = Layout(
    "Isaac3D",
    {
        "object_shape": 3,
        "robot_x": 8,
        "robot_y": 5,
        "camera_height": 4,
        "object_scale": 4,
        "light_intensity": 4,
        "light_y": 6,
        "object_colour": 4,
        "wall_colour": 4,
    },
    (128, 128, 3),
)


def load_isaac3d(folder: str | os.PathLike[str]) -> FactorDataset:
    """Open Isaac3D: a robot arm in a kitchen, 737,280 images of 128 × 128 × 3.

    Factors, none a circle: shape of the object (3), x (8) and y (5) of the robot, height of the
    camera (4), scale of the object (4), intensity (4) and y (6) of the light, colours of object
    and wall (4 each). Which of columns 3 and 4 is the camera's height and which the object's scale
    is **unsettled**: sources differ, both have four values, and the file has no names. Scores
    that treat all factors alike do not depend on it; look at images before you read those two by
    name.

    Parameters
    ----------
    folder : path
        With ``labels.npy`` (737280, 9), from 0 to 1, and ``images/000000.png`` and so on.

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
    return open_pictures(Path(folder), "labels.npy", LAYOUT)
