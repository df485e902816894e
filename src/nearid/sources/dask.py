"""Rows in the partitions of Dask: one graph a pass, and sums in a tree of fixed shape.

The tasks are pure functions of a partition, and each sum is one of its parts' names: a task that is
done again, because its worker was lost, gives the same part again, and none is counted twice. The
tree depends on the partitions alone, so that any number of workers gives the same bits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.optional import require
from nearid.sources.held import numeric_columns

__all__ = ["Partitions", "after", "folded", "from_dask", "mapped", "spread", "transformed"]

Array = NDArray[Any]

#: Parts that one task adds up.
FAN_IN = 8
#: Bytes of a partition into which a file is cut.
PARTITION_BYTES = 2**26


class Partitions:
    """A table in partitions, each of which a task of Dask makes.

    Parameters
    ----------
    blocks : sequence of dask.delayed.Delayed
        Arrays of shape (rows of the partition, columns), of ``dtype``, or what reads as one.
    edges : sequence of int
        The first row of each, and after them the number of rows.
    n_columns : int
    dtype : dtype

    Examples
    --------
    >>> import dask.array as da
    >>> source, _, _ = from_dask(da.arange(10, chunks=4).reshape(5, 2))
    >>> source.shape, source[[4, 0]].tolist()
    ((5, 2), [[8, 9], [0, 1]])
    """

    def __init__(
        self, blocks: Sequence[Any], edges: Sequence[int], n_columns: int, dtype: np.dtype[Any]
    ) -> None:
        self.blocks, self.dtype = list(blocks), np.dtype(dtype)
        self.edges = tuple(int(edge) for edge in edges)
        self.shape = (self.edges[-1], n_columns)

    def __getitem__(self, picked: Any) -> Array:
        """Compute a slice, or rows in any order and with repeats."""
        return np.asarray(compute([self.delayed(picked)])[0])

    def delayed(self, picked: Any) -> Any:
        """Return a slice, or chosen rows, as a task."""
        if not isinstance(picked, slice):
            return self._chosen(np.asarray(picked, dtype=np.intp))
        start, stop, step = picked.indices(self.shape[0])
        if step != 1:
            return self._chosen(np.arange(start, stop, step))
        cuts, parts = [], []
        for block, (begin, end) in zip(self.blocks, pairwise(self.edges), strict=True):
            if begin < min(stop, end) and max(start, begin) < end:
                cuts.append((max(start, begin) - begin, min(stop, end) - begin))
                parts.append(block)
                if (start, stop) == (begin, end):
                    return block
        if not parts:
            return after(np.asarray, np.empty((0, self.shape[1]), self.dtype))
        return after(_join, parts, cuts)

    def _chosen(self, numbers: NDArray[np.intp]) -> Any:
        block = np.searchsorted(self.edges, numbers, side="right") - 1
        order = np.argsort(block, kind="stable")
        present, starts = np.unique(block[order], return_index=True)
        places = np.split(order, starts[1:])
        parts = [
            after(_take, self.blocks[i], (numbers[place] - self.edges[i]).astype(np.uint32))
            for i, place in zip(present.tolist(), places, strict=False)
        ]
        if len(parts) == 1 and (np.diff(order) == 1).all():
            return parts[0]
        empty = np.empty((0, self.shape[1]), self.dtype)
        return after(_placed, parts, order.astype(np.uint32), empty)


def after(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the task that calls a pure function on what other tasks give."""
    return require("dask", extra="dask").delayed(function, pure=False)(*arguments)


def compute(tasks: Sequence[Any], n_jobs: int = 1) -> Sequence[Any]:
    """Compute tasks on the active client, or as Dask was configured, else in ``n_jobs`` threads."""
    dask = require("dask", extra="dask")
    local = {"scheduler": "threads", "num_workers": n_jobs}
    found: Sequence[Any] = dask.compute(
        *tasks, **(local if dask.base.get_scheduler() is None else {})
    )
    return found


def folded(
    kernel: Callable[..., tuple[Array, ...]],
    rows: Sequence[Any],
    edges: Sequence[int],
    *,
    step: int,
    n_jobs: int,
) -> tuple[Array, ...]:
    """Add up ``kernel`` over chunks of each partition, then the partitions in a tree.

    Parameters
    ----------
    kernel : callable
    rows : sequence of Rows
    edges : sequence of int
        Where the stretches begin of which each is a task; the runs are cut there.
    step : int
        Rows per chunk.
    n_jobs : int
    """
    shared, state = after(_itself, _Held(kernel)), np.geterr()
    parts = [
        after(_sum, shared, state, step, *(member.delayed(start, stop) for member in rows))
        for start, stop in pairwise(edges)
    ]
    while len(parts) > 1:
        parts = [after(_add, parts[i : i + FAN_IN]) for i in range(0, len(parts), FAN_IN)]
    total: tuple[Array, ...] = compute(parts, n_jobs)[0]
    return total


