"""Options that several commands share, and how their text becomes values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nearid.errors import InputError

__all__ = [
    "Components",
    "Features",
    "Holdout",
    "IdColumn",
    "Jobs",
    "Json",
    "Report",
    "Scheduler",
    "Seed",
    "Unit",
    "check_report",
    "check_writable",
    "parse_components",
    "parse_holdout",
]

IdColumn = Annotated[
    str | None,
    typer.Option(
        "--id-column",
        metavar="C",
        help="Column, or array, whose values name the rows.",
        show_default="the file's index or ids, if it has any",
    ),
]
Features = Annotated[
    str | None,
    typer.Option(
        "--features",
        metavar="NAMES",
        help="Feature columns to use: names or globs, with commas between them.",
        show_default="every numeric column that does not begin with Metadata_",
    ),
]
Components = Annotated[
    str,
    typer.Option(
        "--components",
        metavar="K",
        help="Whitened components of each run: a number, a share of the variance such as 0.99, "
        "or all.",
    ),
]
Holdout = Annotated[
    str,
    typer.Option(
        "--holdout",
        metavar="H",
        help="Share, or number, of rows that are measured on and not fitted.",
    ),
]
Unit = Annotated[
    str | None,
    typer.Option(
        "--unit",
        metavar="C",
        help="Column, or columns with commas between them, that names what rows are not "
        "independent within, such as Metadata_Plate,Metadata_Well when rows are cells: whole units "
        "are held out and drawn.",
        show_default="every row is independent",
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs", metavar="N", min=1, help="Worker threads; the result does not depend on them."
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="S", min=0, help="Seed of everything that is drawn.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else.")]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE.html",
        help="Write one self-contained page.",
        show_default="no report",
    ),
]

Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="A running Dask scheduler, such as tcp://host:8786, whose workers read the files, "
        "where they see them under the same path.",
        show_default="this process",
    ),
]


def parse_components(text: str, *, stable: bool = False) -> int | float | str | None:
    """Turn the text of ``--components`` into a count, a share, None (all), or ``"stable"``.

    Examples
    --------
    >>> parse_components("64"), parse_components("0.9"), parse_components("all")
    (64, 0.9, None)
    """
    if text == "all":
        return None
    if text == "stable" and stable:
        return text
    value = _count_or_share(text)
    if value is None:
        words = "a number from 1, a share of the variance between 0 and 1, or all"
        raise typer.BadParameter(
            f"expected {words}{', or stable' if stable else ''}; got {text!r}",
            param_hint="--components",
        )
    return value


def parse_holdout(text: str) -> int | float:
    """Turn the text of ``--holdout`` into a share or a number of rows.

    Examples
    --------
    >>> parse_holdout("0.5"), parse_holdout("200")
    (0.5, 200)
    """
    value = _count_or_share(text)
    if value is None:
        raise typer.BadParameter(
            f"expected a share of the rows between 0 and 1, or a number of rows; got {text!r}",
            param_hint="--holdout",
        )
    return value


def _count_or_share(text: str) -> int | float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if 0 < value < 1:
        return value
    return int(value) if 1 <= value < 2**53 and value.is_integer() else None


def check_writable(path: Path) -> None:
    """Fail before the work is done, not after, where the output cannot be written.

    Raises
    ------
    InputError
        If the path is a folder, or its folder is missing or refuses new files.
    """
    from nearid.io import atomic_path

    try:
        with atomic_path(path):
            raise _RehearsedError
    except _RehearsedError:
        return
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None


def check_report(path: Path) -> None:
    """Fail before the work is done where a report cannot be written, or is not called HTML.

    Raises
    ------
    InputError
        As for :func:`check_writable`, or if the name does not end in .html or .htm.
    """
    check_writable(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(
            f"{path} is to be a page of HTML, which browsers know by its name: name it "
            f"{path.with_suffix('.html').name}"
        )


class _RehearsedError(Exception):
    """The output could be written; the old file, if any, is as it was."""
