"""Zarr: chunked arrays in a folder, read chunk by chunk when they are needed."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.arrays import Entry, tables_of
from nearid.io.blocks import Blocks
from nearid.io.location import (
    DAMAGED,
    DENSEST,
    UNPACKED_BYTES,
    check_exists,
    check_packing,
    one_line,
    parsing,
)
from nearid.io.table import REAL_KINDS, Table
from nearid.optional import require

__all__ = ["ZarrValues", "read"]

WHAT = "a Zarr folder"

#: Chunks that are looked for one by one whether they are stored or not.
MANY_CHUNKS = 10_000

#: What zarr and its codecs raise on damaged content.
ERRORS = (*DAMAGED, ArithmeticError)

#: Bytes of rows that are unpacked at a time, at least; a chunk of the file may be more.
BLOCK_BYTES = 2**20
#: Chunks of rows that unpack to more than this are read in part, again and again if they must be.
LARGEST_BLOCK = 2**26


class ZarrValues:
    """A Zarr array that reads as NumPy does, and says which file is damaged if one is.

    Of a table, the chunks that were last unpacked are kept: rows are asked for in smaller numbers
    than a chunk of the file has.

    Parameters
    ----------
    array : zarr.Array
    path : Path
        For messages.
    """

    def __init__(self, array: Any, path: Path) -> None:
        self.array = array
        self.path = path
        self._blocks = _blocks(array) if len(array.shape) == 2 else None

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process without what was read."""
        return ZarrValues, (self.array, self.path)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        kind: np.dtype[Any] = np.dtype(self.array.dtype)
        return kind

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Read a slice, or rows in any order and with repeats."""
        with parsing(self.path, WHAT, *ERRORS):
            if isinstance(index, slice) and self._blocks is not None:
                return self._blocks.rows(index)
            if isinstance(index, tuple):
                return np.asarray(self.array.oindex[index])
            if not isinstance(index, int | np.integer | slice):
                index = np.asarray(index)
            return np.asarray(self.array[index])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read it all."""
        return np.asarray(self[:], dtype=dtype)


def _blocks(array: Any) -> Blocks | None:
    n_rows, n_columns = array.shape
    stored = int((array.shards or array.chunks)[0])
    row_bytes = max(1, n_columns * np.dtype(array.dtype).itemsize)
    step = stored * max(1, BLOCK_BYTES // max(1, stored * row_bytes))
    if n_rows == 0 or step * row_bytes > LARGEST_BLOCK:
        return None
    edges = [*range(0, n_rows, step), n_rows]
    return Blocks(
        edges,
        lambda i: np.asarray(array[edges[i] : edges[i + 1]]),
        (n_rows, n_columns),
        np.dtype(array.dtype),
    )


def read(
    path: Path, *, key: str | None = None, id_column: str | None = None, features: str | None = None
) -> list[Table]:
    """Open a Zarr array, or the arrays of a group; see :func:`nearid.io.read`.

    The C library of Blosc, which unpacks chunks that are packed by it, crashes on some damaged
    ones: open folders of strangers in a process that may be lost.
    """
    zarr = require("zarr", extra="zarr")
    check_exists(path)
    if not path.is_dir():
        raise InputError(f"{path} is a file: expected {WHAT}")
    with parsing(path, WHAT, *ERRORS), warnings.catch_warnings():
        # files that are no part of the hierarchy: they are not read, and hold no array
        warnings.filterwarnings("ignore", "Object at .* is not recognized as a component")
        # of text of fixed length: a caution to who writes it, and what is read is what was written
        warnings.filterwarnings("ignore", ".*does not have a Zarr V3 specification")
        # of metadata: a caution to who wrote them, and a fill value that its type cannot hold
        warnings.filterwarnings("ignore", "Found an empty list of filters")
        warnings.filterwarnings("ignore", "(overflow|invalid value) encountered in cast")
        node = zarr.open(path, mode="r")
        if hasattr(node, "shape"):
            held = {path.stem: node}
            if key is not None:
                raise InputError(f"{path} holds one array and has no keys: leave out ::{key}")
        else:
            members = sorted(node.members(max_depth=None))
            held = {name: member for name, member in members if hasattr(member, "shape")}
        entries = {name: _entry(array, path) for name, array in held.items()}
        return tables_of(entries, path, key=key, id_column=id_column, features=features)


def _check_stored(array: Any, path: Path) -> None:
    """Refuse an array nearly all of whose very many chunks are not there: each is looked for."""
    if array.nchunks <= MANY_CHUNKS:
        return
    pairs = zip(array.shards or array.chunks, array.chunks, strict=True)
    of_a_file = math.prod(-(-stored // chunk) for stored, chunk in pairs)
    n_files = sum(file.is_file() for file in (path / array.path).rglob("*"))
    if DENSEST * n_files * of_a_file < array.nchunks:
        name = one_line(array.path or path.name)
        raise InputError(
            f"{path}: {array.nchunks} chunks of {name}, but {n_files} files: next to none are "
            f"stored; if the others are meant to be {array.fill_value}, write it anew in larger "
            f"chunks"
        )


def _entry(array: Any, path: Path) -> Entry:
    _refuse_pickle(array, path)
    dtype = np.dtype(array.dtype)
    if dtype.kind == "O":  # text of any length; pickled objects have been refused
        dtype = np.dtype(np.dtypes.StringDType()) if hasattr(np.dtypes, "StringDType") else dtype
    if array.nbytes > UNPACKED_BYTES:  # else the files need not be looked at
        check_packing(path, array.nbytes, _stored_bytes(path))
    _check_stored(array, path)
    values = ZarrValues(array, path)
    lazy = len(array.shape) == 2 and dtype.kind in REAL_KINDS
    absent = array.nchunks - array.nchunks_initialized if lazy else 0
    said = f"{absent} of {array.nchunks} chunks are not stored: all of them is {array.fill_value}"
    return Entry(
        tuple(array.shape),
        dtype,
        lambda: values if lazy else values[:],
        said if absent else None,
    )


def _stored_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _refuse_pickle(array: Any, path: Path) -> None:
    """Raise InputError if reading the array would run what a pickle says."""
    packing = [*array.filters, *array.compressors, getattr(array, "serializer", None)]
    if any("pickle" in repr(codec).lower() for codec in packing):
        raise InputError(
            f"{path}: the array {array.path or path.name} is packed with pickle, which can run "
            f"anything when it is read; write it again with another codec"
        )
