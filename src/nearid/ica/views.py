"""Parts of rows that are drawn at random and never held as a whole: halves, and a guarded map."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.rows import Rows

__all__ = ["guarded", "halves", "subsample"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Half:
    """One row of each pair of neighbours, by a coin's flip; the other half has the other row.

    The flips are kept as bits, so that the memory is a sixteenth of a byte a row.
    """

    rows: Rows
    flips: NDArray[np.uint8]
    other: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return len(self.rows) // 2, self.rows.n_columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        return self.rows.dtype

    def __getitem__(self, picked: slice | NDArray[np.intp]) -> Array:
        if not isinstance(picked, slice):
            return self.rows.take(self._places(picked)).read(0, len(picked))
        start, stop, _ = picked.indices(self.shape[0])
        places = self._places(np.arange(start, stop))
        return self.rows.read(2 * start, 2 * stop)[places - 2 * start]

    @property
    def edges(self) -> tuple[int, ...] | None:
        """Where the partitions of Dask begin, as of :attr:`nearid.rows.Rows.edges`."""
        held = self.rows.edges
        return None if held is None else tuple(min(edge // 2, self.shape[0]) for edge in held)

    def delayed(self, picked: slice | NDArray[np.intp]) -> Any:
        """Return a slice, or chosen rows, as a task of Dask."""
        from nearid.sources.dask import after

        if not isinstance(picked, slice):
            return self.rows.take(self._places(picked)).delayed(0, len(picked))
        start, stop, _ = picked.indices(self.shape[0])
        # only the bits that this task needs travel with it
        bits = self.flips[start // 8 : -(-stop // 8)]
        lazy = self.rows.delayed(2 * start, 2 * stop)
        return after(_one_of_two, lazy, bits, start % 8, self.other)

    def _places(self, index: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return which rows of the whole the given rows of this half are."""
        flips = (self.flips[index // 8] >> (index % 8).astype(np.uint8)) & 1
        return np.asarray(2 * index + (flips ^ self.other), dtype=np.intp)


def _one_of_two(chunk: Array, bits: NDArray[np.uint8], first: int, other: bool) -> Array:
    """Return one row of each pair of neighbours, by bits of which the first few are another's."""
    chunk = np.asarray(chunk)
    index = np.arange(first, first + len(chunk) // 2)
    flips = (bits[index // 8] >> (index % 8).astype(np.uint8)) & 1
    chosen: Array = chunk[2 * (index - first) + (flips ^ other)]
    return chosen


def halves(rows: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Split rows at random into two disjoint halves of equal length.

    Of every two neighbouring rows one goes to each half. The last row of an odd number is left out.

    Parameters
    ----------
    rows : Rows
    rng : numpy.random.Generator

    Returns
    -------
    tuple of Rows
        Views, which are read a chunk at a time like their source.

    Examples
    --------
    >>> first, second = halves(Rows(np.arange(6.0)[:, None]), np.random.default_rng(0))
    >>> sorted(np.concatenate([first.read(0, 3), second.read(0, 3)])[:, 0].tolist())
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    """
    flips = rng.integers(0, 256, -(-len(rows) // 16), dtype=np.uint8)
    return (
        Rows(Half(rows, flips, False), name=f"{rows.name} (first half)"),
        Rows(Half(rows, flips, True), name=f"{rows.name} (second half)"),
    )


def subsample(rows: Rows, count: int, rng: np.random.Generator) -> Rows:
    """Read a random part of the rows into memory, one row from each of ``count`` even stretches.

    Parameters
    ----------
    rows : Rows
    count : int
        At most as many as there are rows.
    rng : numpy.random.Generator

    Returns
    -------
    Rows
        In a random order, so that the first ones are a smaller random part.

    Examples
    --------
    >>> part = subsample(Rows(np.arange(10.0)[:, None]), 5, np.random.default_rng(0))
    >>> sorted((part.read(0, 5)[:, 0] // 2).tolist())
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    edges = (np.arange(count + 1) * len(rows)) // count
    index = edges[:-1] + (rng.random(count) * np.diff(edges)).astype(np.intp)
    held = np.empty((count, rows.n_columns), rows.dtype)
    place = rng.permutation(count)
    step = 2**14
    for start in range(0, count, step):  # a piece at a time: the source may be a file
        piece = index[start : start + step]
        held[place[start : start + step]] = rows.take(piece).read(0, len(piece))
    return Rows(held, name=rows.name)


@dataclass(frozen=True, eq=False)
class GuardedMap:
    """A memory map that looks at its file's length before it reads.

    Reading past the end of a file that was cut kills the process (SIGBUS), without a message.
    """

    source: Array
    path: str
    needed: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the map."""
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        return self.source.dtype

    def __getitem__(self, picked: Any) -> Array:
        held = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        if held < self.needed:
            raise InputError(
                f"{self.path} was cut while it was read: expected {self.needed} bytes, found "
                f"{held}; wait until it is written in full, then start again"
            )
        return np.asarray(self.source[picked])


def guarded(rows: Rows) -> Rows:
    """Return the same rows, guarded if they are mapped from a file."""
    base = rows.source
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    while isinstance(base, np.memmap) and isinstance(base.base, np.memmap):
        base = base.base
    if not isinstance(base, np.memmap) or base.filename is None:
        return rows
    needed = base.offset + base.nbytes
    return replace(rows, source=GuardedMap(np.asarray(rows.source), str(base.filename), needed))
