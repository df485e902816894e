"""Options that several commands share, and how their text becomes values."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from nearid.errors import InputError

__all__ = [
    "Components",
    "Features",
    "IdColumn",
    "Jobs",
    "Json",
    "Seed",
    "check_writable",
    "command_line",
    "parse_components",
]

IdColumn = Annotated[
    str | None,
    typer.Option("--id-column", metavar="C", help="Column whose values name the rows."),
]
Features = Annotated[
    str | None,
    typer.Option(
        "--features",
        metavar="NAMES",
        help="Feature columns to use: names or globs, with commas between them.  "
        "Default: every numeric column that does not begin with Metadata_.",
    ),
]
Components = Annotated[
    str | None,
    typer.Option(
        "--components",
        metavar="K",
        help="Whitened components: a number, a share of the variance such as 0.99, or all.",
    ),
]
Jobs = Annotated[
    int, typer.Option("--jobs", min=1, help="Worker threads; the result does not depend on them.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything that is drawn.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def parse_components(text: str | None, *, stable: bool = False) -> int | float | str | None:
    """Turn the text of ``--components`` into a count, a share, None (all), or ``"stable"``.

    Examples
    --------
    >>> parse_components("64"), parse_components("0.9"), parse_components("all")
    (64, 0.9, None)
    """
    if text is None or text == "all":
        return None
    if text == "stable" and stable:
        return text
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0 < value < 1:
        return value
    if value >= 1 and value == int(value):
        return int(value)
    words = "a number from 1, a share of the variance between 0 and 1, or all"
    raise typer.BadParameter(
        f"expected {words}{', or stable' if stable else ''}; got {text!r}",
        param_hint="--components",
    )


def check_writable(path: Path) -> None:
    """Fail before the work is done, not after, where the output cannot be written.

    Raises
    ------
    InputError
        If the path is a folder, or its folder is missing or refuses new files.
    """
    from nearid.io import atomic_path

    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it")
    try:
        with atomic_path(path):
            raise _Rehearsed
    except _Rehearsed:
        return


class _Rehearsed(Exception):
    """The output could be written."""


def command_line() -> str:
    """Return the command as it was typed, ready to be pasted into a shell."""
    return shlex.join(["nearid", *sys.argv[1:]])
