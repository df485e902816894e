"""``nearid transform``: apply a kept ICA to a table."""

from __future__ import annotations

from collections.abc import Sequence
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
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL.safetensors", help="What nearid fit kept.", show_default=False
        ),
    ],
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="FILE or FILE::KEY with one table.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE2",
            help="Where to write: .parquet, .csv, .npz, .safetensors, or .npy (numbers alone).",
            show_default=False,
        ),
    ],
    inverse: Annotated[
        bool, typer.Option("--inverse", help="From components back to features.")
    ] = False,
    id_column: options.IdColumn = None,
    features: options.Features = None,
) -> None:
    """Write a table's components, ica0, ica1, and so on, with its ids and metadata.

    \b
    Examples:
      nearid transform ica.safetensors new.parquet --out coordinates.parquet
      nearid transform ica.safetensors coordinates.parquet --inverse --out back.parquet
    """  # noqa: D301  (typer needs the control character)
    terminal: Terminal = context.obj
    from nearid.cli.tables import open_table
    from nearid.ica.saved import load
    from nearid.io import WRITERS, write

    if not out.name.lower().endswith(tuple(WRITERS)):
        raise typer.BadParameter(
            f"expected a name that ends in one of {', '.join(WRITERS)}; got {out}",
            param_hint="--out",
        )
    options.check_writable(out)
    ica = load(model)
    table, notices = open_table(file, id_column=id_column, features=features)
    table, more = chosen(ica, table, inverse=inverse)
    terminal.notes(notices + more)
    with terminal.waiting(f"transforming {table.values.shape[0]} rows"):
        mapped = back(ica, table) if inverse else forward(ica, table)
    if out.suffix.lower() == ".npy":  # holds numbers alone: that is said, and not refused
        terminal.notes([f"{out}: .npy holds numbers alone; ids, metadata and names are left out"])
        mapped = replace(mapped, ids=None, metadata={}, columns=None)
    write(out, mapped)
    terminal.show(f"{mapped.values.shape[0]} rows × {mapped.values.shape[1]} columns: {out}")


def chosen(ica: LatentICA, table: Table, *, inverse: bool) -> tuple[Table, list[str]]:
    """Return the columns that the model knows, in its order, by name where both have names.

    Raises
    ------
    InputError
        If columns are missing, or, without names, their number is wrong.
    """
    import numpy as np

    named = ica.get_feature_names_out() if inverse else getattr(ica, "feature_names_in_", None)
    width = ica.n_components_ if inverse else ica.n_features_in_
    if named is None or table.columns is None:
        if table.values.shape[1] != width:
            raise InputError(
                f"{table.name} has {table.values.shape[1]} columns, but this model has {width} "
                f"{'components' if inverse else 'features'}; give it the same columns in the same "
                f"order"
            )
        said = "" if named is None else " without names: taken to be in the order of the model"
        return table, [f"{table.name}: columns{said}"] if said else []
    expected = [str(name) for name in named]
    position = {name: i for i, name in enumerate(table.columns)}
    missing = [name for name in expected if name not in position]
    if missing:
        raise InputError(
            f"{table.name} lacks {len(missing)} of the {len(expected)} columns that this model "
            f"needs, such as {missing[0]!r}; it has {_few(table.columns)}"
        )
    if tuple(expected) == table.columns:
        return table, []
    values = np.asarray(table.values)[:, [position[name] for name in expected]]
    extra = len(table.columns) - len(expected)
    note = (
        f"{table.name}: columns were taken by name, {extra} that the model does not know left out"
    )
    return replace(table, values=values, columns=tuple(expected)), [note]


def forward(ica: LatentICA, table: Table) -> Table:
    """Return the components of a table, a chunk of rows at a time."""
    from nearid.rows import from_table

    names = tuple(str(name) for name in ica.get_feature_names_out())
    values = ica.transform(from_table(table))
    return replace(table, values=values, columns=names, notices=())


def back(ica: LatentICA, table: Table) -> Table:
    """Return the features that a table of components stands for."""
    from nearid.rows import from_table

    names = getattr(ica, "feature_names_in_", None)
    columns = None if names is None else tuple(str(name) for name in names)
    values = ica.inverse_transform(from_table(table))
    return replace(table, values=values, columns=columns, notices=())


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
