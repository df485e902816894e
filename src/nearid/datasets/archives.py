"""Arrays of ``.npy`` files and ``.npz`` archives: mapped where they can be, and never unpickled."""

from __future__ import annotations

import math
import os
import shutil
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache as remember
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nearid.datasets.files import check_file, parsing
from nearid.errors import InputError
from nearid.io.location import listing

__all__ = ["Member", "find_member", "load_member", "map_npy", "row_reader"]

NPY = "an .npy file"
NPZ = "an .npz archive"

#: Length of the part of a zip's local header that does not vary.
LOCAL_HEADER = 30


@dataclass(frozen=True)
class Member:
    """An array of an ``.npz`` archive, not read yet."""

    path: Path
    info: zipfile.ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def where(self) -> str:
        """How messages call it."""
        return f"{self.path}::{self.info.filename.removesuffix('.npy')}"

    def check(self, *, shape: tuple[int, ...], kinds: str, itemsize: int | None = None) -> None:
        """Raise InputError if it is not of that shape and kind of number."""
        fits = self.dtype.kind in kinds and itemsize in (None, self.dtype.itemsize)
        if self.shape != shape or not fits:
            raise InputError(
                f"{self.where}: expected shape {shape} of kind {' or '.join(kinds)}"
                f"{'' if itemsize is None else str(itemsize)}; got {self.shape} of {self.dtype}; "
                f"is it the file of another data set?"
            )


def find_member(path: Path, key: str) -> Member:
    """Look up an array of an archive; its other members are not touched.

    Raises
    ------
    InputError
        If there is no such archive or array, or it is no plain array of numbers.
    """
    size = check_file(path, NPZ, magic=b"PK")
    with parsing(path, NPZ), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if f"{key}.npy" not in names:
            raise InputError(
                f"{path} has no array {key}; it holds {listing(names)}: is it the file of another "
                f"data set?"
            )
        info = archive.getinfo(f"{key}.npy")
        with archive.open(info) as stream:
            shape, _, dtype = _read_header(stream, f"{path}::{key}")
            expected = stream.tell() + math.prod(shape) * dtype.itemsize
    if info.file_size != expected or info.compress_size > size:
        raise InputError(
            f"{path}::{key} is damaged: its header promises {shape} {dtype}, {expected} bytes; it "
            f"has {info.file_size}"
        )
    return Member(path, info, shape, dtype)


def load_member(member: Member, *, cache: Path | None = None) -> NDArray[Any]:
    """Map an array that is stored as it is; unpack one that is compressed.

    Parameters
    ----------
    member : Member
        Its shape has been checked: it is what will be allocated.
    cache : Path, optional
        A folder. A compressed array is unpacked once into an ``.npy`` file there, named by the
        checksum of its content, and mapped from then on; without it, into memory.

    Raises
    ------
    InputError
        If it is damaged. The checksum of what is mapped is not tested: that would read it all.
    """
    if member.info.compress_type == zipfile.ZIP_STORED:
        return _map_stored(member)
    if cache is None:
        return _unpack(member)
    target = cache / f"{member.path.stem}-{Path(member.info.filename).stem}-{member.info.CRC:08x}"
    target = target.with_name(f"{target.name}.npy")
    if not target.is_file():
        _unpack_to(member, target)
    array = map_npy(target)
    if array.shape != member.shape or array.dtype != member.dtype:
        raise InputError(f"{target} is not what was unpacked of {member.where}: delete it")
    return array


def row_reader(
    member: Member, *, cache: Path | None = None
) -> Callable[[NDArray[np.int64]], NDArray[Any]]:
    """Return a function that reads rows of an array, which is opened by its first call."""
    opened = remember(lambda: load_member(member, cache=cache))
    return lambda rows: np.asarray(opened()[rows])


def map_npy(path: Path) -> NDArray[Any]:
    """Map the array of a ``.npy`` file, whatever its suffix.

    Raises
    ------
    InputError
        If it is none, is cut short, or goes on after the array.
    """
    size = check_file(path, NPY, magic=b"\x93NUMPY")
    return _map(path, 0, size, str(path))


def _map_stored(member: Member) -> NDArray[Any]:
    """Map a member of a zip: its bytes follow its local header."""
    path, info = member.path, member.info
    with parsing(path, NPZ), path.open("rb") as stream:
        stream.seek(info.header_offset)
        fixed = stream.read(LOCAL_HEADER)
        names = sum(struct.unpack("<HH", fixed[26:30]))  # the file's name and the extra field
    start = info.header_offset + LOCAL_HEADER + names
    return _map(path, start, start + info.file_size, member.where)


def _map(path: Path, start: int, end: int, where: str) -> NDArray[Any]:
    with parsing(path, NPY), path.open("rb") as stream:
        stream.seek(start)
        shape, fortran_order, dtype = _read_header(stream, where)
        offset = stream.tell()
        expected = offset + math.prod(shape) * dtype.itemsize
        if expected != end:
            raise InputError(
                f"{where} is damaged or cut short: its header promises {shape} {dtype}, "
                f"{expected - start} bytes; there are {end - start}"
            )
        order: Any = "F" if fortran_order else "C"
        return np.memmap(stream, dtype, mode="r", offset=offset, shape=shape, order=order)


def _read_header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what NumPy warns of in a header is damage here
        version = np.lib.format.read_magic(stream)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in readers:
            raise InputError(f"{where}: .npy of version {version}, expected 1.0 or 2.0")
        shape, fortran_order, dtype = readers[version](stream)
    if dtype.kind not in "biuf":
        raise InputError(f"{where} holds {dtype}: expected numbers (a pickle is never opened)")
    if min(shape, default=0) < 1:
        raise InputError(f"{where} is of shape {shape}: expected an array that is not empty")
    return shape, bool(fortran_order), dtype


def _unpack(member: Member) -> NDArray[Any]:
    with (
        parsing(member.path, NPZ),
        zipfile.ZipFile(member.path) as archive,
        archive.open(member.info) as stream,
    ):
        shape, fortran_order, dtype = _read_header(stream, member.where)
        flat = np.empty(math.prod(shape), dtype=dtype)
        view, filled = flat.view(np.uint8).data, 0
        while block := stream.read(min(2**20, len(view) - filled) or 1):
            view[filled : filled + len(block)] = block
            filled += len(block)
    if filled < len(view):
        raise InputError(f"{member.where} is cut short: {filled} of {len(view)} bytes are there")
    return flat.reshape(shape, order="F" if fortran_order else "C")


def _unpack_to(member: Member, target: Path) -> None:
    """Unpack a member, which is an ``.npy`` file as it stands: in full or not at all."""
    with parsing(member.path, NPZ), zipfile.ZipFile(member.path) as archive:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
        try:
            with archive.open(member.info) as stream, os.fdopen(handle, "wb") as copy:
                shutil.copyfileobj(stream, copy, 2**20)
            os.replace(temporary, target)
        finally:
            Path(temporary).unlink(missing_ok=True)