def mapped(
    kernel: Callable[..., Any],
    rows: Sequence[Any],
    edges: Sequence[int],
    *,
    step: int,
    n_jobs: int,
) -> list[Any]:
    """Return ``kernel`` of every chunk of exactly ``step`` rows, in order.

    Parameters
    ----------
    kernel, rows, edges, step, n_jobs
        As in :func:`folded`; stretches are cut at the multiples of ``step`` next to ``edges``.
    """
    n_rows = edges[-1]
    cuts = sorted({0, n_rows, *(min(n_rows, round(edge / step) * step) for edge in edges)})
    shared, state = after(_itself, _Held(kernel)), np.geterr()
    parts = [
        after(_each, shared, state, step, *(member.delayed(start, stop) for member in rows))
        for start, stop in pairwise(cuts)
    ]
    return [result for part in compute(parts, n_jobs) for result in part]


def transformed(
    function: Callable[[Array], Array], rows: Any, *, n_columns: int, dtype: np.dtype[Any]
) -> Any:
    """Return ``function`` of each partition, as a Dask array that computes nothing yet."""
    da = require("dask.array", extra="dask")
    edges = rows.edges
    return da.concatenate(
        [
            da.from_delayed(
                after(_applied, function, rows.delayed(start, stop)),
                (stop - start, n_columns),
                dtype,
            )
            for start, stop in pairwise(edges)
        ]
    )


def from_dask(
    data: Any, name: str = "run"
) -> tuple[Partitions, Array | None, tuple[str, ...] | None]:
    """Return the partitions of a Dask array or data frame, its ids, and names of its columns.

    Lengths of partitions that Dask does not know, as of every data frame, are computed now, once;
    ``persist`` the data first where that, and each later pass, shall not read them anew. The index
    of a frame becomes the ids unless it counts the rows, in all or in each partition.

    Raises
    ------
    InputError
        If it is not a table of numbers.
    """
    if hasattr(data, "to_dask_array"):
        return _of_frame(data, name)
    if data.ndim != 2:
        raise InputError(
            f"{name}: expected a table of shape (rows, columns), got an array of shape {data.shape}"
        )
    if data.numblocks[1] > 1:
        data = data.rechunk({1: -1})
    blocks = data.to_delayed()[:, 0].tolist()
    lengths: Sequence[Any] = data.chunks[0]
    if np.isnan(lengths).any():
        logging.getLogger(__name__).info("%s: computing the lengths of its chunks", name)
        lengths = compute([after(len, block) for block in blocks])
    edges = np.concatenate([[0], np.cumsum(lengths)])
    return Partitions(blocks, edges.tolist(), int(data.shape[1]), data.dtype), None, None


def _of_frame(frame: Any, name: str) -> tuple[Partitions, Array | None, tuple[str, ...]]:
    if frame.ndim != 2:
        raise InputError(f"{name} is one column: expected a frame, as in series.to_frame()")
    columns = numeric_columns(frame, name, "frame[features]")
    dtype = np.result_type(*frame.dtypes) if columns else np.dtype("f8")
    parts = frame.to_delayed()
    logging.getLogger(__name__).info("%s: computing the lengths of its partitions", name)
    described = compute([after(_index, part) for part in parts])
    edges = np.concatenate([[0], np.cumsum([length for length, _ in described])]).tolist()
    index = [ids for _, ids in described]
    blocks = [after(_numbers, part, dtype) for part in parts]
    ids = None if _counts(index, edges) else np.concatenate(index)
    return Partitions(blocks, edges, len(columns), dtype), ids, columns


