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

#: Characters of a name that a message shows.
LONGEST_NAME = 200

#: What is packed may always unpack to so many bytes, and beyond that to so many times its own: the
#: images of dSprites, of two values, unpack to 114 times.
UNPACKED_BYTES, DENSEST = 2**25, 200

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
    SystemError,
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


def check_packing(path: Path, n_bytes: int, packed: int) -> None:
    """Raise InputError if so few bytes claim to unpack to so many that no measured numbers do.

    Parameters
    ----------
    path : Path
        For messages.
    n_bytes : int
        What is about to be allocated.
    packed : int
        Bytes in the file that they come from.
    """
    if n_bytes > max(UNPACKED_BYTES, DENSEST * packed):
        raise InputError(
            f"{path} would unpack {packed} bytes to {n_bytes}, more than {DENSEST} times as many: "
            f"no measured numbers are packed so densely; if they are meant, save them as .npy"
        )


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
    """Return ``; did you mean …?``, or nothing if no name comes close.

    Examples
    --------
    >>> closest("dmso", ["DMSO", "DMSO_2"]), closest("member_9", ["member_0", "ids"])
    ('; did you mean DMSO?', '; did you mean member_0?')
    """
    known = [one_line(name) for name in names]
    near = [name for name in known if name.casefold() == wanted.casefold()]
    near = near or difflib.get_close_matches(wanted, known, n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def listing(names: Collection[str], limit: int = 10) -> str:
    """Return the names with commas between them, and how many more there are."""
    shown = ", ".join(map(one_line, list(names)[:limit]))
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{shown}{more}" if names else "nothing"


def one_line(name: str) -> str:
    r"""Return a name out of a file as a message can hold it: on one line, and not too long.

    Examples
    --------
    >>> one_line("two\nlines")
    'two lines'
    """
    text = " ".join(name.split())
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"


def match(pattern: str, names: Collection[str]) -> list[str]:
    """Return the names that a name or glob means; a name that is there wins over the glob."""
    if pattern in names:
        return [pattern]
    return [name for name in names if fnmatchcase(name, pattern)]
