"""Parquet: one file, or a folder of files with the same columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.atomic import atomic_path
from nearid.io.frames import INDEX, Roles, assemble, assign_roles, feature_dtype, is_text, to_arrow
from nearid.io.location import (
    DENSEST,
    UNPACKED_BYTES,
    check_exists,
    check_file,
    check_no_key,
    check_packing,
    parsing,
)
from nearid.io.parquet_values import ParquetValues, fill
from nearid.io.table import Table

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["footer_limits", "index_name", "read", "write"]

WHAT = "a Parquet file"

#: Bytes of features up to which they are read at once; more are read a row group at a time.
WHOLE_BYTES = 2**28

#: Bytes of a row group that we write: what is held in memory beside the array when it is read.
GROUP_BYTES = 64 * 2**20

#: The end of a file: the length of its footer in four bytes, and the mark of the format.
TAIL = 8
#: What pyarrow lets a footer hold where it is not told otherwise: bytes of a string, items of a
#: list.
LONGEST_STRING, LONGEST_LIST = 100_000_000, 1_000_000


def read(
    path: Path, *, key: str | None = None, id_column: str | None = None, features: str | None = None
) -> list[Table]:
    """Read the features of a Parquet file or folder; see :func:`nearid.io.read`.

    Into one array, or, where that would be large, as :class:`ParquetValues`, read when needed.
    """
    import pyarrow as pa

    check_no_key(path, key)
    paths = _files(path)
    opened: list[pq.ParquetFile] = []
    try:
        for member in paths:
            check_file(member, WHAT)
            with parsing(member, WHAT, pa.ArrowException, ValueError, LookupError):
                opened.append(_open(member))
        with parsing(path, WHAT, pa.ArrowException, ValueError, LookupError, OverflowError):
            return [_table(path, paths, opened, id_column, features)]
    finally:
        for file in opened:
            file.close()


def _open(path: Path) -> pq.ParquetFile:
    """Open a file such that text that comes again and again is held once."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, **footer_limits(path)) as plain:
        texts = [field.name for field in plain.schema_arrow if is_text(field.type)]
        return pq.ParquetFile(path, metadata=plain.metadata, read_dictionary=texts)


def footer_limits(path: Path) -> dict[str, int]:
    """Return what a footer may claim to hold before it is read: it holds no more than its bytes.

    For pyarrow, which would else make room for what a damaged footer claims.
    """
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - TAIL))
        footer = max(1, int.from_bytes(stream.read(4), "little"))
    return {
        "thrift_string_size_limit": min(footer, LONGEST_STRING),
        "thrift_container_size_limit": min(footer, LONGEST_LIST),
    }


def write(path: Path, table: Table) -> None:
    """Write a table as Parquet, its ids as the index of pandas; see :func:`nearid.io.write`."""
    import pyarrow.parquet as pq

    frame = to_arrow(table)
    if table.ids is not None:
        frame = frame.replace_schema_metadata({"pandas": _pandas_index(table.ids)})
    with atomic_path(path) as temporary:
        pq.write_table(frame, temporary, row_group_size=_group_rows(frame))


def _group_rows(frame: pa.Table) -> int:
    n_bytes: int = frame.nbytes
    return max(1024, GROUP_BYTES * len(frame) // max(1, n_bytes))


def _files(path: Path) -> list[Path]:
    check_exists(path)
    if not path.is_dir():
        return [path]
    inside = [p for p in sorted(path.iterdir()) if not p.name.startswith((".", "_"))]
    other = [p.name for p in inside if p.suffix != ".parquet" or p.is_dir()]
    if other:
        raise InputError(
            f"{path}: expected a folder of .parquet files alone, but it holds {other[0]}; "
            f"name the files, or move the others away"
        )
    if not inside:
        raise InputError(f"{path} is a folder without .parquet files")
    return inside


def _table(
    path: Path,
    paths: Sequence[Path],
    opened: Sequence[pq.ParquetFile],
    id_column: str | None,
    features: str | None,
) -> Table:
    import pyarrow as pa

    schemas = [file.schema_arrow for file in opened]
    for member, schema in zip(paths, schemas, strict=True):
        if schema.names != schemas[0].names:
            odd = sorted(set(schema.names) ^ set(schemas[0].names)) or ["their order"]
            raise InputError(f"{member} and {paths[0]} differ in their columns: {odd[0]}")
    first = schemas[0]
    types = list(zip(first.names, first.types, strict=True))
    roles = assign_roles(
        types, str(path), index=index_name(first), id_column=id_column, features=features
    )
    values = _values(paths, opened, schemas, roles)
    parts = [file.read(columns=list(roles.metadata), use_pandas_metadata=False) for file in opened]
    frame = pa.concat_tables(parts, promote_options="permissive").select(list(roles.metadata))
    return assemble(
        values,
        frame,
        name=path.stem,
        where=str(path),
        columns=roles.features,
        index=roles.index,
        id_column=id_column,
        notices=roles.notices,
    )


def index_name(schema: pa.Schema) -> str | None:
    """Return the one column that pandas wrote for the index, if any."""
    text = (schema.metadata or {}).get(b"pandas", b"{}")
    described = json.loads(text)
    names = described.get("index_columns", []) if isinstance(described, dict) else []
    held = [name for name in names if isinstance(name, str) and name in schema.names]
    return held[0] if len(held) == 1 else None


def _pandas_index(ids: NDArray[Any]) -> str:
    """Return what tells pandas that the first column is the index."""
    is_text = ids.dtype.kind in "OTU"
    index = {
        "name": None,
        "field_name": INDEX,
        "pandas_type": "unicode" if is_text else str(ids.dtype),
        "numpy_type": "object" if is_text else str(ids.dtype),
        "metadata": None,
    }
    return json.dumps({"index_columns": [INDEX], "columns": [index], "column_indexes": []})


def _values(
    paths: Sequence[Path],
    opened: Sequence[pq.ParquetFile],
    schemas: Sequence[pa.Schema],
    roles: Roles,
) -> NDArray[Any] | ParquetValues:
    names = list(roles.features)
    dtype = feature_dtype([schema.field(name).type for schema in schemas for name in names])
    n_rows = sum(_n_rows(file) for file in opened)
    sizes = [path.stat().st_size for path in paths]
    for member, file, size in zip(paths, opened, sizes, strict=True):
        largest = max(
            (file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)), default=0
        )
        check_packing(member, largest * len(names) * dtype.itemsize, size)
    n_bytes = n_rows * len(names) * dtype.itemsize
    if n_bytes > min(WHOLE_BYTES, max(UNPACKED_BYTES, DENSEST * sum(sizes))):
        return ParquetValues(paths, [file.metadata for file in opened], names, dtype)
    values = np.empty((n_rows, len(names)), dtype=dtype)
    start = 0
    for file in opened:
        for group in range(file.num_row_groups):
            frame = file.read_row_group(group, columns=names, use_pandas_metadata=False)
            stop = start + frame.num_rows
            if stop > n_rows:
                raise ValueError(f"more rows than the {n_rows} that are promised")
            fill(values[start:stop], frame)
            start = stop
    if start != n_rows:
        raise ValueError(f"{start} rows, but {n_rows} are promised")
    return values


def _n_rows(file: pq.ParquetFile) -> int:
    """Return the number of rows, if the parts of the file agree on it."""
    held = file.metadata
    groups = [held.row_group(i).num_rows for i in range(held.num_row_groups)]
    if min(groups, default=0) < 0 or sum(groups) != held.num_rows:
        raise ValueError(f"the row groups hold {sum(groups)} rows, the file {held.num_rows}")
    return int(held.num_rows)
