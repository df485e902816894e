"""What people see on stderr while they wait."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Terminal"]


@dataclass(frozen=True)
class Terminal:
    """Progress and notes, which never mix with the data on stdout."""

    quiet: bool = False

    @contextmanager
    def waiting(self, message: str) -> Iterator[None]:
        """Show that work goes on, and for how long, where somebody watches a terminal."""
        if self.quiet or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            progress.add_task(message, total=None)
            yield

    def notes(self, notes: Sequence[str]) -> None:
        """Say what was left out or treated specially."""
        if not self.quiet:
            for note in notes:
                print(f"nearid: note: {note}", file=sys.stderr)
