"""``nearid info``: what is in a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearid.cli import options
from nearid.cli.terminal import one_line

if TYPE_CHECKING:
    from nearid.cli.terminal import Terminal
    from nearid.io import Table
    from nearid.rows import Rows

__all__ = ["Description", "command", "describe"]


@dataclass(frozen=True)
class Description:
    """What a table holds.

    ``rank``, ``collapsed`` (every row is the same) and ``constant_columns`` are None where they
    cannot be told: without rows, or with values missing.
    """

    file: str
    table: str
    rows: int
    columns: int
    dtype: str
    ids: list[str] | None
    metadata: list[str]
    features: list[str] | None
    missing_values: int
    infinite_values: int
    columns_with_either: int
    rank: int | None
    collapsed: bool | None
    constant_columns: int | None
    notices: list[str]


@dataclass(frozen=True)
class Model:
    """What an ICA that ``nearid fit`` kept was fitted to."""

    file: str
    model: str
    components: int
    identifiable: int
    columns: int
    features: list[str] | None
    rows: int
    contrast: str
    converged: bool


def command(
    context: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="FILE or FILE::KEY.", show_default=False),
    ],
    id_column: options.IdColumn = None,
    features: options.Features = None,
    json: options.Json = False,
) -> None:
    """Say what a file holds: tables, ids, metadata, missing values, constant columns, rank.

    \b
    Examples:
      nearid info runs.npz profiles.parquet
      nearid info "runs.npz::member_*" --json
    """  # noqa: D301  (typer needs the control character)
    from nearid.io import read

    terminal: Terminal = context.obj
    found: list[Description | Model] = []
    for file in files:
        with terminal.waiting(f"reading {file}"):
            model = describe_model(file)
            if model is not None:
                found.append(model)
                continue
            tables = read(file, id_column=id_column, features=features)
            found += [describe(file, table) for table in tables]
    if json:
        from json import dumps

        print(dumps([asdict(entry) for entry in found], allow_nan=False, indent=1))
        return
    for i, entry in enumerate(found):
        lines = _lines(entry) if isinstance(entry, Description) else _model_lines(entry)
        terminal.show(*([""] if i else []), *lines)


def describe_model(file: str) -> Model | None:
    """Describe what ``nearid fit`` kept; None for a file of anything else."""
    if not file.lower().endswith(".safetensors"):
        return None
    from nearid.ica.saved import FORMAT, load
    from nearid.io import read_safetensors

    if read_safetensors(file)[1].get("format") != FORMAT:
        return None
    ica = load(file)
    names = getattr(ica, "feature_names_in_", None)
    return Model(
        file=file,
        model="LatentICA",
        components=ica.n_components_,
        identifiable=int(ica.identifiable_.sum()),
        columns=ica.n_features_in_,
        features=None if names is None else [str(name) for name in names[:5]],
        rows=ica.n_samples_seen_,
        contrast=ica.contrast,
        converged=bool(ica.converged_),
    )


def describe(file: str, table: Table) -> Description:
    """Look through a table: once for what is missing, once more for its moments."""
    from nearid.rows import from_table

    rows = from_table(table)
    counts = _count(rows)
    missing, infinite = int(counts["missing"].sum()), int(counts["infinite"].sum())
    rank = collapsed = constant = None
    if len(rows) and not missing + infinite:
        from nearid.identifiability.runs import summarise_run
        from nearid.moments import moments

        run = summarise_run(rows, moments([rows]), 0)
        rank, collapsed = run.rank, run.collapsed
        constant = int((counts["least"] == counts["largest"]).sum())
    return Description(
        file=file,
        table=table.name,
        rows=len(rows),
        columns=rows.n_columns,
        dtype=str(rows.dtype),
        ids=None if rows.ids is None else [_text(value) for value in rows.ids[:5]],
        metadata=[str(name) for name in rows.metadata],
        features=None if rows.columns is None else list(rows.columns[:5]),
        missing_values=missing,
        infinite_values=infinite,
        columns_with_either=int(((counts["missing"] + counts["infinite"]) > 0).sum()),
        rank=rank,
        collapsed=collapsed,
        constant_columns=constant,
        notices=list(table.notices),
    )


def _count(rows: Rows) -> dict[str, Any]:
    """Return, per column, how many values are missing or infinite, and the range."""
    import numpy as np

    from nearid.rows import map_chunks

    width = rows.n_columns
    found = {
        "missing": np.zeros(width, int),
        "infinite": np.zeros(width, int),
        "least": np.full(width, np.inf),
        "largest": np.full(width, -np.inf),
    }
    for chunk in map_chunks(np.asarray, rows):
        found["missing"] += np.isnan(chunk).sum(axis=0)
        found["infinite"] += np.isinf(chunk).sum(axis=0)
        found["least"] = np.minimum(found["least"], chunk.min(axis=0))
        found["largest"] = np.maximum(found["largest"], chunk.max(axis=0))
    return found


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _lines(entry: Description) -> list[str]:
    shown = {
        "ids": _few(entry.ids, entry.rows),
        "metadata": ", ".join(entry.metadata) or "none",
        "features": _features(entry.features, entry.columns),
        "missing": _missing(entry),
        "rank": _rank(entry),
    }
    if entry.constant_columns:
        shown["constant"] = f"{entry.constant_columns} of {entry.columns} columns"
    title = f"{entry.file}, {entry.table}: {entry.rows} rows × {entry.columns} columns"
    return [
        one_line(f"{title}, {entry.dtype}"),
        *(f"  {name:9} {one_line(value)}" for name, value in shown.items()),
        *(f"  {'note':9} {one_line(notice)}" for notice in entry.notices),
    ]


def _model_lines(entry: Model) -> list[str]:
    title = f"{entry.file}: {entry.model} of {entry.components} components"
    state = "converged" if entry.converged else "not converged"
    return [
        one_line(f"{title}, {entry.identifiable} identifiable, {entry.contrast}, {state}"),
        f"  fitted to {entry.rows} rows × {entry.columns} columns",
        f"  features  {one_line(_features(entry.features, entry.columns))}",
    ]


def _features(names: list[str] | None, total: int) -> str:
    return "unnamed" if names is None else _few(names, total)


def _few(names: list[str] | None, total: int) -> str:
    if names is None:
        return "none"
    return ", ".join(names) + (f" … ({total})" if total > len(names) else "")


def _missing(entry: Description) -> str:
    if not entry.columns_with_either:
        return "nothing"
    n = entry.columns_with_either
    return (
        f"{entry.missing_values} missing and {entry.infinite_values} infinite values, in {n} "
        f"column{'s' if n > 1 else ''}"
    )


def _rank(entry: Description) -> str:
    if entry.rank is None:
        return "unknown: drop or impute what is missing" if entry.rows else "unknown: no rows"
    if entry.collapsed:
        return "0: collapsed, every row is the same"
    return f"{entry.rank} of {entry.columns}"
