"""Whether files are still those that were opened: what is read in passes must not change."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nearid.errors import InputError

__all__ = ["Origin", "is_lazy", "unchanged"]

#: Files that are looked at before every chunk of rows; more are looked at once a pass.
FEW = 16


@dataclass(frozen=True)
class Origin:
    """The files of a table, with length, time of change and place on the disk when it was opened.

    Parameters
    ----------
    path : Path
        The file, or the folder of the files.
    stamps : tuple of (str, int, int, int)
        Of every file its path, bytes, nanoseconds of its last change, and inode.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "run.npy"
    ...     _ = path.write_bytes(b"1234")
    ...     origin = Origin.of(path)
    ...     origin.check()
    ...     _ = path.write_bytes(b"12345")
    ...     try:
    ...         origin.check()
    ...     except InputError as error:
    ...         "was changed while it was read" in str(error)
    True
    """

    path: Path
    stamps: tuple[tuple[str, int, int, int], ...]

    @classmethod
    def of(cls, path: Path) -> Origin:
        """Look at a file, or at all files below a folder."""
        path = Path(os.path.abspath(path))  # the working directory may change
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        return cls(path, tuple(_stamp(str(file)) for file in inside))

    def check_in_pass(self, *, turn: bool) -> None:
        """Look at the files before a chunk of rows, or, of many, where a pass begins and ends."""
        if turn or len(self.stamps) <= FEW:
            self.check()

    def check(self) -> None:
        """Raise InputError if a file is not what it was: longer, shorter, written anew, or gone."""
        for held in self.stamps:
            found = _stamp(held[0])
            if found != held:
                raise InputError(
                    f"{held[0]} was changed while it was read: it had {held[1]} bytes, and has "
                    f"{found[1]}; wait until it is written in full, then start again"
                    if found[1] != held[1]
                    else f"{held[0]} was changed while it was read: it was written again; wait "
                    f"until that is done, then start again"
                )


@contextmanager
def unchanged(origins: Iterable[Origin | None]) -> Iterator[None]:
    """Refuse files that were changed before or in the block, in which others read them."""
    known = [origin for origin in origins if origin is not None]
    for origin in known:
        origin.check()
    yield
    for origin in known:
        origin.check()


def is_lazy(values: object) -> bool:
    """Whether values are still read from their files when they are used."""
    return isinstance(values, np.memmap) or not isinstance(values, np.ndarray)


def _stamp(path: str) -> tuple[str, int, int, int]:
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # it is gone; a name that no system can hold
        return path, 0, 0, 0
    return path, found.st_size, found.st_mtime_ns, found.st_ino
