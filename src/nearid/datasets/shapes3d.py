"""Shapes3D from its HDF5 file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from nearid.datasets.factors import FactorDataset, Images, Indices, Layout, classes_of, grid_rows
from nearid.datasets.files import check_file, parsing
from nearid.errors import InputError
from nearid.io.hdf5 import check_survived
from nearid.optional import require

__all__ = ["load_shapes3d"]

WHAT = "an HDF5 file (3dshapes.h5)"

LAYOUT = Layout(
    "Shapes3D",
    {
        "floor_hue": 10,
        "wall_hue": 10,
        "object_hue": 10,
        "scale": 8,
        "shape": 4,
        "orientation": 15,
    },
    (64, 64, 3),
    {"floor_hue": 10, "wall_hue": 10, "object_hue": 10},
)


def load_shapes3d(path: str | os.PathLike[str]) -> FactorDataset:
    """Open Shapes3D: rooms with one object, 480,000 images of 64 × 64 × 3.

    Factors: the hues of floor, wall and object (10 each, circles of ten steps), scale (8), shape
    (4) and orientation (15 steps from −30° to 30°: an interval). ``labels`` are read; images when
    they are asked for. They may be in any order.

    Parameters
    ----------
    path : path
        Of ``3dshapes.h5``, with ``images`` (480000, 64, 64, 3) in bytes and ``labels`` (480000, 6).

    Returns
    -------
    FactorDataset

    Raises
    ------
    InputError
        If it is not that file, is damaged, or its data lie in other files.
    MissingExtraError
        If h5py is not installed.

    References
    ----------
    Burgess & Kim, 3D Shapes Dataset, 2018; Kim & Mnih, ICML 2018.
    """
    path = Path(path)
    h5py = require("h5py", extra="datasets")
    check_file(path, WHAT)
    with parsing(path, WHAT):
        check_survived(path, ["images", "labels"])
    with parsing(path, WHAT), h5py.File(path, "r") as file:
        _check_stored(h5py, file, "images", path, shape=LAYOUT.image_shape, kind=np.uint8)
        _check_stored(h5py, file, "labels", path, shape=(len(LAYOUT.sizes),), kind=np.number)
        labels = file["labels"][:]
    where = f"{path}::labels"
    classes, values = classes_of(labels, LAYOUT, where)

    def read(rows: Indices) -> Images:
        with parsing(path, WHAT), h5py.File(path, "r") as file:
            return _read_rows(file["images"], rows)

    return FactorDataset(LAYOUT, read, values, grid_rows(classes, LAYOUT, where))


def _check_stored(
    h5py: Any, file: Any, key: str, path: Path, *, shape: tuple[int, ...], kind: type
) -> None:
    """Raise InputError if it is not the data set that is expected, or not in this file alone."""
    link = file.get(key, getlink=True)
    if link is None:
        raise InputError(
            f"{path} has no {key}; it holds {', '.join(list(file)[:10]) or 'nothing'}: is it the "
            f"file of another data set?"
        )
    # A link, a virtual or an external data set would open whatever file it names.
    inside = isinstance(link, h5py.HardLink) and isinstance(file[key], h5py.Dataset)
    if not inside or file[key].is_virtual or file[key].external:
        raise InputError(f"{path}::{key} is not a data set of this file, but refers elsewhere")
    found, expected = file[key], (LAYOUT.n_images, *shape)
    if found.shape != expected or not np.issubdtype(found.dtype, kind):
        raise InputError(
            f"{path}::{key}: expected shape {expected} of {kind.__name__}; got {found.shape} of "
            f"{found.dtype}; is it the file of another data set?"
        )


def _read_rows(images: Any, rows: Indices) -> Images:
    """Read rows in any order, with repeats; HDF5 wants them rising, and a range is fastest."""
    distinct, inverse = np.unique(rows, return_inverse=True)
    first, last = int(distinct[0]), int(distinct[-1])
    if last - first + 1 == len(distinct):
        block: Images = images[first : last + 1]
    else:
        block = images[distinct]
    return block[inverse.reshape(-1)]
