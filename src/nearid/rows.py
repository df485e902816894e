"""Rows, and the one primitive by which everything is learned from them: ``fold``.

Whatever this library learns from data is a sum over rows: means, covariances, one step of ICA.
``fold`` sends each chunk of rows through a pure function and adds up what comes back, so the
mathematics never knows how many rows there are, or where they live.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import starmap
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.origin import Origin, unchanged
from nearid.sources.chunks import Chunks
from nearid.sources.held import is_lazy, source_of
from nearid.sources.workers import one_blas_thread

__all__ = [
    "Chunks",
    "Rows",
    "as_rows",
    "fold",
    "from_table",
    "is_lazy",
    "map_chunks",
    "one_blas_thread",
]

Array = NDArray[Any]
Result = TypeVar("Result")

#: Bytes of float64 that a chunk of all the rows read together may fill: it stays in a core's cache
#: hierarchy, and is large enough for a matrix product to run at full speed.
CHUNK_BYTES = 4 * 2**20


@dataclass(frozen=True, eq=False)
class Rows:
    """A numeric table that is only ever read a chunk of rows at a time.

    Parameters
    ----------
    source : array-like, shape (n, n_columns)
        Anything with ``shape``, ``dtype`` and NumPy indexing of its first axis: an array, a memory
        map, a Zarr array, :class:`~nearid.sources.chunks.Chunks`. It is never copied as a whole.
    name : str
        How messages and results call it.
    ids : ndarray of shape (n_rows,), optional
        One id per row, by which runs are aligned.
    metadata : mapping of str to ndarray of shape (n_rows,), optional
        Further columns that describe the rows.
    columns : sequence of str, optional
        Names of the numeric columns.
    order : ndarray of int, shape (n_rows,), optional
        Which rows of the source, in which order; all of them if not given.
    origin : Origin, optional
        The files from which the source still reads: a pass is refused once they are changed.

    See Also
    --------
    as_rows : makes one from whatever a user holds.

    Examples
    --------
    >>> rows = Rows(np.arange(6.0).reshape(3, 2))
    >>> len(rows), rows.n_columns
    (3, 2)
    >>> rows.take([2, 0]).read(0, 2)
    array([[4., 5.],
           [0., 1.]])
    """

    source: Any
    name: str = "run"
    ids: Array | None = None
    metadata: Mapping[str, Array] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None
    order: NDArray[np.intp] | None = None
    origin: Origin | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.source.shape[0]) if self.order is None else len(self.order)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self)

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return int(self.source.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        kind: np.dtype[Any] = np.dtype(self.source.dtype)
        return kind

    @property
    def sequential(self) -> bool:
        """Whether rows can only be read in ascending order, by one reader."""
        return bool(getattr(self.source, "sequential", False))

    def read(self, start: int, stop: int) -> Array:
        """Return the rows from ``start`` to ``stop`` as one array, shape (stop - start, n_columns).

        Raises
        ------
        InputError
            If the source holds fewer rows than it did, or a file of its was changed.
        """
        if self.origin is not None:  # before: to read a map of what was cut ends the process
            self.origin.check_in_pass(turn=start == 0)
        picked = slice(start, stop) if self.order is None else self.order[start:stop]
        chunk = np.asarray(self.source[picked])
        if chunk.shape != (stop - start, self.n_columns):
            raise InputError(
                f"{self.name}: expected {stop - start} rows of {self.n_columns} from row {start}, "
                f"got an array of shape {chunk.shape}; was the file changed while it was read?"
            )
        if self.origin is not None:
            self.origin.check_in_pass(turn=stop == len(self))
        return chunk

    @cached_property
    def edges(self) -> tuple[int, ...] | None:
        """Where the partitions of Dask begin, and the number of rows; None if there are none."""
        held = getattr(self.source, "edges", None)
        if held is None or self.order is None:
            return held
        if len(self.order) and (np.diff(self.order) >= 0).all():
            return tuple(np.searchsorted(self.order, held).tolist())
        return tuple(np.linspace(0, len(self.order), len(held)).astype(int).tolist())

    def delayed(self, start: int, stop: int) -> Any:
        """Return the rows from ``start`` to ``stop`` as a task of Dask."""
        if getattr(self.source, "edges", None) is None:
            from nearid.sources.dask import after

            return after(np.asarray, self.read(start, stop))
        picked = slice(start, stop) if self.order is None else self.order[start:stop]
        return self.source.delayed(picked)

    def take(self, index: Sequence[int] | NDArray[Any]) -> Rows:
        """Return the chosen rows in the given order, as a view that reads nothing yet."""
        index = np.asarray(index, dtype=np.intp)
        return replace(
            self,
            order=index if self.order is None else self.order[index],
            ids=None if self.ids is None else self.ids[index],
            metadata={key: column[index] for key, column in self.metadata.items()},
        )

    def fold(
        self, kernel: Callable[..., tuple[Array, ...]], *, n_jobs: int = 1
    ) -> tuple[Array, ...]:
        """Add up ``kernel(chunk)`` over all chunks; see :func:`fold`."""
        return fold(kernel, self, n_jobs=n_jobs)


def map_chunks(
    kernel: Callable[..., Result], *rows: Rows, n_jobs: int = 1, chunk_rows: int | None = None
) -> Iterator[Result]:
    """Yield ``kernel(chunk of the first rows, chunk of the second, …)``, chunk by chunk, in order.

    Parameters
    ----------
    kernel : callable
        A pure function of one array per member of ``rows``. With several workers NumPy releases
        the interpreter inside it, so threads suffice.
    *rows : Rows
        Read together: the i-th row of each describes the same thing.
    n_jobs : int, default 1
        Worker threads. Each owns whole chunks and uses one BLAS thread; what comes out, and in
        which order, does not depend on how many there are.
    chunk_rows : int, optional
        Rows per chunk; by default so many that they fill 4 MiB as float64.

    Raises
    ------
    InputError
        If the members of ``rows`` differ in length, or ``n_jobs`` is below 1.

    Examples
    --------
    >>> list(map_chunks(len, Rows(np.zeros((5, 2))), chunk_rows=2))
    [2, 2, 1]
    """
    n_rows, step = _plan(rows, n_jobs, chunk_rows)
    edges = _common_edges(rows)
    if edges is not None:
        from nearid.sources.dask import mapped

        with one_blas_thread(), unchanged(member.origin for member in rows):
            yield from mapped(kernel, rows, edges, step=step, n_jobs=n_jobs)
        return
    bounds = [(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]

    ordered = any(member.sequential for member in rows)

    def read(start: int, stop: int) -> list[Array]:
        return [member.read(start, stop) for member in rows]

    def work(start: int, stop: int) -> Result:
        return kernel(*read(start, stop))

    if n_jobs == 1:
        with one_blas_thread():
            yield from starmap(work, bounds)
        return
    with one_blas_thread(), ThreadPoolExecutor(n_jobs) as pool:
        waiting: deque[Future[Result]] = deque()
        for start, stop in bounds:
            if ordered:  # read here, in order; only the work is shared out
                waiting.append(pool.submit(kernel, *read(start, stop)))
            else:
                waiting.append(pool.submit(work, start, stop))
            if len(waiting) > 2 * n_jobs:  # bounds what is held in memory
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _plan(rows: Sequence[Rows], n_jobs: int, chunk_rows: int | None) -> tuple[int, int]:
    """Return how many rows there are, and how many make a chunk."""
    if n_jobs < 1:
        raise InputError(f"n_jobs is a number of worker threads, from 1; got {n_jobs!r}")
    width = sum(member.n_columns for member in rows)
    return _common_length(rows), chunk_rows or max(1, CHUNK_BYTES // (8 * max(1, width)))


def _common_edges(rows: Sequence[Rows]) -> tuple[int, ...] | None:
    """Return the partitions' edges of the first member that has any; the others are cut there."""
    held = next((member.edges for member in rows if member.edges is not None), None)
    return None if held is None or held[-1] == 0 else tuple(np.unique(held).tolist())


