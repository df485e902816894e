"""Reading and writing tables: one file per format, and never a pickle.

Adding a format is one file with a ``read`` (and, if it can be written, a ``write``), and one line
below.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from nearid.errors import InputError
from nearid.io import csv, h5ad, npy, npz, parquet, safetensors, zarr
from nearid.io.atomic import atomic_path
from nearid.io.location import check_exists, closest, listing, split_location
from nearid.io.origin import Origin, is_lazy
from nearid.io.safetensors import read_safetensors, write_safetensors
from nearid.io.table import Table

__all__ = [
    "READERS",
    "WRITERS",
    "Table",
    "atomic_path",
    "read",
    "read_one",
    "read_safetensors",
    "split_location",
    "write",
    "write_safetensors",
]

Function = TypeVar("Function", bound=Callable[..., Any])

#: How each format is read, by the end of a file's name.
READERS: dict[str, Callable[..., list[Table]]] = {
    ".npy": npy.read,
    ".npz": npz.read,
    ".safetensors": safetensors.read,
    ".parquet": parquet.read,
    ".csv": csv.read,
    ".csv.gz": csv.read,
    ".tsv": csv.read,
    ".tsv.gz": csv.read,
    ".h5ad": h5ad.read,
    ".zarr": zarr.read,
}

#: How each format is written, by the end of a file's name.
WRITERS: dict[str, Callable[[Path, Table], None]] = {
    ".npy": npy.write,
    ".npz": npz.write,
    ".safetensors": safetensors.write,
    ".parquet": parquet.write,
    ".csv": csv.write,
    ".csv.gz": csv.write,
    ".tsv": csv.write,
    ".tsv.gz": csv.write,
}


def read(
    location: str | os.PathLike[str],
    *,
    id_column: str | None = None,
    features: str | None = None,
) -> list[Table]:
    """Read the tables of a file.

    Parameters
    ----------
    location : str or path
        A file, or ``FILE::KEY`` for one table of several: an array of an ``.npz`` or
        ``.safetensors``, an entry of ``obsm`` (or ``X``) of an ``.h5ad``, an array of a Zarr group.
        KEY may be a glob, as in ``runs.npz::member_*``. Parquet may also be a folder of files.
    id_column : str, optional
        The column whose values are the ids of the rows; they must be unique. If not given: an
        index that pandas wrote, ``obs_names``, or an array called ``ids``, which for ``.npy`` lies
        beside it, in ``<stem>.ids.npy`` or ``ids.npy``.
    features : str, optional
        Names or globs, with commas between them, of the feature columns to keep, for formats that
        name their columns; all numeric ones that do not begin with ``Metadata_`` if not given.

    Returns
    -------
    list of Table
        At least one.

    Raises
    ------
    InputError
        If it is not there, is damaged, is of an unknown format, holds no such table, or is changed
        while it is read.
    MissingExtraError
        If the format needs a library that is not installed.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "run.csv"
    ...     write(path, Table(np.array([[1.0, 2.5]]), "run", columns=("a", "b")))
    ...     [table] = read(path, features="b")
    >>> table.values.tolist(), table.columns, table.notices
    ([[2.5]], ('b',), ('1 of 2 features were not chosen',))
    """
    path, key = split_location(location)
    reader = _by_suffix(READERS, path)
    if reader is None and path.is_dir() and any(path.glob("*.parquet")):
        reader = parquet.read
    if reader is None:
        check_exists(path)
        raise InputError(_unknown(path, READERS, "read"))
    origin = Origin.of(path)
    tables = reader(path, key=key, id_column=id_column, features=features)
    origin.check()
    return [replace(t, origin=origin) if is_lazy(t.values) else t for t in tables]


def read_one(
    location: str | os.PathLike[str],
    *,
    id_column: str | None = None,
    features: str | None = None,
) -> Table:
    """Read the one table that a location names.

    Parameters
    ----------
    location, id_column, features
        As in :func:`read`.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        If it holds several, or cannot be read.
    """
    tables = read(location, id_column=id_column, features=features)
    if len(tables) > 1:
        held = listing([table.name for table in tables])
        raise InputError(
            f"{location} holds {len(tables)} tables ({held}): name one, as in FILE::KEY"
        )
    return tables[0]


def write(path: str | os.PathLike[str], table: Table) -> None:
    """Write a table such that the file is there in full or not at all.

    Parameters
    ----------
    path : str or path
        Its suffix says the format. ``.npy`` holds values alone. ``.parquet`` and ``.csv`` name
        every column, and give metadata the prefix ``Metadata_``.
    table : Table

    Raises
    ------
    InputError
        If the format is unknown or cannot hold all of the table, or the file cannot be written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "run.npz"
    ...     write(path, Table(np.eye(2), "run", ids=np.array(["a", "b"])))
    ...     read(path)[0].ids.tolist()
    ['a', 'b']
    """
    path = Path(path)
    writer = _by_suffix(WRITERS, path)
    if writer is None:
        raise InputError(_unknown(path, WRITERS, "written"))
    try:
        writer(path, table)
    except OSError as error:  # a full disk
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None


def _by_suffix(known: Mapping[str, Function], path: Path) -> Function | None:
    suffixes = [suffix for suffix in known if path.name.lower().endswith(suffix)]
    return known[max(suffixes, key=len)] if suffixes else None


def _unknown(path: Path, known: Mapping[str, object], verb: str) -> str:
    return (
        f"{path}: the format {path.suffix or 'without a suffix'} cannot be {verb}"
        f"{closest(path.suffix, known)}; expected one of {', '.join(known)}"
    )
