"""Files that a user has in a folder of data, named or by the environment."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["Folder", "given_file", "told"]

#: A folder of data; None for the environment variable NEARID_DATA.
Folder = str | os.PathLike[str] | None


def _resolved(folder: Folder) -> Folder:
    return folder if folder is not None else os.environ.get("NEARID_DATA")


def told(folder: Folder) -> str:
    """Return how a message names the folder."""
    return str(_resolved(folder) or "a folder named by NEARID_DATA")


def given_file(folder: Folder, *places: str | Path) -> Path | None:
    """Return the first of the places in the folder where a file is, None if there is none.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.txt").write_text("")
    ...     given_file(folder, "text/a.txt", "a.txt").name, given_file(folder, "b.txt")
    ('a.txt', None)
    """
    resolved = _resolved(folder)
    if resolved is None:
        return None
    paths = (Path(resolved) / place for place in places)
    return next((path for path in paths if path.is_file()), None)
