"""The command line: one file per command.

Data go to stdout; progress, notes and errors to stderr.  Exit status: 0 done, 1 failure, 2 wrong
usage, 3 ``--check`` not met, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated

import typer

from nearid.cli import compare, demo, fit, info, transform
from nearid.cli.terminal import Terminal
from nearid.errors import NearIdError

__all__ = ["app", "main"]

app = typer.Typer(
    name="nearid",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (compare, fit, transform, info, demo):
    app.command(name=module.__name__.rpartition(".")[2])(module.command)


def _show_version(wanted: bool) -> None:
    if wanted:
        from nearid import __version__

        print(f"nearid {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Say which it is."),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error was raised.")] = False,
) -> None:
    """Is a learned representation the same every time, and is it right."""
    context.obj = Terminal(quiet=quiet)


def main() -> None:
    """Run the command line, and turn every failure into one clear line and an exit status."""
    _speak_utf8()
    debug = "--debug" in sys.argv
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _note
            app(standalone_mode=True)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except BrokenPipeError:
        # Whoever read our output has read enough.  Python flushes stdout on exit: let it not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (NearIdError, OSError, MemoryError) as error:
        if debug:
            raise
        _fail(" ".join(str(error).split()) or type(error).__name__, 1)
    except Exception as error:
        if debug:
            raise
        _fail(f"unexpected {type(error).__name__}: {error} (--debug shows where; please report)", 1)


def _fail(message: str, status: int) -> None:
    print(f"nearid: {message}", file=sys.stderr)
    sys.exit(status)


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    if "-q" not in sys.argv and "--quiet" not in sys.argv:
        print(f"nearid: note: {' '.join(str(message).split())}", file=sys.stderr)


def _speak_utf8() -> None:
    """Write ε whatever the locale: what cannot be shown is escaped, not a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace", encoding="utf-8")