def fold(
    kernel: Callable[..., tuple[Array, ...]],
    *rows: Rows,
    n_jobs: int = 1,
    chunk_rows: int | None = None,
) -> tuple[Array, ...]:
    """Add up ``kernel(chunk, …)`` over all chunks.

    The kernel returns a tuple of arrays (float64, for sums over many rows); they are added in the
    order of the chunks, so that the result is the same for every number of workers. On Dask's
    arrays and frames each partition is a task, and partitions are added up in a tree of fixed
    shape: again the same for every number of workers, and as in memory but for rounding.

    Parameters
    ----------
    kernel, *rows, n_jobs, chunk_rows
        As in :func:`map_chunks`.

    Returns
    -------
    tuple of ndarray
        The sums.

    Raises
    ------
    InputError
        If there are no rows, or the members of ``rows`` differ in length.

    Examples
    --------
    >>> fold(lambda x: (x.sum(axis=0),), Rows(np.ones((5, 2))), chunk_rows=2)
    (array([5., 5.]),)
    """
    edges = _common_edges(rows)
    if edges is not None:
        from nearid.sources.dask import folded

        _, step = _plan(rows, n_jobs, chunk_rows)
        with one_blas_thread(), unchanged(member.origin for member in rows):
            return folded(kernel, rows, edges, step=step, n_jobs=n_jobs)
    total: list[Array] | None = None
    for part in map_chunks(kernel, *rows, n_jobs=n_jobs, chunk_rows=chunk_rows):
        if total is None:
            total = [np.array(array) for array in part]
        else:
            for accumulated, array in zip(total, part, strict=True):
                accumulated += array
    if total is None:
        raise InputError(f"{rows[0].name} has no rows")
    return tuple(total)


