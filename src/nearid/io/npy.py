"""NumPy's ``.npy``: one array, memory-mapped; ids, which it cannot hold, may lie beside it."""

from __future__ import annotations

import math
import os
import re
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.atomic import atomic_path
from nearid.io.choice import choose, named_ids
from nearid.io.location import check_file, check_no_key, parsing
from nearid.io.table import Table, check_values

__all__ = ["NpyHeader", "ids_beside", "map_array", "read", "read_header", "write"]

MAGIC = b"\x93NUMPY"

#: A header of a plain array is 128 bytes; NumPy itself refuses more than this.
LONGEST_HEADER = 10_000

#: Bytes that are written at a time.
WRITTEN_BYTES = 2**24

# The header is the text of a Python dict. NumPy evaluates it, and warns of what it finds there; we
# look for the three entries that a plain array has, which can do neither.
DESCR = re.compile(
    r"""['"]descr['"]\s*:\s*(?:(['"])([<>|=]?[biufcmMOSUV]\d*(?:\[\w+\])?)\1|(\[))"""
)
FORTRAN = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)""")
SHAPE = re.compile(r"""['"]shape['"]\s*:\s*\(([\d\s,]{0,300})\)""")


@dataclass(frozen=True)
class NpyHeader:
    """What the head of a ``.npy`` says, and where the numbers begin."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    offset: int

    @property
    def n_bytes(self) -> int:
        """Bytes that the numbers fill."""
        return math.prod(self.shape) * self.dtype.itemsize


def read(
    path: Path, *, key: str | None = None, id_column: str | None = None, features: str | None = None
) -> list[Table]:
    """Map the array of a ``.npy`` file; see :func:`nearid.io.read`."""
    check_no_key(path, key)
    size = check_file(path, "an .npy file")
    with parsing(path, "an .npy file"), path.open("rb") as stream:
        header = read_header(stream, str(path))
    check_values(header.shape, header.dtype, str(path))
    end = header.offset + header.n_bytes
    values = map_array(path)
    if id_column is not None:
        raise InputError(f"{path} holds numbers only, so there is no column {id_column} for ids")
    if features is not None:
        choose(None, features, str(path))
    notices = [f"{size - end} bytes after the array were not read"] if size > end else []
    ids, said = ids_beside(path, header.shape[0])
    return [Table(values, path.stem, ids, notices=(*notices, *said))]


def map_array(path: Path) -> NDArray[Any]:
    """Map the array of a ``.npy`` file, of any shape and of any type but Python objects.

    Raises
    ------
    InputError
        If it is none, or is cut short.
    """
    check_file(path, "an .npy file")
    # opened once: by the time of a second look, another process may have put a newer file there
    with parsing(path, "an .npy file"), path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        header = read_header(stream, str(path))
        if header.dtype.kind == "O":
            raise InputError(
                f"{path} holds Python objects, which only an unsafe unpickling could read"
            )
        end = header.offset + header.n_bytes
        if end > size:
            raise InputError(
                f"{path} is cut short: its header promises {header.shape} {header.dtype}, "
                f"{end} bytes, but the file has {size}"
            )
        return _mapped(path, stream, header)


def ids_beside(path: Path, n_rows: int) -> tuple[NDArray[Any] | None, list[str]]:
    """Return the ids that lie beside an ``.npy``, and what must be said of them.

    They are those of ``<stem>.ids.npy`` or, for all arrays of a folder, of ``ids.npy``: text or
    whole numbers, one per row. What is not so is not used, which is said.

    Parameters
    ----------
    path : Path
        Of the ``.npy`` that they describe.
    n_rows : int
    """
    for name in (f"{path.stem}.ids.npy", "ids.npy"):
        beside = path.with_name(name)
        if beside == path or not beside.is_file():
            continue
        try:
            with parsing(beside, "an .npy file"), beside.open("rb") as stream:
                header = read_header(stream, str(beside))
                if header.dtype.kind not in "US" + "iu" or header.shape != (n_rows,):
                    held = f"{header.shape} of {header.dtype}"
                    return None, [f"{name} beside it was not used: {held}, not {n_rows} ids"]
                found = read_body(stream, header, str(beside))
        except InputError as error:
            return None, [f"{name} beside it was not used: {error}"]
        ids = np.char.decode(found, "utf-8") if found.dtype.kind == "S" else found
        unique, _, said = named_ids({"ids": ids}, None, "ids", str(beside))
        return unique, [f"{name} beside it was not used: {text}" for text in said]
    return None, []


def write(path: Path, table: Table) -> None:
    """Write the values of a table that has nothing else; see :func:`nearid.io.write`."""
    if table.ids is not None or table.metadata or table.columns is not None:
        raise InputError(
            f"{path}: .npy holds numbers only, and {table.name} has ids, metadata or column names; "
            f"write .npz, .safetensors, .parquet or .csv"
        )
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        values = np.asarray(table.values)
        np.lib.format.write_array_header_1_0(
            stream, np.lib.format.header_data_from_array_1_0(values)
        )
        rows = values.T if values.flags.f_contiguous and not values.flags.c_contiguous else values
        step = max(1, WRITTEN_BYTES // max(1, rows[:1].nbytes))
        # not tofile, which does not say why the system refused
        for start in range(0, len(rows), step):
            stream.write(rows[start : start + step].tobytes())


def read_header(stream: IO[bytes], name: str) -> NpyHeader:
    """Read the head of a ``.npy`` stream without evaluating it.

    Raises
    ------
    InputError
        If it is not the head of a plain array.
    """
    start = stream.read(8)
    if not start.startswith(MAGIC) or len(start) < 8:
        raise InputError(f"{name} is not an .npy file: it does not begin as one")
    if start[6] not in (1, 2, 3):
        raise InputError(f"{name}: .npy of version {start[6]}, expected 1, 2 or 3")
    form = "<H" if start[6] == 1 else "<I"
    raw = stream.read(struct.calcsize(form))
    if len(raw) < struct.calcsize(form):
        raise InputError(f"{name} is cut short inside its header")
    (length,) = struct.unpack(form, raw)
    if length > LONGEST_HEADER:
        raise InputError(f"{name}: a header of {length} bytes, expected at most {LONGEST_HEADER}")
    text = stream.read(length)
    if len(text) < length:
        raise InputError(f"{name} is cut short inside its header")
    return _parse(text.decode("latin-1"), 8 + len(raw) + length, name)


def read_body(stream: IO[bytes], header: NpyHeader, name: str) -> NDArray[Any]:
    """Read the numbers that follow a header whose size has been checked against the file's."""
    flat = np.empty(math.prod(header.shape), dtype=header.dtype)
    view = flat.view(np.uint8).data
    filled = 0
    while filled < len(view):
        block = stream.read(min(2**20, len(view) - filled))
        if not block:
            raise InputError(f"{name} is cut short: {filled} of {len(view)} bytes are there")
        view[filled : filled + len(block)] = block
        filled += len(block)
    _check_text(flat, name)
    return flat.reshape(header.shape, order="F" if header.fortran_order else "C")


