"""Writing a file such that it is there in full or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nearid.errors import InputError

__all__ = ["atomic_path"]


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside the target, which takes the target's place on success.

    Whatever happens before the end of the block, a killed process included, the old file is left
    as it was. The temporary file keeps the target's suffixes, and its name is unique, so that two
    writers of one target do not meet: the last to finish wins.

    Parameters
    ----------
    path : str or path
        The target. A symbolic link is followed. An old file's permissions are kept; a new one gets
        those that the umask allows.

    Yields
    ------
    Path
        An empty file to be filled.

    Raises
    ------
    InputError
        If the folder is missing or cannot be written to, or the target is a folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "notes.txt"
    ...     with atomic_path(target) as temporary:
    ...         _ = temporary.write_text("kept")
    ...     target.read_text(), len(os.listdir(folder))
    ('kept', 1)
    """
    target = Path(os.path.realpath(path))
    temporary = _create_beside(target)
    try:
        yield temporary
        _flush(temporary)
        _take_place(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _create_beside(target: Path) -> Path:
    if os.path.isdir(target):
        raise InputError(f"{target} is a folder: name a file to write to")
    if not os.path.isdir(target.parent):
        raise InputError(f"{target.parent} is not a folder: create it first, to write {target}")
    temporary = target.with_name(f".{secrets.token_hex(8)}.{target.name}")
    try:
        # not tempfile: it ignores the umask, and gives a file that only its owner may read
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}") from None
    return temporary


def _flush(path: Path) -> None:
    """Have the content on the disk before the name points to it, lest a power cut leave neither."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take_place(temporary: Path, target: Path) -> None:
    try:
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"{target} cannot be replaced: {error.strerror}") from None
    if hasattr(os, "O_DIRECTORY"):  # elsewhere a folder cannot be opened, and needs no flush
        with suppress(OSError):  # the file is in place; some network file systems refuse this
            folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
