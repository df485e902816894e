"""The features of a Parquet data set that is too large to be read at once."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.blocks import HELD, Blocks
from nearid.io.location import parsing

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ParquetValues", "fill"]

Array = NDArray[Any]

WHAT = "a Parquet file"

#: Bytes that a block of rows fills while columns are turned into rows: it stays in the cache.
BLOCK_BYTES = 4 * 2**20


class ParquetValues:
    """Columns of Parquet files that read as NumPy does, a row group at a time.

    Slices, and rows in ascending order, decode the row groups that hold them, and keep two. Rows in
    any other order, as a shuffle asks for, would decode every group again and again: the first time
    that happens, all is unpacked into a temporary file, which is then mapped.

    Parameters
    ----------
    paths : sequence of Path
    metadata : sequence of pyarrow.parquet.FileMetaData
        Of each file.
    columns : sequence of str
    dtype : dtype
    """

    def __init__(
        self,
        paths: Sequence[Path],
        metadata: Sequence[Any],
        columns: Sequence[str],
        dtype: np.dtype[Any],
    ) -> None:
        self.paths, self.metadata = list(paths), list(metadata)
        self.columns, self.dtype = list(columns), dtype
        self._groups = [(f, g) for f, m in enumerate(metadata) for g in range(m.num_row_groups)]
        sizes = [metadata[f].row_group(g).num_rows for f, g in self._groups]
        edges = np.concatenate([[0], np.cumsum(sizes, dtype=np.intp)])
        self.shape = (int(edges[-1]), len(self.columns))
        self._blocks = Blocks(edges.tolist(), self._load, self.shape, dtype)
        self._unpacked: Array | None = None
        self._lock = threading.Lock()

    def __getitem__(self, index: Any) -> Array:
        """Read a slice, or rows in any order and with repeats; of a pair, the second is columns."""
        if isinstance(index, tuple):
            chosen: Array = self[index[0]][:, index[1]]
            return chosen
        if isinstance(index, int | np.integer):
            row: Array = self._blocks.rows([index])[0]
            return row
        if not isinstance(index, slice) and self._scattered(self._blocks.numbers(index)):
            scattered: Array = self._copy()[index]
            return scattered
        return self._blocks.rows(index)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read it all."""
        return np.asarray(self[:], dtype=dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as the names of the files, without what was read."""
        return ParquetValues, (self.paths, self.metadata, self.columns, self.dtype)

    def _load(self, i: int) -> Array:
        import pyarrow as pa
        import pyarrow.parquet as pq

        file, group = self._groups[i]
        values = np.empty((int(np.diff(self._blocks.edges)[i]), len(self.columns)), self.dtype)
        with parsing(
            self.paths[file], WHAT, pa.ArrowException, ValueError, KeyError, OverflowError
        ):
            with pq.ParquetFile(self.paths[file], metadata=self.metadata[file]) as opened:
                frame = opened.read_row_group(
                    group, columns=self.columns, use_pandas_metadata=False
                )
            if frame.num_rows != len(values):
                raise ValueError(f"{frame.num_rows} rows, but {len(values)} are promised")
            fill(values, frame)
        return values

    def _scattered(self, numbers: NDArray[np.intp]) -> bool:
        if self._unpacked is not None:
            return True
        block = np.searchsorted(self._blocks.edges, numbers, side="right")
        return bool((np.diff(block) < 0).any() and len(np.unique(block)) > HELD)

    def _copy(self) -> Array:
        """Return all rows as a map of a temporary file, which goes when the process does."""
        with self._lock:
            if self._unpacked is None:
                needed = self.shape[0] * self.shape[1] * self.dtype.itemsize
                folder = tempfile.gettempdir()
                if shutil.disk_usage(folder).free < needed:
                    raise InputError(
                        f"{self.paths[0]}: rows in a random order are read from an unpacked copy, "
                        f"and {folder} has no room for its {needed} bytes; set TMPDIR to a folder "
                        f"that has, or save the features as .npy"
                    )
                logging.getLogger(__name__).info(
                    "%s: unpacked into %s, %d bytes", self.paths[0], folder, needed
                )
                with tempfile.TemporaryFile() as file:
                    held = np.memmap(file, self.dtype, "w+", shape=self.shape)
                edges = self._blocks.edges.tolist()
                for i, (start, stop) in enumerate(pairwise(edges)):
                    held[start:stop] = self._load(i)
                self._unpacked = held
            return self._unpacked


def fill(values: Array, frame: pa.Table) -> None:
    """Turn columns into rows, a block at a time that stays in the cache."""
    columns = [_numbers(frame[name]) for name in frame.column_names]
    step = max(64, BLOCK_BYTES // (values.itemsize * len(columns)))
    for start in range(0, len(values), step):
        block = values[start : start + step]
        with np.errstate(invalid="ignore"):  # a NaN of the kind that signals becomes a quiet one
            for i, column in enumerate(columns):
                block[:, i] = column[start : start + step]


def _numbers(column: pa.ChunkedArray) -> Array:
    import pyarrow.types as kinds

    if kinds.is_decimal(column.type):
        column = column.cast("float64")
    array: Array = column.to_numpy()  # nulls become NaN
    return array