def spread(rows: Any, partition_bytes: int = PARTITION_BYTES) -> Any:
    """Return the same rows in partitions, each of which a worker reads by itself.

    Files (``.npy``, Parquet, Zarr) are opened by the workers, and must lie where they see them;
    arrays in memory are sent to them.

    Parameters
    ----------
    rows : Rows
    partition_bytes : int
        Of each, about.
    """
    if rows.edges is not None:
        return rows
    step = max(1, partition_bytes // (rows.n_columns * rows.dtype.itemsize))
    n_rows, n_columns = rows.source.shape
    edges = [*range(0, n_rows, step), n_rows]
    bounds = list(pairwise(edges))
    source = _portable(rows.source)
    if isinstance(source, np.ndarray):
        blocks = [after(np.asarray, source[start:stop]) for start, stop in bounds]
    else:
        shared = after(_itself, _Held(source))
        blocks = [after(_stretch, shared, start, stop) for start, stop in bounds]
    return replace(rows, source=Partitions(blocks, edges, n_columns, rows.dtype))


class MappedFile:
    """A memory map that travels to another process as the name of its file."""

    def __init__(self, path: str, dtype: Any, shape: tuple[int, ...], offset: int, order: Any):
        self.described = (path, dtype, shape, offset, order)
        self._map = np.memmap(path, dtype, "r", offset, shape, order)

    def __reduce__(self) -> tuple[Any, ...]:
        return MappedFile, self.described

    def __getitem__(self, picked: slice) -> Array:
        return np.asarray(self._map[picked])


def _portable(source: Any) -> Any:
    """Return a source that is small when it is pickled, where there is one."""
    if not isinstance(source, np.memmap) or source.filename is None:
        return source
    if isinstance(source.base, np.memmap):  # a view: what of the file it shows is not known
        return np.asarray(source)
    order = "C" if source.flags.c_contiguous else "F"
    path = str(Path(source.filename).absolute())
    return MappedFile(path, source.dtype, source.shape, source.offset, order)


class Stretch:
    """Rows of a file that a task reads where it needs them: none travel from worker to worker."""

    def __init__(self, source: Any, start: int, stop: int) -> None:
        self.source, self.start, self.stop = source, start, stop

    def __getitem__(self, picked: slice) -> Array:
        """Read a slice of these rows."""
        start, stop, _ = picked.indices(self.stop - self.start)
        return np.asarray(self.source[self.start + start : self.start + stop])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read them all."""
        return np.asarray(self[:], dtype=dtype)


class _Held:
    """Keeps Dask from looking into what is passed on."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _itself(held: _Held) -> _Held:
    return held


def _stretch(held: _Held, start: int, stop: int) -> Stretch:
    return Stretch(held.value, start, stop)


def _chunks(step: int, arrays: Sequence[Array]) -> list[list[Array]]:
    arrays = [np.asarray(x) for x in arrays]
    n_rows = len(arrays[0])
    return [[x[start : start + step] for x in arrays] for start in range(0, n_rows, step)]


def _sum(held: _Held, state: Any, step: int, *arrays: Array) -> tuple[Array, ...]:
    with np.errstate(**state):
        return _add([held.value(*chunk) for chunk in _chunks(step, arrays)])


def _each(held: _Held, state: Any, step: int, *arrays: Array) -> list[Any]:
    with np.errstate(**state):
        return [held.value(*chunk) for chunk in _chunks(step, arrays)]


def _add(parts: Sequence[tuple[Array, ...]]) -> tuple[Array, ...]:
    """Add up into new arrays: a part that Dask keeps must stay what it is."""
    total = [np.array(array) for array in parts[0]]
    for part in parts[1:]:
        for accumulated, array in zip(total, part, strict=True):
            accumulated += array
    return tuple(total)


def _applied(function: Callable[[Array], Array], block: Array) -> Array:
    return function(np.asarray(block))


def _join(parts: Sequence[Array], cuts: Sequence[tuple[int, int]]) -> Array:
    return np.concatenate([part[a:b] for part, (a, b) in zip(parts, cuts, strict=True)])


def _take(block: Array, numbers: NDArray[np.uint32]) -> Array:
    taken: Array = np.asarray(block)[numbers]
    return taken


def _placed(parts: Sequence[Array], order: NDArray[np.uint32], empty: Array) -> Array:
    joined = np.concatenate([empty, *parts])
    out = np.empty_like(joined)
    out[order] = joined
    return out


def _index(part: Any) -> tuple[int, Any]:
    index = part.index
    return len(part), index if hasattr(index, "step") else index.to_numpy()


def _numbers(part: Any, dtype: np.dtype[Any]) -> Array:
    numbers: Array = part.to_numpy(dtype=dtype)
    return numbers


def _counts(index: Sequence[Any], edges: Sequence[int]) -> bool:
    """Whether an index counts the rows, from the first of all or from the first of each part."""
    bounds = list(pairwise(edges))
    whole = all(np.array_equal(i, np.arange(*b)) for i, b in zip(index, bounds, strict=True))
    return whole or all(np.array_equal(i, np.arange(len(i))) for i in index)
