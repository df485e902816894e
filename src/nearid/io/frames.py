"""Tables out of frames with named columns: .parquet, .csv, the obs of an .h5ad.

The convention is pycytominer's: numeric columns are features, and columns whose names begin with
``Metadata_`` describe the rows, whatever they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.arrays import plain_text, text_array
from nearid.io.choice import choose, chosen_notice, first_duplicate, named_ids
from nearid.io.location import closest, listing
from nearid.io.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "METADATA",
    "Roles",
    "as_metadata",
    "assemble",
    "assign_roles",
    "is_text",
    "shared_texts",
    "to_arrow",
]

Array = NDArray[Any]

METADATA = "Metadata_"

#: The name that pandas gives to the column of an index without a name.
INDEX = "__index_level_0__"


@dataclass(frozen=True)
class Roles:
    """Which column is what: features, metadata, the index, and what must be said of them."""

    features: tuple[str, ...]
    metadata: tuple[str, ...]
    index: str | None = None
    notices: tuple[str, ...] = ()


def assign_roles(
    types: Sequence[tuple[str, pa.DataType]],
    where: str,
    *,
    index: str | None = None,
    id_column: str | None = None,
    features: str | None = None,
) -> Roles:
    """Say which column is a feature and which describes the rows.

    Parameters
    ----------
    types : sequence of (str, pyarrow.DataType)
        Names and types of the columns, in order.
    where : str
        How messages call the table.
    index : str, optional
        The column that pandas wrote for the index.
    id_column, features : str, optional
        As in :func:`nearid.io.read`.

    Raises
    ------
    InputError
        If two columns have one name, there is no numeric column, or none that was asked for.
    """
    names = [name for name, _ in types]
    duplicate = first_duplicate(names)
    if duplicate is not None:
        raise InputError(f"{where}: two columns are called {duplicate!r}; rename one")
    if id_column is not None and id_column not in names:
        described = [name for name in names if name.startswith(METADATA)] or names
        raise InputError(
            f"{where} has no column {id_column} to take the ids from; there is "
            f"{listing(described)}{closest(id_column, names)}"
        )
    apart = {index, id_column}
    candidates = [(name, kind) for name, kind in types if name not in apart]
    numeric = [name for name, kind in candidates if _is_feature(name, kind)]
    if not numeric:
        raise InputError(
            f"{where} has no numeric column to use as a feature; it has {listing(names)}"
        )
    others = [name for name in names if name not in numeric]
    chosen = numeric
    if features is not None:
        chosen = [numeric[i] for i in choose(numeric, features, where)]
    told = [name for name in others if not name.startswith(METADATA) and name not in apart]
    notices = chosen_notice(len(chosen), len(numeric))
    if told:
        notices.append(f"not numeric, so metadata and not features: {listing(told)}")
    return Roles(tuple(chosen), tuple(others), index, tuple(notices))


def feature_dtype(types: Sequence[pa.DataType]) -> np.dtype[Any]:
    """Return float32 if it holds every feature exactly, else float64."""
    import pyarrow.types as kinds

    def is_small(kind: pa.DataType) -> bool:
        whole = kinds.is_integer(kind) and kind.bit_width <= 16
        return bool(whole or kinds.is_float16(kind) or kinds.is_float32(kind))

    return np.dtype("f4" if all(map(is_small, types)) else "f8")


def as_metadata(column: pa.ChunkedArray, name: str) -> tuple[Array | None, list[str]]:
    """Return a column that describes rows as an array, and what must be said of it.

    Missing numbers become NaN, missing dates NaT, and missing text becomes empty. A column of
    another kind (lists, records, nothing at all) gives None.
    """
    import pyarrow as pa
    import pyarrow.types as kinds

    if is_text(column.type):
        try:
            text = text_array([value or "" for value in shared_texts(column)], name)
        except InputError as error:
            return None, [f"{error}: left out"]
        missing = column.null_count
        return text, [f"{name}: {missing} missing texts were read as ''"] if missing else []
    if kinds.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if kinds.is_decimal(kind) or (kinds.is_boolean(kind) and column.null_count):
        column = column.cast(pa.float64())
    elif kinds.is_timestamp(kind) and kind.tz is not None:
        return column.to_numpy(), [f"{name}: times were converted from {kind.tz} to UTC"]
    elif not (kinds.is_primitive(kind) and not kinds.is_time(kind)):
        return None, [f"{name} (type {kind}) describes no rows in a way that can be read: left out"]
    return column.to_numpy(), []


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds text, as it is or as codes of a dictionary."""
    import pyarrow.types as kinds

    kind = kind.value_type if kinds.is_dictionary(kind) else kind
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))


