"""Inputs that are arrays already: in memory, or mapped from ``.npy`` and ``.npz`` files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.embed.inputs import Batch
from nearid.errors import InputError
from nearid.io.location import closest, listing, split_location
from nearid.io.npy import map_array
from nearid.io.npz import open_arrays

__all__ = ["Arrays", "arrays"]

Array = NDArray[Any]

#: Bytes that are read at once where all of a file is.
BLOCK_BYTES = 2**22


@dataclass(frozen=True, eq=False)
class Arrays:
    """Inputs that are the rows of one array; see :func:`arrays`."""

    values: Array
    names: Array | None
    notices: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """What determines a batch, beside the content."""
        shape = list(self.values.shape[1:])
        return {"kind": "arrays", "shape": shape, "dtype": str(self.values.dtype)}

    def __len__(self) -> int:
        """Return the number of inputs."""
        return len(self.values)

    def ids(self, start: int, stop: int) -> list[str]:
        """Return the ids of some inputs: those given, or the numbers of the rows."""
        if self.names is None:
            return [str(row) for row in range(start, stop)]
        return [str(name) for name in self.names[start:stop]]

    def batch(self, start: int, stop: int) -> Batch:
        """Read some inputs."""
        native = self.values.dtype.newbyteorder("=")
        return Batch(stop - start, array=np.array(self.values[start:stop], dtype=native))

    def fingerprint(self) -> str:
        """Return a digest of the content."""
        digest = hashlib.sha256(f"{self.values.dtype.str} {self.values.shape}".encode())
        row_bytes = max(1, self.values[:1].nbytes)
        step = max(1, BLOCK_BYTES // row_bytes)
        for start in range(0, len(self), step):
            stop = min(start + step, len(self))
            digest.update(np.ascontiguousarray(self.values[start:stop]).data.cast("B"))
            if self.names is not None:
                digest.update("\n".join(self.ids(start, stop)).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def within(self, context: int | None) -> Arrays:
        """Return these inputs; the model itself says if it cannot take them."""
        return self


def arrays(data: Any, *, ids: Sequence[Any] | Array | None = None) -> Arrays:
    """Return inputs that are the rows of an array.

    Parameters
    ----------
    data : array, tensor, or path, shape (n, …)
        A path to ``.npy`` (memory-mapped, so that it may be larger than memory) or ``.npz``
        (``FILE::KEY`` if it holds several). Numbers: floating ones are given to the model in its
        own type of number, whole ones as int64.
    ids : sequence of length n, optional
        An id for each; those that are beside the array (``ids`` in the ``.npz``, ``ids.npy``
        beside the ``.npy``) or else the number of the row.

    Raises
    ------
    InputError
        If it is no array of numbers, is empty, or the ids are not as many or not unique.

    Examples
    --------
    >>> arrays(np.zeros((2, 3, 8, 8)), ids=["a", "b"]).ids(0, 2)
    ['a', 'b']
    """
    if isinstance(data, str | os.PathLike):
        values, beside, notices = _opened(data)
    else:
        values, beside, notices = _array(data), None, []
    check_numbers(values.dtype, values.shape)
    names = beside if ids is None else np.asarray(list(ids))
    if names is not None:
        _check_ids(names, len(values))
    return Arrays(values, names, tuple(notices))


def check_numbers(dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Raise InputError unless this is the type and shape of numbers, an input in each row."""
    if dtype.kind not in "fiub" or len(shape) < 2 or 0 in shape:
        raise InputError(
            f"expected an array of numbers with an input in each row, shape (n, …); got the shape "
            f"{shape} of {dtype}"
        )


def _array(data: Any) -> Array:
    if hasattr(data, "detach"):  # a torch tensor
        data = data.detach().cpu()
    return np.asarray(data)


def _check_ids(names: Array, n: int) -> None:
    if names.shape != (n,):
        raise InputError(f"there are {n} inputs, but the ids have the shape {names.shape}")
    if len(np.unique(names.astype(str))) < n:
        raise InputError("the ids must be unique: each names one input")


def _opened(location: str | os.PathLike[str]) -> tuple[Array, Array | None, list[str]]:
    path, key = split_location(location)
    if path.suffix.lower() == ".npz":
        return _of_archive(path, key)
    if key is not None:
        raise InputError(f"{path} holds one array and has no keys: leave out ::{key}")
    values = map_array(path)
    return values, *_ids_beside(path, len(values) if values.ndim else 0)


def _of_archive(path: Path, key: str | None) -> tuple[Array, Array | None, list[str]]:
    with open_arrays(path) as entries:
        name = _member(list(entries), key, path)
        check_numbers(entries[name].dtype, entries[name].shape)
        values = entries[name].load()
        held = entries["ids"].load() if "ids" in entries and name != "ids" else None
        others = [other for other in entries if other not in (name, "ids")]
    notices = [f"{path}: {listing(others)} was not read"] if others else []
    return values, held, notices


def _ids_beside(path: Path, n: int) -> tuple[Array | None, list[str]]:
    from nearid.io.npy import ids_beside

    return ids_beside(path, n)


def _member(names: list[str], key: str | None, path: Path) -> str:
    if key is not None and key not in names:
        raise InputError(
            f"{path} has no array {key}{closest(key, names)}; it holds {listing(names)}"
        )
    candidates = [key] if key is not None else [name for name in names if name != "ids"]
    if len(candidates) != 1:
        raise InputError(f"{path} holds {listing(candidates)}: name one, as in FILE::KEY")
    return candidates[0]
