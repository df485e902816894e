"""Data sets that are a folder of numbered PNG files and an array of labels."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearid.datasets.archives import map_npy
from nearid.datasets.factors import FactorDataset, Images, Indices, Layout, classes_of, grid_rows
from nearid.datasets.files import check_file, check_folder, parsing
from nearid.errors import InputError
from nearid.optional import require

__all__ = ["open_pictures"]

WHAT = "a PNG file"
MAGIC = b"\x89PNG\r\n\x1a\n"
#: The chunk that ends each; Pillow does not miss it.
END = b"\0\0\0\0IEND\xaeB`\x82"

#: Modes of pictures that are colours as they stand, the last one with an opacity that is left out.
MODES = ("RGB", "RGBA")


def open_pictures(folder: Path, labels: str, layout: Layout) -> FactorDataset:
    """Open a folder of ``images/000000.png`` and so on, with an ``.npy`` file of labels.

    Parameters
    ----------
    folder : Path
    labels : str
        Name of the file of labels, shape (n_images, n_factors). The classes of a factor are the
        ranks of its values.
    layout : Layout
        Images are of three channels.

    Returns
    -------
    FactorDataset

    Raises
    ------
    InputError
        If files are missing, damaged, or not of that layout.
    MissingExtraError
        If Pillow is not installed.
    """
    require("PIL.Image", extra="datasets")
    check_folder(folder, f"{layout.name}, with {labels} and images/")
    for number in (0, layout.n_images - 1):
        check_file(_picture(folder, number), WHAT, magic=MAGIC)
    where = str(folder / labels)
    classes, values = classes_of(np.asarray(map_npy(folder / labels)), layout, where)

    def read(places: Indices) -> Images:
        images = np.empty((len(places), *layout.image_shape), dtype=np.uint8)
        for image, place in zip(images, places.tolist(), strict=True):
            image[:] = _read_picture(_picture(folder, place), layout)
        return images

    return FactorDataset(layout, read, values, grid_rows(classes, layout, where))


def _picture(folder: Path, number: int) -> Path:
    return folder / "images" / f"{number:06d}.png"


def _read_picture(path: Path, layout: Layout) -> NDArray[np.uint8]:
    pillow = require("PIL.Image", extra="datasets")
    height, width, channels = layout.image_shape
    check_file(path, WHAT, magic=MAGIC)
    with parsing(path, WHAT):
        raw = path.read_bytes()
    if not raw.endswith(END):
        raise InputError(f"{path} is cut short: a PNG file ends with the chunk IEND")
    with parsing(path, WHAT), pillow.open(BytesIO(raw), formats=["PNG"]) as picture:
        if picture.size != (width, height) or picture.mode not in MODES:
            raise InputError(
                f"{path}: expected {height} × {width} pixels of {' or '.join(MODES)}; got "
                f"{picture.size[1]} × {picture.size[0]} of {picture.mode}: is this another version "
                f"of {layout.name}?"
            )
        pixels: NDArray[np.uint8] = np.asarray(picture)[..., :channels]
    return pixels
