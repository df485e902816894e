"""Where a table lies, and how each way of not finding it is said."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from nearid.errors import InputError, NearIdError

__all__ = ["split_location"]

SEPARATOR = "::"

#: What libraries that interpret a file's structure in Python raise where it is damaged.
DAMAGED = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    NotImplementedError,
    AssertionError,
    OverflowError,
)


def split_location(location: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """Split ``FILE::KEY`` into the path and the key.

    Parameters
    ----------
    location : str or path
        A path, with the key of a table inside the file after the first ``::``. A path that exists
        as it stands has no key.

    Returns
    -------
    path : Path
    key : str or None

    Raises
    ------
    InputError
        If nothing stands before or after the ``::``.

    Examples
    --------
    >>> split_location("runs.npz::member_0")[1]
    'member_0'
    >>> split_location("runs.npz")[1] is None
    True
    """
    text = os.fspath(location)
    if SEPARATOR not in text or exists(Path(text)):
        return Path(text), None
    before, _, key = text.partition(SEPARATOR)
    if not before or not key:
        raise InputError(f"{text}: expected FILE::KEY, as in runs.npz::member_0")
    return Path(before), key


def exists(path: Path) -> bool:
    """Whether there is such a path; a name that no system can hold does not exist either."""
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long; a null character
        return False


def check_exists(path: Path) -> None:
    """Raise InputError if there is nothing, with the names that come close."""
    if exists(path):
        return
    siblings = [p.name for p in path.parent.iterdir()] if exists(path.parent) else []
    raise InputError(f"{path} does not exist{closest(path.name, siblings)}")


def check_file(path: Path, what: str) -> int:
    """Return the size of a file in bytes, or raise InputError if it is none or is empty."""
    check_exists(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder: expected {what}; name a file inside it")
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path} is empty (0 bytes): expected {what}; was its writing cut short?")
    return size


def check_no_key(path: Path, key: str | None) -> None:
    """Raise InputError if a key was given to a format that holds one table."""
    if key is not None:
        raise InputError(f"{path} holds one table and has no keys: leave out ::{key}")


@contextmanager
def parsing(path: Path, what: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn a parser's own exceptions into one line that names the file."""
    try:
        yield
    except NearIdError:
        raise
    except MemoryError:
        raise InputError(f"{path}: what it claims to hold does not fit into memory") from None
    except (OSError, *errors) as error:  # type: ignore[misc]  # a tuple of classes all the same
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{path} cannot be read as {what} ({said}); is it complete, and is its suffix right?"
        ) from None


def closest(wanted: str, names: Iterable[str]) -> str:
    """Return ``; did you mean …?``, or nothing if no name comes close."""
    near = difflib.get_close_matches(wanted, list(names), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def listing(names: Collection[str], limit: int = 10) -> str:
    """Return the names with commas between them, and how many more there are."""
    shown = ", ".join(list(names)[:limit])
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{shown}{more}" if names else "nothing"


def match(pattern: str, names: Collection[str]) -> list[str]:
    """Return the names that a name or glob means; a name that is there wins over the glob."""
    if pattern in names:
        return [pattern]
    return [name for name in names if fnmatchcase(name, pattern)]
