"""Text with separators: ``.csv``, ``.tsv``, and both packed with gzip."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearid.errors import InputError
from nearid.io.atomic import atomic_path
from nearid.io.choice import first_duplicate
from nearid.io.frames import INDEX, METADATA, assemble, assign_roles, to_arrow
from nearid.io.location import check_file, check_no_key, check_packing, parsing
from nearid.io.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read", "write"]

#: What pandas calls the column of an index: nothing, or what it makes of nothing when it reads.
INDEX_NAMES = ("", "Unnamed: 0")

WHOLE = r"^-?(0|[1-9][0-9]*)$"
DECIMAL = r"^[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def read(
    path: Path, *, key: str | None = None, id_column: str | None = None, features: str | None = None
) -> list[Table]:
    """Read a text file with a header; see :func:`nearid.io.read`.

    Features are float64, with what is empty, ``NA`` or ``nan`` missing. Ids and ``Metadata_``
    columns that hold something like ``007`` stay text, as a number would lose the zeros.
    """
    import pyarrow as pa

    check_no_key(path, key)
    what = f"a {_separator_name(path)} file"
    check_file(path, what)
    with parsing(path, what, pa.ArrowException, ValueError, csv.Error, EOFError, zlib.error):
        if _packed(path):
            _check_unpacked(path)
        names = _header(path)
        texts = [name for name in names if name.startswith(METADATA)]
        index = names[0] if names[0] in INDEX_NAMES else None
        texts += [name for name in (id_column, index) if name in names]
        frame = _frame(path, texts)
    roles = assign_roles(
        list(zip(frame.column_names, frame.schema.types, strict=True)),
        str(path),
        index=index,
        id_column=id_column,
        features=features,
    )
    with parsing(path, what, pa.ArrowException):
        values = np.empty((frame.num_rows, len(roles.features)), dtype=np.float64)
        for i, name in enumerate(roles.features):
            values[:, i] = frame[name].cast(pa.float64(), safe=False).to_numpy()
    table = assemble(
        values,
        frame.select(list(roles.metadata)),
        name=_stem(path),
        where=str(path),
        columns=roles.features,
        index=index,
        id_column=id_column,
        notices=roles.notices,
    )
    return [table]


def write(path: Path, table: Table) -> None:
    """Write a table as text, float64 digit for digit; see :func:`nearid.io.write`."""
    import pyarrow as pa
    import pyarrow.csv as pc

    frame = to_arrow(table)
    kinds = [pa.float64() if pa.types.is_floating(t) else t for t in frame.schema.types]
    # float32 as float64, so that whoever reads float64 gets the same numbers
    frame = frame.cast(pa.schema(list(zip(frame.column_names, kinds, strict=True))))
    frame = frame.rename_columns(["" if name == INDEX else name for name in frame.column_names])
    options = pc.WriteOptions(delimiter=_delimiter(path))
    with atomic_path(path) as temporary, ExitStack() as stack:
        stream: Any = stack.enter_context(temporary.open("wb"))
        if _packed(path):
            # no name and no time in the header: the same table gives the same bytes
            packed = gzip.GzipFile("", "wb", fileobj=stream, mtime=0)
            stream = stack.enter_context(packed)
        pc.write_csv(frame, stream, options)


def _packed(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _check_unpacked(path: Path) -> None:
    """Refuse what is packed too densely before any of it is held; nothing in the file says how."""
    size, n_bytes = path.stat().st_size, 0
    with gzip.open(path) as stream:
        while block := stream.read(2**20):
            n_bytes += len(block)
            check_packing(path, n_bytes, size)


def _delimiter(path: Path) -> str:
    return "\t" if _separator_name(path) == ".tsv" else ","


def _separator_name(path: Path) -> str:
    return ".tsv" if path.name.lower().removesuffix(".gz").endswith(".tsv") else ".csv"


def _stem(path: Path) -> str:
    return Path(path.stem).stem if _packed(path) else path.stem


def _header(path: Path) -> list[str]:
    """Return the names of the columns: what describes rows must be known before it is read."""
    with ExitStack() as stack:
        raw: Any = stack.enter_context(path.open("rb"))
        if _packed(path):
            raw = stack.enter_context(gzip.GzipFile(fileobj=raw))
        text = stack.enter_context(io.TextIOWrapper(raw, encoding="utf-8-sig", newline=""))
        names = next(csv.reader(text, delimiter=_delimiter(path)), [])
    duplicate = first_duplicate(names)
    if duplicate is not None:
        raise InputError(f"{path}: two columns are called {duplicate!r}; rename one")
    if len(names) == 1 and ";" in names[0]:
        raise InputError(f"{path} is separated by ';': expected {_delimiter(path)!r}; convert it")
    if not names:
        raise InputError(f"{path} has no header: expected the names of the columns first")
    return names


def _frame(path: Path, texts: list[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv as pc

    options = pc.ConvertOptions(column_types=dict.fromkeys(texts, pa.string()))
    parse = pc.ParseOptions(delimiter=_delimiter(path), newlines_in_values=True)
    with pa.input_stream(str(path), compression="gzip" if _packed(path) else None) as stream:
        frame = pc.read_csv(stream, parse_options=parse, convert_options=options)
    for name in frame.column_names:
        if pa.types.is_binary(frame[name].type):
            raise InputError(f"{path}: the column {name} is not UTF-8 text; convert the file")
        if name in texts:
            position = frame.column_names.index(name)
            frame = frame.set_column(position, name, _inferred(frame[name]))
    return frame


def _inferred(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text as numbers if that loses nothing, such as the zeros in front of an id."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for form, kind in ((WHOLE, pa.int64()), (DECIMAL, pa.float64())):
        held = pc.fill_null(pc.match_substring_regex(column, form), False)
        empty = pc.fill_null(pc.equal(column, ""), True)
        if pc.all(pc.or_(held, empty)).as_py() and pc.any(held).as_py():
            try:
                return pc.if_else(empty, None, column).cast(kind)
            except pa.ArrowInvalid:  # more digits than a number holds: a name after all
                break
    return column
