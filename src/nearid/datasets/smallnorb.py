"""SmallNORB from its files, whose format is read by a reader of our own."""

from __future__ import annotations

import gzip
import math
import os
from collections.abc import Callable
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.datasets.factors import FactorDataset, Images, Indices, Layout, classes_of, grid_rows
from nearid.datasets.files import check_file, check_folder, parsing
from nearid.errors import InputError
from nearid.io.location import check_packing

__all__ = ["load_smallnorb", "read_norb"]

WHAT = "a file of SmallNORB"

#: Codes of the format, and the type of its little-endian numbers. One is left out: packed numbers.
TYPES = {
    0x1E3D4C51: "<f4",
    0x1E3D4C53: "<f8",
    0x1E3D4C54: "<i4",
    0x1E3D4C55: "|u1",
    0x1E3D4C56: "<i2",
}

#: The files of each split: what follows is dat, cat or info.
FILES: dict[str, tuple[str, ...]] = {
    "train": ("smallnorb-5x46789x9x18x6x2x96x96-training-",),
    "test": ("smallnorb-5x01235x9x18x6x2x96x96-testing-",),
}
FILES["both"] = FILES["train"] + FILES["test"]

LAYOUT = {
    split: Layout(
        "SmallNORB" if split == "both" else f"SmallNORB {split}",
        {"category": 5, "instance": instances, "elevation": 9, "azimuth": 18, "lighting": 6},
        (96, 96, 1),
        {"azimuth": 18},
    )
    for split, instances in (("train", 5), ("test", 5), ("both", 10))
}
CAMERAS = 2


def load_smallnorb(
    folder: str | os.PathLike[str], *, split: str = "both", camera: int = 0
) -> FactorDataset:
    """Open SmallNORB: photographs of toys, 48,600 images of 96 × 96 × 1 from each of two cameras.

    Factors: category (5), instance of the category (10; 5 of them in each split), elevation (9),
    azimuth (18 steps of 20°, a circle) and lighting (6). An instance's number means another toy in
    each category.

    Parameters
    ----------
    folder : path
        With the files ``…-dat.mat``, ``…-cat.mat`` and ``…-info.mat`` of the split, packed (.gz) or
        not. Images that are not packed are mapped; packed ones are unpacked into memory by the
        first call that reads any (0.2 GB a split).
    split : {"both", "train", "test"}
    camera : {0, 1}

    Returns
    -------
    FactorDataset

    Raises
    ------
    InputError
        If files are missing, damaged, or not of those shapes.

    References
    ----------
    LeCun, Huang & Bottou, Learning Methods for Generic Object Recognition with Invariance to Pose
    and Lighting, CVPR 2004.
    """
    if split not in FILES:
        raise InputError(f"split must be one of {', '.join(FILES)}; got {split!r}")
    if camera not in range(CAMERAS):
        raise InputError(f"camera must be 0 or 1; got {camera!r}")
    folder, layout = Path(folder), LAYOUT[split]
    check_folder(folder, "SmallNORB's files")
    height, width, _ = layout.image_shape
    each = layout.n_images // len(FILES[split])
    shapes = {"dat": (each, CAMERAS, height, width), "cat": (each,), "info": (each, 4)}
    parts = [{key: _find(folder, f"{start}{key}.mat") for key in shapes} for start in FILES[split]]
    for part in parts:
        for key, path in part.items():
            _check_matrix(path, shapes[key], "|u1" if key == "dat" else "<i4")
    labels = np.concatenate(
        [np.c_[read_norb(part["cat"]), read_norb(part["info"])] for part in parts]
    )
    where = " and ".join(str(part[key]) for part in parts for key in ("cat", "info"))
    classes, values = classes_of(labels, layout, where)
    rows = grid_rows(classes, layout, where)
    readers = [_camera(part["dat"], camera) for part in parts]

    def read(places: Indices) -> Images:
        images = np.empty((len(places), *layout.image_shape), dtype=np.uint8)
        for number, reader in enumerate(readers):
            here = places // each == number
            if here.any():
                images[here, :, :, 0] = reader()[places[here] % each]
        return images

    return FactorDataset(layout, read, values, rows)


def read_norb(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read a file of this format, packed or not; one that is not packed is mapped.

    A code for the type, the number of axes, the length of each (at least three are written), each
    as four bytes, then the numbers; all little-endian.

    Parameters
    ----------
    path : path

    Returns
    -------
    ndarray

    Raises
    ------
    InputError
        If the file is missing, or not a complete file of this format.

    Examples
    --------
    >>> import tempfile
    >>> header = np.array([0x1E3D4C55, 1, 2, 1, 1], "<i4").tobytes()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "cat.mat"
    ...     _ = path.write_bytes(header + bytes([7, 8]))
    ...     read_norb(path).tolist()
    [7, 8]
    """
    path = Path(path)
    size = check_file(path, WHAT)
    with parsing(path, WHAT), _open(path) as stream:
        shape, dtype = _header(stream)
        start, length = stream.tell(), math.prod(shape) * dtype.itemsize
        if isinstance(stream, gzip.GzipFile):
            check_packing(path, length, size)
            raw = stream.read(length + 1)
            if len(raw) != length:
                raise ValueError(f"{shape} {dtype} take {length} bytes; it has {len(raw)} or more")
            return np.frombuffer(raw, dtype).reshape(shape)
        if start + length != size:
            raise ValueError(f"{shape} {dtype} take {length} bytes; it has {size - start}")
        return np.memmap(stream, dtype, mode="r", offset=start, shape=shape)


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def _header(stream: gzip.GzipFile | BufferedReader) -> tuple[tuple[int, ...], np.dtype[Any]]:
    code, axes = np.frombuffer(stream.read(8), "<i4").tolist()
    if code not in TYPES or not 1 <= axes <= 8:
        raise ValueError(f"its header says type {code:#x} and {axes} axes")
    lengths = np.frombuffer(stream.read(4 * max(3, axes)), "<i4").tolist()
    if len(lengths) < max(3, axes) or min(lengths[:axes]) < 1:
        raise ValueError(f"its header says lengths {lengths}")
    return tuple(lengths[:axes]), np.dtype(TYPES[code])


def _check_matrix(path: Path, shape: tuple[int, ...], dtype: str) -> None:
    check_file(path, WHAT)
    with parsing(path, WHAT), _open(path) as stream:
        found = _header(stream)
    if found != (shape, np.dtype(dtype)):
        raise InputError(
            f"{path}: expected shape {shape} of {np.dtype(dtype)}; got {found[0]} of {found[1]}; "
            f"is it the file of another data set?"
        )


def _camera(path: Path, camera: int) -> Callable[[], NDArray[np.uint8]]:
    """Return what opens the images of a camera, once."""

    @cache
    def opened() -> NDArray[np.uint8]:
        images = read_norb(path)
        mine: NDArray[np.uint8] = images[:, camera]
        return mine if isinstance(images, np.memmap) else mine.copy()

    return opened


def _find(folder: Path, name: str) -> Path:
    found = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
    if found is None:
        raise InputError(f"{folder} has no {name} (or .gz): SmallNORB has three files a split")
    return found
