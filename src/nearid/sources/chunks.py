"""Rows that something makes, a chunk at a time, and can make again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nearid.errors import InputError

__all__ = ["Chunks"]

Array = NDArray[Any]


class Chunks:
    """A table that is never held: a factory of iterators over its chunks.

    Each pass over the rows asks the factory for a fresh iterator. Rows are read in ascending order
    only; whatever needs them in another order (the shuffled null of a comparison) is refused.

    Parameters
    ----------
    factory : callable
        Takes nothing and returns an iterable of arrays of shape (any number, n_columns): the same
        rows in the same order each time, however they are cut.
    n_rows, n_columns : int
        Of all chunks together.
    dtype : dtype, default float32
        To which every chunk is converted.

    Raises
    ------
    InputError
        When it is read: if chunks have another shape or type, or a pass has other rows than the one
        before.

    Examples
    --------
    >>> def draw():
    ...     rng = np.random.default_rng(0)
    ...     return (rng.laplace(size=(500, 3)) for _ in range(4))
    >>> from nearid.ica import LatentICA
    >>> LatentICA(random_state=0).fit(Chunks(draw, 2000, 3, np.float64)).n_samples_seen_
    2000
    """

    #: Rows are read in ascending order only.
    sequential = True

    def __init__(
        self,
        factory: Callable[[], Iterable[ArrayLike]],
        n_rows: int,
        n_columns: int,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if not callable(factory):
            raise InputError(
                f"factory must be callable, and return a fresh iterator over the chunks each time "
                f"it is called; got a {type(factory).__name__}: wrap what makes it, as in "
                f"Chunks(lambda: make_chunks(), ...)"
            )
        for name, number in (("n_rows", n_rows), ("n_columns", n_columns)):
            if not isinstance(number, int | np.integer) or number < 1:
                raise InputError(f"{name} must be a whole number from 1, got {number!r}")
        self.factory = factory
        self.shape = (int(n_rows), int(n_columns))
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        if self.dtype.kind not in "fiub":
            raise InputError(f"expected real numbers, got the type {self.dtype}")
        self._iterator: Iterator[ArrayLike] | None = None
        self._rest = np.empty((0, self.shape[1]), self.dtype)
        self._position, self._made, self._passes = 0, 0, 0
        self._first: Array | None = None
        self._last: Array | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as the factory, to begin anew."""
        return Chunks, (self.factory, *self.shape, self.dtype)

    def __getitem__(self, index: Any) -> Array:
        """Read a slice, or rows in ascending order; earlier ones than the last begin a new pass."""
        if isinstance(index, slice):
            start, stop, step = index.indices(self.shape[0])
            if step == 1:
                return self._stretch(start, max(start, stop))
            index = np.arange(start, stop, step)
        numbers = np.asarray(index, dtype=np.intp)
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= self.shape[0]):
            raise IndexError(f"row {numbers.max()} of {self.shape[0]}")
        if (np.diff(numbers) < 0).any():
            raise InputError(
                "chunks are made one after the other, and cannot be read in another order, as a "
                "shuffle or ids in another order ask for; write the rows to a file first (.npy, "
                ".parquet), or give the array"
            )
        rows, places = np.unique(numbers, return_inverse=True)
        chosen: Array = self._chosen(rows)[places]
        return chosen

    def _chosen(self, rows: NDArray[np.intp]) -> Array:
        """Return rows in strictly ascending order; the first may be the last that was read."""
        parts = [np.empty((0, self.shape[1]), self.dtype)]
        if len(rows) and rows[0] == self._position - 1 and self._last is not None:
            parts.append(self._last)
            rows = rows[1:]
        if len(rows):
            runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
            # copies: a view of a row would hold the chunk that it is of until all rows are read
            parts += [self._stretch(int(run[0]), int(run[-1]) + 1).copy() for run in runs]
        return np.concatenate(parts)

    def _stretch(self, start: int, stop: int) -> Array:
        if self._iterator is None or start < self._position:
            self._begin()
        while self._position < start:
            self._take(min(start - self._position, max(len(self._rest), 1)))
        parts = []
        while self._position < stop:
            parts.append(self._take(stop - self._position))
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self.shape[1]), self.dtype)

    def _begin(self) -> None:
        made = iter(self.factory())
        if made is self._iterator:
            raise InputError(
                "the factory returned the same iterator again: it must return a fresh one each "
                "time, that begins with the first chunk"
            )
        self._iterator, self._rest = made, self._rest[:0]
        self._position, self._made, self._last = 0, 0, None
        self._passes += 1

    def _take(self, count: int) -> Array:
        """Return up to so many of the next rows, at least one."""
        while not len(self._rest):
            self._rest = self._next()
        part = self._rest[:count]
        self._rest = self._rest[count:]
        self._position += len(part)
        self._last = part[-1:]
        if self._position == self.shape[0]:
            self._end()
        return part

    def _next(self) -> Array:
        assert self._iterator is not None
        try:
            chunk = np.asarray(next(self._iterator))
        except StopIteration:
            raise InputError(
                f"pass {self._passes} over the chunks ended after {self._made} of "
                f"{self.shape[0]} rows; the factory must return a fresh iterator over all rows "
                f"each time"
            ) from None
        if chunk.ndim != 2 or chunk.shape[1] != self.shape[1]:
            raise InputError(
                f"expected chunks of shape (any, {self.shape[1]}), got one of shape {chunk.shape} "
                f"after {self._made} rows of pass {self._passes}"
            )
        if chunk.dtype.kind not in "fiub":
            raise InputError(f"expected chunks of real numbers, got the type {chunk.dtype}")
        chunk = chunk.astype(self.dtype, copy=False)
        if not self._made and len(chunk):
            self._compare(chunk[0])
        self._made += len(chunk)
        return chunk

    def _compare(self, row: Array) -> None:
        """Refuse a pass that begins with another row: an iterator that shuffles, or draws anew."""
        if self._first is None:
            self._first = row.copy()
        elif row.tobytes() != self._first.tobytes():
            raise InputError(
                f"pass {self._passes} over the chunks begins with another row than the first pass; "
                f"the factory must give the same rows in the same order each time: seed what it "
                f"draws, and do not shuffle"
            )

    def _end(self) -> None:
        """Refuse chunks beyond the last row."""
        more = len(self._rest)
        assert self._iterator is not None
        while not more:
            try:
                more = len(np.asarray(next(self._iterator)))
            except StopIteration:
                return
        raise InputError(
            f"pass {self._passes} over the chunks has more than the {self.shape[0]} rows that were "
            f"promised; give their number as n_rows"
        )
