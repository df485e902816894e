"""``nearid demo``: the main job on bundled real data."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearid.cli import compare, options
from nearid.errors import InputError

if TYPE_CHECKING:
    from nearid.cli.terminal import Terminal

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
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {out}: {error.strerror}") from error
    report = out / "report.html"
    options.check_writable(report)
    terminal: Terminal = context.obj
    from nearid.cli.tables import open_runs

    with as_file(files("nearid") / "data" / "admet_members.npz") as bundled:
        runs, notices = open_runs([str(bundled)], id_column="molecule", features=None)
        settings = {"n_components": 64, "n_jobs": 2, "random_state": 0}
        with terminal.waiting("comparing five trainings of one network"):
            result = compare.compare(runs, notices, settings)
    compare.deliver(result, json=False, report=report, terminal=terminal)
