"""``.safetensors``: named tensors behind a JSON header, memory-mapped.

The layout is that of https://github.com/huggingface/safetensors: eight bytes with the header's
length, the header, then the tensors one after the other without a gap.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.errors import InputError
from nearid.io.arrays import Entry, named_arrays, tables_of, text_array
from nearid.io.atomic import atomic_path
from nearid.io.location import check_file, parsing
from nearid.io.table import Table

__all__ = ["read", "read_safetensors", "write", "write_safetensors"]

Array = NDArray[Any]

WHAT = "a .safetensors file"

#: The bound of the original library.
LONGEST_HEADER = 100_000_000

#: Names of types in the file, and the NumPy type of the bytes; BF16 is the upper half of a float32.
DTYPES = {
    "BOOL": "|u1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "BF16": "<u2",
    "F32": "<f4",
    "F64": "<f8",
    "C64": "<c8",
}
NAMES = {np.dtype(form): name for name, form in DTYPES.items() if name not in ("BOOL", "BF16")} | {
    np.dtype(bool): "BOOL"
}

#: Where a table's text (ids, column names) is kept, as the format has no tensors of text.
TEXT = "nearid.text"


@dataclass(frozen=True)
class Tensor:
    """A tensor's type, shape and place, checked against the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read(
    path: Path, *, key: str | None = None, id_column: str | None = None, features: str | None = None
) -> list[Table]:
    """Read the tensors of a ``.safetensors`` file; see :func:`nearid.io.read`."""
    tensors, metadata, body = _open(path)
    entries = {name: _entry(tensor, body) for name, tensor in tensors.items()}
    for name, column in _text(metadata, path).items():
        entries.setdefault(name, Entry(column.shape, column.dtype, partial(np.asarray, column)))
    return tables_of(entries, path, key=key, id_column=id_column, features=features)


def write(path: Path, table: Table) -> None:
    """Write a table as tensors, and its text into the header; see :func:`nearid.io.write`."""
    arrays = named_arrays(table)
    text = {name: array.tolist() for name, array in arrays.items() if array.dtype.kind == "U"}
    numbers = {name: array for name, array in arrays.items() if name not in text}
    write_safetensors(path, numbers, {TEXT: json.dumps(text)} if text else {})


def read_safetensors(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Array], dict[str, str]]:
    """Read all the tensors of a file, and its metadata.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    tensors : dict of str to ndarray
        Memory-mapped and read-only; BF16, which NumPy lacks, converted to float32.
    metadata : dict of str to str

    Raises
    ------
    InputError
        If it is not a complete file of this format.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.safetensors"
    ...     write_safetensors(path, {"w": np.ones((2, 2))}, {"made by": "nearid"})
    ...     tensors, metadata = read_safetensors(path)
    ...     tensors["w"].tolist(), metadata
    ([[1.0, 1.0], [1.0, 1.0]], {'made by': 'nearid'})
    """
    tensors, metadata, body = _open(Path(path))
    return {name: _array(tensor, body) for name, tensor in tensors.items()}, metadata


