"""Rows that a file stores in blocks: any of them on request, and few blocks in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Blocks"]

Array = NDArray[Any]

#: Blocks in memory at a time: a chunk of rows may end in the next one.
HELD = 2


class Blocks:
    """Slices and chosen rows of a table that is stored block by block.

    Only the blocks that hold the rows asked for are loaded; the last two are kept.

    Parameters
    ----------
    edges : sequence of int
        The first row of each block, and after them the number of rows.
    load : callable
        ``load(i)`` returns block i, shape (rows of the block, columns).
    shape : tuple of int
    dtype : dtype

    Examples
    --------
    >>> table = np.arange(10.0).reshape(5, 2)
    >>> blocks = Blocks([0, 3, 5], lambda i: table[[0, 3][i] : [3, 5][i]], (5, 2), table.dtype)
    >>> blocks.rows(slice(2, 4)).tolist(), blocks.rows([4, 0, 4])[:, 0].tolist()
    ([[4.0, 5.0], [6.0, 7.0]], [8.0, 0.0, 8.0])
    """

    def __init__(
        self,
        edges: Sequence[int],
        load: Callable[[int], Array],
        shape: tuple[int, int],
        dtype: np.dtype[Any],
    ) -> None:
        self.edges = np.asarray(edges, dtype=np.intp)
        self.load, self.shape, self.dtype = load, shape, dtype
        self._held: OrderedDict[int, Array] = OrderedDict()
        self._lock = threading.Lock()

    def rows(self, index: Any) -> Array:
        """Return a slice, or rows in any order and with repeats.

        Raises
        ------
        IndexError
            If there is no such row.
        """
        if isinstance(index, slice):
            start, stop, step = index.indices(self.shape[0])
            if step == 1:
                return self._stretch(start, max(start, stop))
            index = np.arange(start, stop, step)
        return self._chosen(self.numbers(index))

    def numbers(self, index: Any) -> NDArray[np.intp]:
        """Return row numbers from 0, of numbers that may count from the end, or of a mask."""
        given = np.asarray(index)
        if given.dtype == bool:
            if given.shape != self.shape[:1]:
                raise IndexError(f"a mask of shape {given.shape} for {self.shape[0]} rows")
            return np.flatnonzero(given)
        numbers = given.astype(np.intp, casting="same_kind" if given.size else "unsafe")
        if len(numbers) and not -self.shape[0] <= numbers.min() <= numbers.max() < self.shape[0]:
            raise IndexError(f"row {numbers.max()} of {self.shape[0]}")
        return np.where(numbers < 0, numbers + self.shape[0], numbers)

    def _stretch(self, start: int, stop: int) -> Array:
        first = int(np.searchsorted(self.edges, start, side="right")) - 1
        parts = []
        while start < stop:
            begin, end = int(self.edges[first]), int(self.edges[first + 1])
            if start < end:
                parts.append(self._block(first)[start - begin : min(stop, end) - begin])
                start = min(stop, end)
            first += 1
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self.shape[1]), self.dtype)

    def _chosen(self, numbers: NDArray[np.intp]) -> Array:
        out = np.empty((len(numbers), self.shape[1]), self.dtype)
        block = np.searchsorted(self.edges, numbers, side="right") - 1
        order = np.argsort(block, kind="stable")
        present, starts = np.unique(block[order], return_index=True)
        for i, places in zip(present.tolist(), np.split(order, starts[1:]), strict=False):
            out[places] = self._block(i)[numbers[places] - self.edges[i]]
        return out

    def _block(self, i: int) -> Array:
        with self._lock:  # else every thread that comes upon a new block would load it
            if i not in self._held:
                while len(self._held) >= HELD:
                    self._held.popitem(last=False)
                self._held[i] = self.load(i)
                self._held[i].flags.writeable = False  # a slice of it is handed out
            self._held.move_to_end(i)
            return self._held[i]
