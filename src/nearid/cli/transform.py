"""``nearid transform``: apply a kept ICA to a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearid.cli import options
from nearid.errors import InputError

if TYPE_CHECKING:
    from nearid.cli.terminal import Terminal
    from nearid.ica.estimator import LatentICA
    from nearid.io import Table

__all__ = ["command"]


def command(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="What `nearid fit` kept.")],
    file: Annotated[str, typer.Argument(help="FILE or FILE::KEY with one table.")],
    out: Annotated[
        Path, typer.Option(help="Where to write: .parquet, .csv, .npz, .npy or .safetensors.")
    ],
    inverse: Annotated[
        bool, typer.Option("--inverse", help="From components back to features.")
    ] = False,
    id_column: options.IdColumn = None,
    features: options.Features = None,
) -> None:
    """Write a table's components (ica0, ica1, …), with its ids and metadata.

    nearid transform ica.safetensors new.parquet --out coordinates.parquet
    """
    options.check_writable(out)
    terminal: Terminal = context.obj
    from nearid.cli.tables import open_table
    from nearid.ica.saved import load
    from nearid.io import write

    ica = load(model)
    table, notices = open_table(file, id_column=id_column, features=features)
    terminal.notes(notices)
    with terminal.waiting(f"transforming {len(table.values)} rows"):
        mapped = back(ica, table) if inverse else forward(ica, table)
    if out.name.endswith(".npy"):  # holds values alone: say so instead of refusing
        terminal.notes([f"{out}: .npy holds values only; ids, metadata and names are left out"])
        mapped = replace(mapped, ids=None, metadata={}, columns=None)
    write(out, mapped)
    print(f"{mapped.values.shape[0]} rows of {mapped.values.shape[1]} columns: {out}")


def forward(ica: LatentICA, table: Table) -> Table:
    """Return the table's components, its features checked by name where both have names."""
    expected = getattr(ica, "feature_names_in_", None)
    if expected is not None and table.columns is not None:
        _check_names(list(map(str, expected)), list(table.columns), table.name)
    names = tuple(map(str, ica.get_feature_names_out()))
    return replace(table, values=ica.transform(_plain(table)), columns=names, notices=())


def back(ica: LatentICA, table: Table) -> Table:
    """Return the features that a table of components stands for."""
    names = getattr(ica, "feature_names_in_", None)
    columns = None if names is None else tuple(map(str, names))
    values = ica.inverse_transform(_plain(table))
    return replace(table, values=values, columns=columns, notices=())


def _plain(table: Table) -> object:
    import numpy as np

    return np.asarray(table.values[:])


def _check_names(expected: list[str], came: list[str], name: str) -> None:
    if came == expected:
        return
    missing = [column for column in expected if column not in came]
    extra = [column for column in came if column not in expected]
    if missing or extra:
        raise InputError(
            f"{name}: expected the {len(expected)} features of the fit, got {len(came)}"
            f"{f'; missing {missing[0]!r}' if missing else ''}"
            f"{f'; not in the fit {extra[0]!r}' if extra else ''}; choose them with --features"
        )
    raise InputError(f"{name}: the features of the fit came in another order; reorder the columns")
