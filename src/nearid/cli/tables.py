"""Opening what a user named on the command line as runs with short, distinct names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nearid.io import Table, read, split_location
from nearid.rows import Rows, from_table

__all__ = ["distinct_names", "open_runs", "open_table"]


def open_table(
    location: str, *, id_column: str | None, features: str | None
) -> tuple[Table, list[str]]:
    """Open the one table that a location names, and what is to be said about it.

    Raises
    ------
    InputError
        If it holds several.
    """
    from nearid.errors import InputError

    tables = read(location, id_column=id_column, features=features)
    if len(tables) > 1:
        held = ", ".join(table.name for table in tables[:8])
        raise InputError(
            f"{location} holds {len(tables)} tables ({held}): name one, as in FILE::KEY"
        )
    return tables[0], [f"{location}: {notice}" for notice in tables[0].notices]


def open_runs(
    locations: Sequence[str], *, id_column: str | None, features: str | None
) -> tuple[list[Rows], list[str]]:
    """Open every table of every location; a file may hold several runs.

    Returns
    -------
    runs : list of Rows
    notices : list of str
        Whatever was left out or treated specially, once each.
    """
    found: list[tuple[str, Table]] = []
    notices: list[str] = []
    for location in locations:
        for table in read(location, id_column=id_column, features=features):
            found.append((location, table))
            notices += [f"{location}: {notice}" for notice in table.notices]
    names = distinct_names([(location, table.name) for location, table in found])
    runs = [
        replace(from_table(table), name=name) for name, (_, table) in zip(names, found, strict=True)
    ]
    return runs, list(dict.fromkeys(notices))


def distinct_names(found: Sequence[tuple[str, str]]) -> list[str]:
    """Name each table as shortly as tells it from the others, by folders where names collide.

    Examples
    --------
    >>> distinct_names([("a/z.npy", "z"), ("b/z.npy", "z"), ("c/runs.npz::y", "y")])
    ['a/z', 'b/z', 'y']
    """
    folders = [split_location(location)[0].parts for location, _ in found]
    names = [name for _, name in found]
    for depth in range(1, max((len(parts) for parts in folders), default=0) + 1):
        counts = Counter(names)
        if max(counts.values(), default=1) == 1:
            break
        names = [
            _longer(parts, name, depth) if counts[current] > 1 else current
            for current, parts, (_, name) in zip(names, folders, found, strict=True)
        ]
    return names


def _longer(parts: tuple[str, ...], name: str, depth: int) -> str:
    # A table called like its file adds nothing to the path; one inside it does.
    stem = Path(parts[-1]).name.split(".")[0]
    inner = [stem] if stem == name else [stem, name]
    return "/".join([*parts[-1 - depth : -1], *inner])
