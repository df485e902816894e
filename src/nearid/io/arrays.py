"""Tables out of containers of named arrays: .npz, .safetensors, a Zarr group.

The convention: every two-dimensional numeric array is a table (a run); a one-dimensional array of
the same length describes its rows; a one-dimensional array of text called ``columns``, as long as
the table is wide, names its columns; and one called ``ids`` holds its ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.choice import choose, chosen_notice, first_duplicate, named_ids
from nearid.io.location import closest, listing, match
from nearid.io.table import REAL_KINDS, Table, check_values

__all__ = ["Entry", "named_arrays", "tables_of", "text_array"]

Array = NDArray[Any]

#: Kinds of NumPy types that can describe rows: numbers, text, dates.
DESCRIBING_KINDS = REAL_KINDS + "USTMm"


#: Characters that an array of text may hold in any case; beyond that, those of a text that
#: describes a row, and how many times those of all texts it may hold.
LARGEST_TEXT, LONGEST_TEXT, PADDING = 2**22, 10_000, 20


@dataclass(frozen=True)
class Entry:
    """An array that a container holds, not read yet.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    load : callable
        Returns the array, or what stands for it.
    notice : str, optional
        What must be said when it is used.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    load: Callable[[], Any]
    notice: str | None = None

    def is_table(self) -> bool:
        """Whether it is a two-dimensional array of real numbers."""
        return len(self.shape) == 2 and self.shape[1] > 0 and self.dtype.kind in REAL_KINDS


def tables_of(
    entries: Mapping[str, Entry],
    path: Path,
    *,
    key: str | None = None,
    id_column: str | None = None,
    features: str | None = None,
) -> list[Table]:
    """Make tables of the arrays that a container holds.

    Parameters
    ----------
    entries : mapping of str to Entry
    path : Path
        For messages.
    key : str, optional
        Name or glob of the arrays to make tables of; every two-dimensional one if not given.
    id_column, features
        As in :func:`nearid.io.read`.

    Returns
    -------
    list of Table
        At least one. A table is named by its key, or by the file if that holds just one.

    Raises
    ------
    InputError
        If there is no such array, or it is no table of real numbers.
    """
    tables = [name for name, entry in entries.items() if entry.is_table()]
    wanted = tables if key is None else _keys(entries, tables, key, path)
    if not wanted:
        held = listing([f"{name} {entry.shape} {entry.dtype}" for name, entry in entries.items()])
        raise InputError(f"{path} holds no two-dimensional array of real numbers; it holds {held}")
    describing = _describing(entries)
    left_out = [
        f"{name} ({_what(entry)}) was not read"
        for name, entry in entries.items()
        if key is None and name not in tables and name not in describing
    ]
    names = {name: path.stem if len(tables) == 1 else name for name in wanted}
    return [
        _table(entries[name], names[name], path, describing, left_out, id_column, features)
        for name in wanted
    ]


def named_arrays(table: Table) -> dict[str, Array]:
    """Return the arrays by which a container holds a table; the reverse of :func:`tables_of`.

    Raises
    ------
    InputError
        If two of them would have one name.
    """
    parts: list[tuple[str, Any]] = [(table.name, np.asarray(table.values))]
    if table.ids is not None:
        parts.append(("ids", plain_text(table.ids, f"{table.name}: the ids")))
    if table.columns is not None:
        parts.append(("columns", np.array(table.columns, dtype=str)))
    for name, column in table.metadata.items():
        parts.append((name, plain_text(column, f"{table.name}: the metadata {name}")))
    duplicate = first_duplicate([name for name, _ in parts])
    if duplicate is not None:
        raise InputError(
            f"{table.name} cannot be written: two of its parts are called {duplicate}; rename the "
            f"table or the metadata"
        )
    return dict(parts)


def plain_text(column: Array, what: str) -> Array:
    """Return an array of objects as text, so that no pickle is needed to keep it."""
    if column.dtype.kind not in "OT":
        return column
    if not all(isinstance(value, str) for value in column):
        raise InputError(f"{what} hold Python objects that are not text; convert them to str")
    return text_array(column.tolist(), what)


def text_array(texts: Sequence[str], what: str) -> Array:
    """Return texts as an array.

    Raises
    ------
    InputError
        If one is so long that all of them, padded to its length, would fill the memory.
    """
    longest = max(map(len, texts), default=0)
    padded = longest * len(texts)
    odd = longest > LONGEST_TEXT or padded > PADDING * sum(map(len, texts))
    if padded > LARGEST_TEXT and odd:
        raise InputError(
            f"{what}: a text of {longest} characters, to whose length all {len(texts)} would be "
            f"padded; cut it, or leave it out"
        )
    return np.array(texts, dtype=str)


def _keys(entries: Mapping[str, Entry], tables: Sequence[str], key: str, path: Path) -> list[str]:
    found = match(key, entries)
    if not found:
        raise InputError(
            f"{path} has no array {key}{closest(key, entries)}; it holds {listing(entries)}"
        )
    if found == [key]:
        check_values(entries[key].shape, entries[key].dtype, f"{path}::{key}")
    return [name for name in found if name in tables]


def _describing(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    return {
        name: entry
        for name, entry in entries.items()
        if len(entry.shape) == 1 and entry.dtype.kind in DESCRIBING_KINDS
    }


def _what(entry: Entry) -> str:
    if entry.dtype.kind == "O":
        return "Python objects, which only an unsafe unpickling could read"
    return f"shape {entry.shape}, type {entry.dtype}"


def _table(
    entry: Entry,
    name: str,
    path: Path,
    describing: Mapping[str, Entry],
    left_out: Sequence[str],
    id_column: str | None,
    features: str | None,
) -> Table:
    notices = [*left_out, *([entry.notice] if entry.notice else [])]
    columns, rest = _columns(describing, entry.shape[1])
    metadata = {}
    for key, candidate in rest.items():
        if candidate.shape == entry.shape[:1]:
            metadata[key] = _describing_array(candidate, f"{path}::{key}")
        else:
            notices.append(f"{key} has {candidate.shape[0]} values, not one per row: not read")
    ids, metadata, said = named_ids(metadata, id_column, "ids", f"{path}::{name}")
    values = entry.load()
    if features is not None:
        index = choose(columns, features, f"{path}::{name}")
        notices += chosen_notice(len(index), entry.shape[1])
        values, columns = values[:, index], tuple((columns or ())[i] for i in index)
    return Table(values, name, ids, metadata, columns, (*notices, *said))


def _columns(
    describing: Mapping[str, Entry], width: int
) -> tuple[tuple[str, ...] | None, dict[str, Entry]]:
    entry = describing.get("columns")
    if entry is None or entry.dtype.kind not in "UT" or entry.shape != (width,):
        return None, dict(describing)
    rest = {key: other for key, other in describing.items() if key != "columns"}
    return tuple(str(name) for name in entry.load()), rest


def _describing_array(entry: Entry, what: str) -> Array:
    column = np.asarray(entry.load())
    if column.dtype.kind == "S":
        try:
            return np.char.decode(column, "utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{what} is text, but not UTF-8; save it as str") from None
    return plain_text(column, what)
