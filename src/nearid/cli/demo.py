"""``nearid demo``: the main job on bundled real data."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearid.cli import options
from nearid.cli.compare import compare, deliver
from nearid.errors import InputError

if TYPE_CHECKING:
    from nearid.cli.terminal import Terminal
    from nearid.rows import Rows

__all__ = ["command"]


def command(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the report; made if it is not there.")
    ] = Path("nearid-demo"),
) -> None:
    """Compare five trainings of one real network, bundled and offline, and write a report.

    The runs are the 300-dimensional molecule embeddings of the five classification members of the
    package admet-ai, on 1,400 approved drugs.

    \b
    Examples:
      nearid demo
      nearid demo --out /tmp/first-look
    """  # noqa: D301  (typer needs the control character)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder {out} cannot be made: {error.strerror or error}; name another with --out"
        ) from None
    report = out / "report.html"
    options.check_writable(report)
    terminal: Terminal = context.obj
    runs, notices = bundled()
    settings = {"n_components": 64, "n_jobs": 2, "random_state": 0}
    result = compare(runs, notices, settings, terminal)
    deliver(result, n_rows=len(runs[0]), json=False, report=report, terminal=terminal)


def bundled() -> tuple[list[Rows], list[str]]:
    """Return the bundled runs, and what is to be said about them."""
    import numpy as np

    from nearid.cli.tables import open_runs

    with as_file(files("nearid") / "data" / "admet_members.npz") as path:
        runs, notices = open_runs([str(path)], id_column="molecule", features=None)
    # Half precision saves space in the package. The networks computed in single precision, by
    # which ranks are judged: by that of half precision most dimensions would count as rounding.
    return [replace(run, source=np.asarray(run.source, np.float32)) for run in runs], notices
