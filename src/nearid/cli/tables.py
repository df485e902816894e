"""Opening what a user named on the command line as runs with short, distinct names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from nearid.io import Table, read, read_one, split_location
from nearid.rows import Rows, from_table

__all__ = ["distinct_names", "open_runs", "open_table"]


def open_table(
    location: str, *, id_column: str | None, features: str | None
) -> tuple[Table, list[str]]:
    """Open the one table that a location names, and say what was left out of it."""
    table = read_one(location, id_column=id_column, features=features)
    return table, [f"{location}: {notice}" for notice in table.notices]


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
    """Name each table as shortly as tells it from the others: by the shortest tail of its path.

    What cannot be told apart, the same table given twice, is numbered.

    Parameters
    ----------
    found : sequence of (location, name of the table)

    Examples
    --------
    >>> distinct_names([("a/z.npy", "z"), ("b/z.npy", "z"), ("c/runs.npz::y", "y")])
    ['a/z.npy', 'b/z.npy', 'y']
    >>> distinct_names([("z.npy", "z"), ("z.csv", "z"), ("u.npz", "k"), ("v.npz", "k")])
    ['z.npy', 'z.csv', 'u.npz::k', 'v.npz::k']
    >>> distinct_names([("z.npy", "z"), ("z.npy", "z")])
    ['z (1)', 'z (2)']
    """
    tails = [_tails(location, name) for location, name in found]
    level = [0] * len(found)
    while True:
        names = [options[i] for options, i in zip(tails, level, strict=True)]
        counts = Counter(names)
        clashing = [i for i, name in enumerate(names) if counts[name] > 1]
        longer = [i for i in clashing if level[i] + 1 < len(tails[i])]
        if not longer:
            break
        for i in longer:
            level[i] += 1
    return _numbered([name for _, name in found], names)


def _tails(location: str, name: str) -> list[str]:
    """Return the names that a table may have, shortest first."""
    path = split_location(location)[0]
    inside = "" if path.name.startswith(f"{name}.") or path.name == name else f"::{name}"
    parts = [part for part in path.parts if part != path.anchor]
    return [name, *("/".join(parts[-n:]) + inside for n in range(1, len(parts) + 1))]


def _numbered(short: Sequence[str], names: Sequence[str]) -> list[str]:
    counts, met = Counter(names), Counter[str]()
    numbered = []
    for brief, name in zip(short, names, strict=True):
        met[name] += 1
        numbered.append(f"{brief} ({met[name]})" if counts[name] > 1 else name)
    return numbered
