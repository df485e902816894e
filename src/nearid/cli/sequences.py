"""Opening sequences of tokens, and naming some of them, on the command line."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io import read_safetensors, split_location
from nearid.io.location import check_exists, closest, listing, parsing

__all__ = ["open_sequences", "parse_tokens"]

Array = NDArray[Any]

#: What NumPy raises on a damaged file, or on one that only unpickling could read.
DAMAGED = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


def parse_tokens(text: str) -> slice:
    """Turn the text of ``--tokens`` into a slice: START:STOP, START:STOP:STEP, or one position.

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> parse_tokens("1:"), parse_tokens("0:8:2"), parse_tokens("3"), parse_tokens("-1")
    (slice(1, None, None), slice(0, 8, 2), slice(3, 4, None), slice(-1, None, None))
    """
    try:
        bounds = [int(part) if part.strip() else None for part in text.split(":")]
    except ValueError:
        bounds = []
    if len(bounds) == 1 and bounds[0] is not None:
        return slice(bounds[0], bounds[0] + 1 or None)
    if len(bounds) not in (2, 3) or bounds[2:] == [0]:
        raise InputError(
            f"--tokens is a slice, such as 1: (all but the first), :8 or 0:8:2, or one position; "
            f"got {text!r}"
        )
    return slice(*bounds)


def open_sequences(location: str | os.PathLike[str]) -> Array:
    """Read the one array of shape (latents, tokens, D) that a location names.

    Parameters
    ----------
    location : str or path
        An ``.npy`` file, or ``FILE::KEY`` of an ``.npz`` or ``.safetensors``; without KEY the only
        array of three axes in it.

    Returns
    -------
    ndarray
        Memory-mapped where the format allows it.

    Raises
    ------
    InputError
        If the file cannot be read, or holds no such array, or several.
    """
    path, key = split_location(location)
    held = _arrays(path, key)
    if key is not None and key not in held:
        raise InputError(f"{path} has no array {key}{closest(key, held)}; it holds {listing(held)}")
    wanted = [key] if key is not None else [name for name, a in held.items() if a.ndim == 3]
    if len(wanted) > 1:
        raise InputError(
            f"{path} holds {len(wanted)} arrays of sequences ({listing(wanted)}): name one, as in "
            f"FILE::KEY"
        )
    if not wanted or held[wanted[0]].ndim != 3:
        shapes = listing([f"{name} {array.shape}" for name, array in held.items()])
        raise InputError(
            f"{location}: --tokens wants an array of shape (latents, tokens, D); it holds {shapes}"
        )
    return held[wanted[0]]


def _arrays(path: Path, key: str | None) -> Mapping[str, Array]:
    check_exists(path)
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        return read_safetensors(path)[0]
    if suffix not in (".npy", ".npz"):
        raise InputError(
            f"{path}: sequences of tokens are read from .npy, .npz and .safetensors files"
        )
    with parsing(path, f"an {suffix} file", *DAMAGED):
        found = np.load(path, mmap_mode="r" if suffix == ".npy" else None, allow_pickle=False)
        if suffix == ".npy":
            return {path.stem: found}
        with found:
            names = [key] if key is not None and key in found.files else found.files
            return {name: found[name] for name in names}
