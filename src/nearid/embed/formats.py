"""How rows are kept in a folder: what is appended while they come, and what it becomes.

While they come, a layer is a file of bare numbers after room for a header, and ids are lines of
JSON, one for each batch: both can be cut where they were counted. The end can be done again if it
is interrupted.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from nearid.optional import require

__all__ = ["FORMATS", "HEADER_BYTES", "ROWS", "ids_file", "rows_file"]

Array = NDArray[Any]
Entries = dict[str, dict[str, Any]]

#: How names of files of bare numbers end.
ROWS = ".rows"

#: Room for the header of an ``.npy``, which says how many rows there are.
HEADER_BYTES = 128

#: Bytes of a file that are handled at a time, and ids.
BLOCK_BYTES = 2**24
BLOCK_IDS = 2**16


def rows_file(layer: str) -> str:
    """Return the name of the file of bare numbers of a layer."""
    return f"{file_name(layer)}{ROWS}"


def ids_file(group: str) -> str:
    """Return the name of the file of ids of the layers of a group."""
    return f"{file_name(group)}.ids"


def file_name(layer: str) -> str:
    """Return a layer's name as the name of a file; no layer is called as ids are.

    Examples
    --------
    >>> file_name("h.0.mlp"), file_name("/encoder/Add_0"), file_name("ids")
    ('h.0.mlp', '%2Fencoder%2FAdd_0', '%69ds')
    """
    name = quote(layer, safe="")
    return f"{name[:-3]}%69ds" if name == "ids" or name.endswith(".ids") else name


def finish_npy(raw: Path, rows: Path, layers: Entries) -> Entries:
    """Give every layer an ``.npy``, and its ids one beside it: ``ids.npy`` for most layers."""
    counts = Counter(entry["group"] for entry in layers.values())
    main = counts.most_common(1)[0][0]
    entries = {}
    for name, entry in layers.items():
        file = f"{file_name(name)}.npy"
        _with_header(raw / rows_file(name), entry)
        _link(raw / rows_file(name), rows / file)
        ids = "ids.npy" if entry["group"] == main else f"{file_name(name)}.ids.npy"
        if not (rows / ids).exists():
            _ids_npy(raw / ids_file(entry["group"]), rows / ids, layers[entry["group"]])
        entries[name] = _entry(entry, file, ids)
    return entries


def finish_zarr(raw: Path, rows: Path, layers: Entries) -> Entries:
    """Give every layer a ``.zarr``: a group of its rows, ``values``, and its ``ids``."""
    zarr = require("zarr", extra="zarr")
    entries = {}
    for name, entry in layers.items():
        file = f"{file_name(name)}.zarr"
        # version 2: version 3 has not settled how text is kept
        group = zarr.open_group(rows / file, mode="w", zarr_format=2)
        shape, dtype = tuple(entry["shape"]), np.dtype(entry["dtype"])
        step = _step(entry)
        chunks = (min(step, shape[0]), shape[1])
        values = group.create_array("values", shape=shape, dtype=dtype, chunks=chunks)
        for start, block in _blocks(raw / rows_file(name), entry, step):
            values[start : start + len(block)] = block
        source = raw / ids_file(entry["group"])
        kind = f"U{layers[entry['group']]['id_width']}"
        chunk = (min(BLOCK_IDS, shape[0]),)
        ids = group.create_array("ids", shape=shape[:1], dtype=kind, chunks=chunk)
        for start, names in _names(source):
            ids[start : start + len(names)] = np.array(names, dtype=kind)
        entries[name] = _entry(entry, file, file)
    return entries


#: How a folder is finished, by the name of its format.
FORMATS: dict[str, Callable[[Path, Path, Entries], Entries]] = {
    "npy": finish_npy,
    "zarr": finish_zarr,
}


def _entry(entry: Mapping[str, Any], file: str, ids: str) -> dict[str, Any]:
    kept = {key: entry[key] for key in ("shape", "dtype", "nonfinite")}
    return {"file": file, **kept, "ids": ids}


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return the head of an ``.npy`` of version 1.0."""
    words = {"descr": dtype.newbyteorder("<").str, "fortran_order": False, "shape": shape}
    text = f"{words!r}".encode()
    text += b" " * (HEADER_BYTES - 11 - len(text)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def _with_header(path: Path, entry: Mapping[str, Any]) -> None:
    with path.open("r+b") as stream:
        stream.write(_header(tuple(entry["shape"]), np.dtype(entry["dtype"])))
        stream.flush()
        os.fsync(stream.fileno())


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; where a file system has no links, copy it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _ids_npy(source: Path, target: Path, leader: Mapping[str, Any]) -> None:
    kind = np.dtype(f"<U{leader['id_width']}")
    with target.open("wb") as stream:
        stream.write(_header((leader["shape"][0],), kind))
        for _, names in _names(source):
            stream.write(np.array(names, dtype=kind).tobytes())
        stream.flush()
        os.fsync(stream.fileno())


def _names(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the ids of a file, a block at a time, and where each block begins."""
    start = 0
    held: list[str] = []
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            held += json.loads(line)
            while len(held) >= BLOCK_IDS:
                yield start, held[:BLOCK_IDS]
                start, held = start + BLOCK_IDS, held[BLOCK_IDS:]
    if held:
        yield start, held


def _blocks(path: Path, entry: Mapping[str, Any], step: int) -> Iterator[tuple[int, Array]]:
    shape, dtype = tuple(entry["shape"]), np.dtype(entry["dtype"])
    with path.open("rb") as stream:
        stream.seek(HEADER_BYTES)
        for start in range(0, shape[0], step):
            size = min(step, shape[0] - start) * shape[1] * dtype.itemsize
            yield start, np.frombuffer(stream.read(size), dtype).reshape(-1, shape[1])


def _step(entry: Mapping[str, Any]) -> int:
    row_bytes: int = entry["shape"][1] * np.dtype(entry["dtype"]).itemsize
    return max(1, BLOCK_BYTES // row_bytes)
