"""The mean of several mapped runs as rows that are computed when they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.identifiability.ladder import Frame
from nearid.rows import Rows, map_chunks

__all__ = ["held", "mean_rows"]


@dataclass(frozen=True, eq=False)
class MeanOfRuns:
    """Rows ``Σ_m (z_m − mean_m) maps[m] / M``; no more is held than what is asked for."""

    runs: Sequence[Rows]
    frame: Frame

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of coordinates."""
        matrix = self.frame.maps[0]
        assert matrix is not None
        return len(self.runs[0]), matrix.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Single precision where all runs are, and the frame allows it; else double."""
        narrow = self.frame.single and all(
            run.dtype in (np.float32, np.float16) for run in self.runs
        )
        return np.dtype(np.float32 if narrow else np.float64)

    def __getitem__(self, picked: slice | NDArray[np.intp]) -> NDArray[Any]:
        chunks = [_picked(run, picked) for run in self.runs]
        total = sum(self.frame.coordinates(chunk, m) for m, chunk in enumerate(chunks))
        return np.asarray(total / len(self.runs), dtype=self.dtype)


def _picked(run: Rows, picked: slice | NDArray[np.intp]) -> NDArray[Any]:
    if isinstance(picked, slice):
        start, stop, _ = picked.indices(len(run))
        return run.read(start, stop)
    return run.take(picked).read(0, len(picked))


def mean_rows(runs: Sequence[Rows], frame: Frame, *, name: str) -> Rows:
    """Return the mean of runs in a frame, computed a chunk at a time.

    Parameters
    ----------
    runs : sequence of Rows
    frame : Frame
        With a map for each run.
    name : str

    Examples
    --------
    >>> frame = Frame("both", (), [np.zeros(1)] * 2, [np.eye(1), -np.eye(1)], {})
    >>> mean_rows([Rows(np.array([[1.0]])), Rows(np.array([[-3.0]]))], frame, name="m").read(0, 1)
    array([[2.]])
    """
    return Rows(MeanOfRuns(runs, frame), name=name)


def held(rows: Rows, *, limit: int, n_jobs: int) -> Rows:
    """Compute the rows once and keep them, if they fill no more than so many bytes."""
    if len(rows) * rows.n_columns * rows.dtype.itemsize > limit:
        return rows
    kept = np.concatenate(list(map_chunks(lambda chunk: chunk, rows, n_jobs=n_jobs)))
    return Rows(kept, name=rows.name)
