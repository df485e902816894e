"""Cars3D from its 183 MATLAB files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearid.datasets.factors import FactorDataset, Images, Indices, Layout
from nearid.datasets.files import check_file, check_folder
from nearid.datasets.matfile import MAGIC, read_bytes_array
from nearid.errors import InputError

__all__ = ["load_cars3d"]

WHAT = "a MATLAB file of Cars3D"

LAYOUT = Layout(
    "Cars3D", {"elevation": 4, "azimuth": 24, "object": 183}, (128, 128, 3), {"azimuth": 24}
)


def load_cars3d(folder: str | os.PathLike[str]) -> FactorDataset:
    """Open Cars3D: renderings of car models, 17,568 images of 128 × 128 × 3.

    Factors: elevation (4), azimuth (24, a circle) and object (183, the files in the order of their
    names). The literature's images of 64 × 64 are these, resized; nothing is resized here. An image
    costs the reading of its car's file, so ask for many at once, or take
    :meth:`~FactorDataset.in_memory` (0.9 GB).

    Parameters
    ----------
    folder : path
        With ``car_*_mesh.mat``: 183 files, each with ``im`` (128, 128, 3, 24, 4) in bytes, whose
        last axes are azimuth and elevation.

    Returns
    -------
    FactorDataset

    Raises
    ------
    InputError
        If files are missing, damaged, or not of that shape.

    References
    ----------
    Reed, Zhang, Zhang & Lee, Deep Visual Analogy-Making, NeurIPS 2015.
    """
    folder = Path(folder)
    check_folder(folder, "Cars3D's files, car_*_mesh.mat")
    elevations, azimuths, n_cars = LAYOUT.sizes
    cars = sorted(folder.glob("car_*_mesh.mat"), key=lambda path: (len(path.name), path.name))
    if len(cars) != n_cars:
        raise InputError(
            f"{folder} has {len(cars)} files car_*_mesh.mat: expected {n_cars}, one a car"
        )
    for car in cars:
        check_file(car, WHAT, magic=MAGIC)
    _read_car(cars[0])

    def read(rows: Indices) -> Images:
        images = np.empty((len(rows), *LAYOUT.image_shape), dtype=np.uint8)
        objects, views = np.divmod(rows, azimuths * elevations)
        for car in np.unique(objects):
            here = objects == car
            images[here] = _read_car(cars[car])[views[here]]
        return images

    # Places in the files: car by car, then azimuth, then elevation.
    places = np.arange(LAYOUT.n_images).reshape(n_cars, azimuths, elevations)
    return FactorDataset(LAYOUT, read, rows=places.transpose(2, 1, 0).reshape(-1))


def _read_car(path: Path) -> NDArray[np.uint8]:
    """Read the images of a car, shape (azimuths × elevations, height, width, channels)."""
    elevations, azimuths, _ = LAYOUT.sizes
    images = read_bytes_array(path, "im", (*LAYOUT.image_shape, azimuths, elevations))
    return images.transpose(3, 4, 0, 1, 2).reshape(-1, *LAYOUT.image_shape)
