"""What people see: data on stdout; notes, progress and errors on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Terminal", "narrow_table", "one_line", "speak_utf8"]

#: Wide enough that nothing is wrapped where nobody watches: lines stay whole for grep.
ENDLESS = 100_000


@dataclass
class Terminal:
    """Where a command speaks, and how much.

    Parameters
    ----------
    command : str
        The command as it was typed, ready to be pasted into a shell.
    quiet : bool
        No notes and no progress.
    debug : bool
        Errors with their tracebacks.
    """

    command: str = "nearid"
    quiet: bool = False
    debug: bool = False

    def json(self, found: Mapping[str, Any]) -> str:
        """Return what was found as JSON, after the version and the command that found it."""
        from json import dumps

        from nearid import __version__

        about = {"version": __version__, "command": self.command}
        return dumps(about | dict(found), allow_nan=False, indent=1)

    @contextmanager
    def waiting(self, message: str) -> Iterator[None]:
        """Show that work goes on, and for how long, where somebody watches a terminal."""
        if self.quiet or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            progress.add_task(escape(message), total=None)
            yield

    @contextmanager
    def counting(self, message: str) -> Iterator[Callable[[float, int, str], None]]:
        """Yield what is to be told how much is done, of how much, and what.

        A bar where somebody watches a terminal; in a log, a line for each whole part.
        """
        if self.quiet or not sys.stderr.isatty():
            yield lambda done, total, what: self._count(message, done, total, what)
            return
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(escape(message), total=None)

            def tell(done: float, total: int, what: str) -> None:
                text = escape(f"{message}: {int(done)} of {total} done, {what}")
                progress.update(task, completed=done, total=total, description=text)

            yield tell

    def _count(self, message: str, done: float, total: int, what: str) -> None:
        if not self.quiet and float(done).is_integer() and done:
            text = one_line(f"{message}: {int(done)} of {total} done ({what})")
            print(f"nearid: {text}", file=sys.stderr)

    def notes(self, notes: Sequence[str]) -> None:
        """Say what was left out or treated specially."""
        if not self.quiet:
            for note in notes:
                print(f"nearid: note: {one_line(note)}", file=sys.stderr)

    def fail(self, message: str) -> None:
        """Say what went wrong, on one line."""
        print(f"nearid: {one_line(message)}", file=sys.stderr)

    def show(self, *parts: Any) -> None:
        """Print text and tables on stdout: styled on a terminal, plain and unwrapped elsewhere."""
        from rich.console import Console

        console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
        if not console.is_terminal:
            console.width = ENDLESS
        with console.capture() as captured:
            for part in parts:
                console.print(part)
        lines = captured.get().splitlines()
        sys.stdout.write("".join(f"{line.rstrip()}\n" for line in lines))


def one_line(text: object) -> str:
    r"""Return text that stays on one line and cannot steer a terminal, whatever a file is called.

    Examples
    --------
    >>> print(one_line("two" + chr(10) + "lines, red" + chr(7)))
    two lines, red\x07
    """
    words = " ".join(str(text).split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


def narrow_table() -> Table:
    """Return an empty table whose columns stand close, so that it fits where 80 characters do."""
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)


def speak_utf8() -> None:
    """Write ε whatever the locale; what no encoding can hold is escaped, and not a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