def write_safetensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, ArrayLike],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors and metadata such that the file is there in full or not at all.

    Parameters
    ----------
    path : str or path
    tensors : mapping of str to array-like
    metadata : mapping of str to str, optional

    Raises
    ------
    InputError
        If a tensor has a type that the format lacks, or the file cannot be written.
    """
    arrays = {name: _little_endian(np.asarray(array), name) for name, array in tensors.items()}
    if "__metadata__" in arrays:
        raise InputError("a tensor cannot be called __metadata__: the format uses that name")
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    # the widest types first, so that every tensor begins at a multiple of its item size
    arrays = dict(sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])))
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        header[name] = {
            "dtype": NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            stream.write(array.tobytes())


def _little_endian(array: Array, name: str) -> Array:
    if array.dtype.newbyteorder("<") not in NAMES:
        raise InputError(
            f"the tensor {name} has the type {array.dtype}, which .safetensors lacks; convert it "
            f"to one of {', '.join(sorted(str(dtype) for dtype in NAMES))}"
        )
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _open(path: Path) -> tuple[dict[str, Tensor], dict[str, str], Array]:
    check_file(path, WHAT)
    # opened once: by the time of a second look, another process may have put a newer file there
    with parsing(path, WHAT, ValueError, RecursionError), path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > min(size - 8, LONGEST_HEADER):
            raise ValueError(f"a header of {length} bytes in a file of {size}")
        header = json.loads(stream.read(length).decode("utf-8"), object_pairs_hook=_unique)
        if not isinstance(header, dict):
            raise ValueError("the header is no JSON object")
        metadata = _metadata(header.pop("__metadata__", {}))
        tensors = {name: _tensor(name, entry) for name, entry in header.items()}
        _check_tiling(tensors, size - 8 - length)
        mapped = size > 8 + length  # an empty map is refused by the system
        body: Array = np.empty(0, dtype=np.uint8)
        if mapped:
            body = np.memmap(stream, dtype=np.uint8, mode="r", offset=8 + length)
    return tensors, metadata, body


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("the header holds a name twice")
    return dict(pairs)


def _metadata(entry: Any) -> dict[str, str]:
    if not isinstance(entry, dict) or not all(isinstance(v, str) for v in entry.values()):
        raise ValueError("__metadata__ is not a mapping of text to text")
    return entry


def _tensor(name: str, entry: Any) -> Tensor:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the entry of {name} lacks dtype, shape or data_offsets")
    dtype, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"{name} has the type {dtype!s:.20}, expected one of {', '.join(DTYPES)}")
    if not _are_sizes(shape) or not _are_sizes(place) or len(place) != 2 or place[0] > place[1]:
        raise ValueError(f"{name} has a damaged shape or place")
    n_bytes = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
    if place[1] - place[0] != n_bytes:
        raise ValueError(f"{name} needs {n_bytes} bytes and has {place[1] - place[0]}")
    return Tensor(dtype, tuple(shape), *place)


def _are_sizes(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= 64
        and all(type(value) is int and 0 <= value < 2**63 for value in values)
    )


def _check_tiling(tensors: Mapping[str, Tensor], size: int) -> None:
    """Raise ValueError unless the tensors fill the body exactly, as the format demands."""
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != end:
            what = "overlaps the tensor before it" if tensor.begin < end else "leaves a hole"
            raise ValueError(f"{name} {what}")
        end = tensor.end
    if end != size:
        raise ValueError(f"the tensors fill {end} bytes, but the file has {size}")


def _entry(tensor: Tensor, body: Array) -> Entry:
    known = {"BF16": np.dtype("f4"), "BOOL": np.dtype(bool)}
    return Entry(
        tensor.shape,
        known.get(tensor.dtype, np.dtype(DTYPES[tensor.dtype])),
        lambda: _array(tensor, body),
        "BF16 was converted to float32" if tensor.dtype == "BF16" else None,
    )


def _array(tensor: Tensor, body: Array) -> Array:
    raw = body[tensor.begin : tensor.end].view(DTYPES[tensor.dtype]).reshape(tensor.shape)
    if tensor.dtype == "BF16":
        widened: Array = (raw.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return widened
    return raw != 0 if tensor.dtype == "BOOL" else raw


def _text(metadata: Mapping[str, str], path: Path) -> dict[str, Array]:
    with parsing(path, WHAT, ValueError, RecursionError):
        held = json.loads(metadata.get(TEXT, "{}"))
        if not isinstance(held, dict):
            raise ValueError(f"{TEXT} is no JSON object")
        for name, column in held.items():
            if not isinstance(column, list) or not all(isinstance(v, str) for v in column):
                raise ValueError(f"{name} in {TEXT} is no list of text")
    return {name: text_array(column, f"{path}::{name}") for name, column in held.items()}
