"""``nearid info``: what is in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearid.cli import options

if TYPE_CHECKING:
    from nearid.rows import Rows

__all__ = ["command"]


def command(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(help="FILE or FILE::KEY.")],
    id_column: options.IdColumn = None,
    features: options.Features = None,
    json: options.Json = False,
) -> None:
    """Say what a file holds: tables, ids, metadata, missing values, constant columns, rank.

    nearid info runs.npz profiles.parquet
    """
    from nearid.cli.tables import open_runs

    runs, notices = open_runs(files, id_column=id_column, features=features)
    context.obj.notes(notices)
    found = [describe(run) for run in runs]
    if json:
        from json import dumps

        print(dumps(found, allow_nan=False, indent=1))
        return
    print("\n\n".join("\n".join(_lines(entry)) for entry in found))


def describe(run: Rows) -> dict[str, Any]:
    """Look through a table once, and once more where nothing is missing."""
    import numpy as np

    from nearid.identifiability.runs import summarise_run
    from nearid.moments import moments
    from nearid.rows import fold

    entry: dict[str, Any] = {
        "name": run.name,
        "rows": len(run),
        "columns": run.n_columns,
        "dtype": str(run.dtype),
        "ids": None if run.ids is None else [str(value) for value in run.ids[:3]],
        "metadata": list(run.metadata),
        "features": None if run.columns is None else list(run.columns[:5]),
    }
    if not len(run):
        return entry
    (missing,) = fold(lambda chunk: (np.asarray((~np.isfinite(chunk)).sum(axis=0)),), run)
    entry |= {
        "missing_values": int(missing.sum()),
        "columns_with_missing_values": int((missing > 0).sum()),
    }
    if not missing.any():
        joint = moments([run])
        summary = summarise_run(run, joint, 0)
        constant = np.diag(joint.cov) <= np.finfo(np.float64).eps * np.maximum(joint.mean**2, 0)
        entry |= {
            "rank": summary.rank,
            "constant_columns": int(constant.sum()),
            "collapsed": summary.collapsed,
        }
    return entry


def _lines(entry: dict[str, Any]) -> list[str]:
    lines = [
        f"{entry['name']}: {entry['rows']} rows × {entry['columns']} columns, {entry['dtype']}"
    ]
    for key, value in list(entry.items())[4:]:
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        ellipsis = ", …" if key in ("ids", "features") and value else ""
        lines.append(
            f"  {key.replace('_', ' ')}: {'none' if value in (None, []) else shown}{ellipsis}"
        )
    return lines