def _check_text(array: NDArray[Any], name: str) -> None:
    """Refuse text of numbers that are no characters: Python raises a fault where it is used."""
    if array.dtype.kind != "U" or not array.size or not array.dtype.itemsize:
        return
    codes = np.frombuffer(np.ascontiguousarray(array).data.cast("B"), np.uint32)
    codes = codes if array.dtype.isnative else codes.byteswap()
    if codes.max() > sys.maxunicode:
        raise InputError(f"{name} is damaged: it holds text of what are no characters")


def _parse(text: str, offset: int, name: str) -> NpyHeader:
    descr, order, shape = DESCR.search(text), FORTRAN.search(text), SHAPE.search(text)
    if descr is not None and descr.group(3):
        raise InputError(f"{name} holds records, not numbers; save their fields as one array")
    if descr is None or order is None or shape is None:
        raise InputError(f"{name}: the .npy header is damaged: {text[:80].strip()!r}")
    try:
        dtype = np.dtype(descr.group(2))
        sizes = tuple(int(part) for part in shape.group(1).split(",") if part.strip())
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name}: the .npy header is damaged: {text[:80].strip()!r}") from None
    return NpyHeader(dtype, sizes, order.group(1) == "True", offset)


def _mapped(path: Path, stream: IO[bytes], header: NpyHeader) -> NDArray[Any]:
    order = "F" if header.fortran_order else "C"
    with parsing(path, "an .npy file", ValueError):
        if header.n_bytes == 0:  # an empty map is refused by the system
            return np.empty(header.shape, dtype=header.dtype)
        mapped = np.memmap(
            stream,
            dtype=header.dtype,
            mode="r",
            offset=header.offset,
            shape=header.shape,
            order="F" if order == "F" else "C",
        )
        _check_text(mapped, str(path))
        return mapped