def as_rows(data: Any, *, name: str | None = None, ids: Any = None) -> Rows:
    """Make :class:`Rows` of what a user holds, without copying it.

    Parameters
    ----------
    data : Rows, ndarray, memory map, DataFrame, torch tensor, Chunks, path, or array-like, (n, d)
        Also a Dask array or frame; see :func:`nearid.sources.dask.from_dask`. A frame's index
        becomes the ids unless it just counts the rows. A path is opened by
        :func:`nearid.io.read_one`; what was left out of it is logged as a warning.
    name : str, optional
        How messages call it.
    ids : array-like of shape (n,), optional
        One id per row.

    Returns
    -------
    Rows

    Raises
    ------
    InputError
        If it is not a two-dimensional table of real numbers with at least one column.

    Examples
    --------
    >>> as_rows([[1.0, 2.0], [3.0, 4.0]], ids=["a", "b"]).ids.tolist()
    ['a', 'b']
    """
    rows = _wrap(data, name)
    if ids is not None:
        rows = replace(rows, ids=np.asarray(ids))
    if name is not None:
        rows = replace(rows, name=name)
    _validate(rows)
    return rows


def _wrap(data: Any, name: str | None) -> Rows:
    label = name or "run"
    if isinstance(data, Rows):
        return data
    if isinstance(data, str | os.PathLike):
        return _open(Path(data))
    source, index, columns = source_of(data, label)
    return Rows(source, name=label, ids=index, columns=columns)


def _open(path: Path) -> Rows:
    from nearid import io

    table = io.read_one(path)
    for notice in table.notices:
        logging.getLogger(__name__).warning("%s: %s", path, notice)
    return from_table(table)


def from_table(table: Any) -> Rows:
    """Make :class:`Rows` of a table that :func:`nearid.io.read` returned."""
    rows = Rows(
        source=table.values,
        name=table.name,
        ids=table.ids,
        metadata=table.metadata,
        columns=table.columns,
        origin=table.origin,
    )
    _validate(rows)
    return rows


def _validate(rows: Rows) -> None:
    shape = tuple(rows.source.shape)
    if len(shape) != 2:
        raise InputError(
            f"{rows.name}: expected a table of shape (rows, columns), got an array of shape {shape}"
            f"; {'flatten it, or pool over the middle axes' if len(shape) > 2 else 'add an axis'}"
        )
    if rows.dtype.kind not in "fiub":
        raise InputError(
            f"{rows.name}: expected real numbers, got the type {rows.dtype}; convert it first, as "
            f"in array.astype('float32')"
        )
    if shape[1] == 0:
        raise InputError(f"{rows.name}: expected at least one column, got shape {shape}")
    if rows.ids is not None and len(rows.ids) != len(rows):
        raise InputError(f"{rows.name} has {len(rows)} rows, but {len(rows.ids)} ids")


def _common_length(rows: Sequence[Rows]) -> int:
    lengths = {len(member) for member in rows}
    if len(lengths) != 1:
        first, other = rows[0], next(r for r in rows if len(r) != len(rows[0]))
        raise InputError(
            f"the runs must describe the same inputs: {first.name} has {len(first)} rows, "
            f"{other.name} has {len(other)}; give both an id column, or cut them to the shared rows"
        )
    return lengths.pop()
