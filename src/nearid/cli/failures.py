"""Every failure as one clear line on stderr and an exit status: 1, 2, 3 or 130."""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import typer
from typer.core import TyperGroup

from nearid.cli.terminal import Terminal, one_line
from nearid.errors import NearIdError

__all__ = ["FAILURE", "INTERRUPTED", "NOT_MET", "USAGE", "Guarded"]

FAILURE, USAGE, NOT_MET, INTERRUPTED = 1, 2, 3, 130

#: Options of the whole command line, which may stand anywhere on it.
ANYWHERE = ("--debug", "--quiet", "-q")


class Guarded(TyperGroup):
    """The commands, run such that nothing but ``--debug`` shows a traceback."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line, and exit with its status."""
        typed = list(sys.argv[1:] if args is None else args)
        extra["obj"] = Terminal(command=shlex.join(["nearid", *typed]))
        run = super().main
        with _readers_may_leave():
            status = _status(
                lambda: run(hoisted(typed), "nearid", complete_var, False, False, **extra)
            )
            sys.stdout.flush()  # not left to the interpreter's end, where nothing can be caught
        sys.exit(status)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command, and turn what it raises into one line and a status."""
        terminal: Terminal = ctx.obj
        terminal.quiet, terminal.debug = ctx.params["quiet"], ctx.params["debug"]
        with _warnings_as_notes(terminal):
            try:
                return super().invoke(ctx)
            except (typer.Exit, typer.Abort, BrokenPipeError):
                raise
            except Exception as error:
                if terminal.debug or hasattr(error, "format_message"):  # wrong usage: see _status
                    raise
                terminal.fail(explanation(error))
                raise typer.Exit(FAILURE) from None


def hoisted(arguments: Sequence[str]) -> list[str]:
    """Move the options of the whole command line to its front, wherever they were typed.

    Examples
    --------
    >>> hoisted(["info", "run.npy", "--debug"]), hoisted(["info", "--", "-q"])
    (['--debug', 'info', 'run.npy'], ['info', '--', '-q'])
    """
    arguments = list(arguments)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    front = [argument for argument in arguments[:end] if argument in ANYWHERE]
    return front + [a for a in arguments[:end] if a not in ANYWHERE] + arguments[end:]


def explanation(error: Exception) -> str:
    """Say what went wrong.

    Examples
    --------
    >>> explanation(FileNotFoundError(2, "No such file or directory", "a.npy"))
    'a.npy: No such file or directory'
    """
    if isinstance(error, MemoryError):
        return f"not enough memory{f' ({error})' if str(error) else ''}: use fewer rows or columns"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, NearIdError | OSError):
        return str(error) or type(error).__name__
    return (
        f"unexpected {type(error).__name__}: {error} (a fault of nearid: --debug shows where; "
        f"please report it)"
    )


def _status(run: Callable[[], Any]) -> int:
    """Run, and return the exit status; wrong usage, which ``invoke`` does not see, ends here."""
    try:
        code = run()
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        context = getattr(error, "ctx", None)
        where = context.command_path if context is not None else "nearid"
        # of a choice that is none, typer's parser says "Value error" before it says which there are
        said = (error.format_message() or "expected a command").replace(": Value error, ", ": ")
        Terminal().fail(f"{said.rstrip('.')} (see {where} --help)")
        return USAGE
    if code == INTERRUPTED:
        Terminal().fail("interrupted")
    return code if isinstance(code, int) else 0


@contextmanager
def _warnings_as_notes(terminal: Terminal) -> Iterator[None]:
    """Show each warning once, on one line; those that address programmers only to them."""
    seen: set[str] = set()

    def note(message: Warning | str, *_: Any, **__: Any) -> None:
        text = one_line(message)
        if text not in seen:
            seen.add(text)
            terminal.notes([text])

    with warnings.catch_warnings():
        if not terminal.debug:
            warnings.simplefilter("ignore")
            for category in (UserWarning, RuntimeWarning):
                warnings.simplefilter("always", category)
        warnings.showwarning = note
        yield


@contextmanager
def _readers_may_leave() -> Iterator[None]:
    """End quietly when whoever reads our output has read enough, as in ``nearid info f | head``."""
    try:
        yield
    except BrokenPipeError:
        with suppress(OSError, AttributeError):  # whatever is left in the buffer goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILURE)
