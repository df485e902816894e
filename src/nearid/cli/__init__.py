"""The command line: one file per command.

Data go to stdout; progress, notes and errors to stderr. Exit status: 0 done, 1 failure, 2 wrong
usage, 3 ``--check`` not met, 130 interrupted.
"""

from __future__ import annotations

from typing import Annotated

import typer

from nearid.cli import (
    compare,
    decoder,
    deconfound,
    demo,
    embed,
    fit,
    info,
    reproduce,
    score,
    transform,
)
from nearid.cli.failures import Guarded
from nearid.cli.terminal import speak_utf8

__all__ = ["app", "main"]

app = typer.Typer(
    name="nearid",
    cls=Guarded,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (compare, fit, transform, score, decoder, deconfound, embed, info, demo, reproduce):
    app.command(name=module.__name__.rpartition(".")[2])(module.command)


def _show_version(wanted: bool) -> None:
    if wanted:
        from nearid import __version__

        print(f"nearid {__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit status: 0 done, 1 failure, 2 wrong usage, 3 --check not met, 130 interrupted."
)
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="No progress and no notes on stderr. May stand last."),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show where an error was raised. May stand last."),
    ] = False,
) -> None:
    """Measure whether a learned representation is the same every time.

    To begin: nearid demo
    """


def main() -> None:
    """Run the command line, and exit with its status."""
    speak_utf8()
    app()
