"""NumPy's ``.npz``: a zip archive of named arrays."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.arrays import Entry, named_arrays, tables_of
from nearid.io.atomic import atomic_path
from nearid.io.choice import first_duplicate
from nearid.io.location import check_file, check_packing, one_line, parsing
from nearid.io.npy import NpyHeader, read_body, read_header
from nearid.io.table import Table

__all__ = ["open_arrays", "read", "write"]

WHAT = "an .npz archive"

#: Deflate packs at most 1032 to 1, so a member that claims more than that lies about its size.
DENSEST = 1040

#: What ``zipfile`` raises on a damaged archive, an unknown packing, or one that needs a password.
ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    ValueError,
    KeyError,
)


def read(
    path: Path, *, key: str | None = None, id_column: str | None = None, features: str | None = None
) -> list[Table]:
    """Read the arrays of an ``.npz`` archive; see :func:`nearid.io.read`."""
    with open_arrays(path) as entries:
        return tables_of(entries, path, key=key, id_column=id_column, features=features)


@contextmanager
def open_arrays(path: Path) -> Iterator[dict[str, Entry]]:
    """Yield the arrays of an archive, which can be loaded until the end of the block.

    Raises
    ------
    InputError
        If it is none, is damaged, or claims to hold more than it can.
    """
    size = check_file(path, WHAT)
    with parsing(path, WHAT, *ERRORS), zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        duplicate = first_duplicate([info.filename for info in members])
        if duplicate is not None:
            raise InputError(f"{path} holds {one_line(duplicate)} twice")
        yield {
            info.filename.removesuffix(".npy"): _entry(archive, info, path, size)
            for info in members
        }


def write(path: Path, table: Table) -> None:
    """Write a table, its ids, column names and metadata as arrays; see :func:`nearid.io.write`."""
    arrays = named_arrays(table)
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            # a ZipInfo carries a fixed date: the same table gives the same bytes
            info = zipfile.ZipInfo(f"{name}.npy")
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, size: int) -> Entry:
    name = f"{path}::{one_line(info.filename.removesuffix('.npy'))}"
    if info.compress_size > size or info.file_size > DENSEST * (info.compress_size + 1):
        raise InputError(f"{name} claims {info.file_size} bytes, more than the archive can hold")
    check_packing(Path(name), info.file_size, info.compress_size)
    with archive.open(info) as member:
        header = read_header(member, name)
    if header.dtype.kind != "O" and header.offset + header.n_bytes != info.file_size:
        raise InputError(
            f"{name} is damaged: its header promises {header.shape} {header.dtype}, "
            f"{header.offset + header.n_bytes} bytes, but it has {info.file_size}"
        )
    return Entry(header.shape, header.dtype, lambda: _load(archive, info, header, name))


def _load(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, header: NpyHeader, name: str
) -> NDArray[Any]:
    if header.dtype.kind == "O":
        raise InputError(f"{name} holds Python objects, which only an unsafe unpickling could read")
    with archive.open(info) as member:
        member.read(header.offset)
        array = read_body(member, header, name)
        member.read(1)  # the checksum is compared when the end is met
    return array
