"""What all loaders check of a file before it is parsed, and how a parser's failure is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nearid.errors import InputError
from nearid.io import location

__all__ = ["check_file", "check_folder", "parsing"]

#: How files begin that a download left in place of the data.
IMPOSTORS = {
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"<?xml": "an XML message",
    b"version https://git-lfs": "a pointer of Git LFS",
}


def check_file(path: Path, what: str, *, magic: bytes = b"") -> int:
    """Return the size of a file in bytes, or raise InputError if it cannot be what is expected.

    Parameters
    ----------
    path : Path
    what : str
        What is expected, with its article.
    magic : bytes
        How such a file begins.
    """
    size = location.check_file(path, what)
    with parsing(path, what), path.open("rb") as stream:
        start = stream.read(512)
    for sign, instead in IMPOSTORS.items():
        if start.lstrip().lower().startswith(sign):
            raise InputError(
                f"{path} is {instead}, not {what}: the download went wrong; fetch the file itself"
            )
    if not start.startswith(magic):
        raise InputError(
            f"{path} is not {what}: it begins with {start[:8].hex()}, expected {magic.hex()}"
        )
    return size


def check_folder(path: Path, what: str) -> None:
    """Raise InputError if there is no such folder."""
    if not path.is_dir():
        state = "is a file" if path.exists() else "does not exist"
        raise InputError(f"{path} {state}: expected the folder of {what}")


@contextmanager
def parsing(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a parser raises on a damaged file into one line that names the file.

    Parsers of binary formats raise nearly every exception there is where a byte has been changed.
    """
    with location.parsing(path, what, Exception):
        yield