def shared_texts(column: pa.ChunkedArray) -> list[str | None]:
    """Return the texts of a column; what codes of a dictionary mean is held once, not each time."""
    if not hasattr(column.type, "value_type"):
        texts: list[str | None] = column.to_pylist()
        return texts
    found: list[str | None] = []
    for chunk in column.chunks:
        known = chunk.dictionary.to_pylist()
        found += [None if code is None else known[code] for code in chunk.indices.to_pylist()]
    return found


def assemble(
    values: Any,
    frame: pa.Table,
    *,
    name: str,
    where: str,
    columns: tuple[str, ...] | None,
    index: str | None,
    id_column: str | None,
    notices: Sequence[str],
) -> Table:
    """Make a table of the features and of the frame of all that describes the rows."""
    metadata: dict[str, Array] = {}
    said = list(notices)
    for column in frame.column_names:
        array, more = as_metadata(frame[column], column or "the first column")
        said += more
        if array is not None:
            metadata[column] = array
    if index is not None and _counts(metadata.get(index)) and index != id_column:
        del metadata[index]  # says no more than the order does
        index = None
    ids, rest, more = named_ids(metadata, id_column, index, where)
    rest = {"index" if column in ("", INDEX) else column: array for column, array in rest.items()}
    return Table(values, name, ids, rest, columns, (*said, *more))


def to_arrow(table: Table) -> pa.Table:
    """Return a table as a frame; the reverse of :func:`assemble`.

    Columns without names are called ``0``, ``1``, and so on. Metadata gets the prefix
    ``Metadata_`` where it lacks it: without it, numbers would be read as features.
    """
    import pyarrow as pa

    values = np.asarray(table.values)
    names = table.columns or tuple(str(i) for i in range(values.shape[1]))
    parts: list[tuple[str, Any]] = []
    if table.ids is not None:
        parts.append((INDEX, plain_text(table.ids, f"{table.name}: the ids")))
    for name, column in table.metadata.items():
        full = name if name.startswith(METADATA) else METADATA + name
        parts.append((full, plain_text(column, f"{table.name}: the metadata {name}")))
    parts += [(name, values[:, i]) for i, name in enumerate(names)]
    duplicate = first_duplicate([name for name, _ in parts])
    if duplicate is not None:
        raise InputError(f"{table.name} cannot be written: two columns are called {duplicate}")
    return pa.table([_column(part) for _, part in parts], names=[name for name, _ in parts])


def _column(values: Array) -> Any:
    import pyarrow as pa

    if values.dtype.kind == "U":
        return pa.array(values.tolist(), type=pa.string())
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    return pa.array(np.ascontiguousarray(native))


def _is_feature(name: str, kind: pa.DataType) -> bool:
    import pyarrow.types as kinds

    number = kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind)
    return bool(number and not name.startswith(METADATA))


def _counts(index: Array | None) -> bool:
    if index is None or index.dtype.kind not in "iuU":
        return False
    counted = np.arange(len(index))  # as text where a format has no other index
    return np.array_equal(index, counted.astype(str) if index.dtype.kind == "U" else counted)
