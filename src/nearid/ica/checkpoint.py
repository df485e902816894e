"""Passes that were done, kept in a folder, so that a fit that was killed goes on where it was.

A search is a function of the sums that its passes give, and of its seed: done again with the same
sums, it takes the same steps, up to the pass at which it was cut off. So the sums of each pass are
all that has to be kept: the rotation, the memory of L-BFGS, the number of passes and the state of
the generator follow from them, to the bit, for every solver and every half of the rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.ica.starts import few
from nearid.io.safetensors import read_safetensors, write_safetensors
from nearid.rows import Rows

__all__ = ["fingerprint", "open_folder", "recalled"]

Array = NDArray[Any]

#: What the metadata's ``format`` says; passes of another version are not taken.
FORMAT = "nearid.pass/1"


def open_folder(path: Path) -> None:
    """Make the folder if it is not there.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"checkpoint: {path} cannot be used as a folder: {error}") from None


def recalled(
    folder: str | None, key: tuple[Any, ...], work: Callable[[], tuple[Array, ...]]
) -> tuple[Array, ...]:
    """Return what a pass gives: as it was kept under this key, or done now and kept.

    Parameters
    ----------
    folder : str or None
        None: nothing is kept.
    key : tuple of text, numbers and arrays
        All that the pass depends on.
    work : callable
        The pass; returns arrays.

    Returns
    -------
    tuple of ndarray

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as kept:
    ...     first = recalled(kept, ("sum", 1), lambda: (np.arange(2.0),))
    ...     again = recalled(kept, ("sum", 1), lambda: (np.zeros(9),))
    >>> first, again
    ((array([0., 1.]),), (array([0., 1.]),))
    """
    if folder is None:
        return work()
    path = Path(folder) / f"pass-{_digest(key)}.safetensors"
    if path.is_file():
        tensors, _ = read_safetensors(path)
        if set(tensors) != {f"{i}" for i in range(len(tensors))} or not tensors:
            raise InputError(f"{path} holds no pass: delete it, and the pass is done again")
        return tuple(np.array(tensors[f"{i}"]) for i in range(len(tensors)))
    found = work()
    held = {f"{i}": np.ascontiguousarray(array) for i, array in enumerate(found)}
    write_safetensors(path, held, {"format": FORMAT, "pass": str(key[0])})
    return found


def fingerprint(rows: Rows) -> tuple[Any, ...]:
    """Return what tells rows from others: name, shape, type, and two thousand of them."""
    return rows.name, *rows.source.shape, len(rows), str(rows.dtype), few(rows)


def _digest(key: tuple[Any, ...]) -> str:
    known = hashlib.sha256(FORMAT.encode())
    for part in key:
        if isinstance(part, np.ndarray):
            known.update(f"{part.dtype}{part.shape}".encode())
            known.update(np.ascontiguousarray(part).tobytes())
        else:
            known.update(repr(part).encode())
        known.update(b"\0")
    return known.hexdigest()[:32]
