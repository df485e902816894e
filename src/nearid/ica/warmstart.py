"""A start near the optimum, found on a part of the rows that fits into memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nearid.ica.contrasts import contrast_named
from nearid.ica.objective import Objective
from nearid.ica.settings import Settings
from nearid.ica.solver import Search
from nearid.ica.views import subsample
from nearid.ica.whitening import Whitening
from nearid.linalg import random_orthogonal
from nearid.rows import Rows

__all__ = ["levels", "warm_start"]

Array = NDArray[np.float64]

#: Rows per squared number of components from which a part of the rows has the optimum of all of
#: them; smaller parts have spurious optima of their own.
ROWS_PER_SQUARE = 32
#: Fewer rows than this are not worth drawing.
FEWEST_ROWS = 2**15
#: Each part is this many times the one before, and the last one at most this part of all rows.
GROWTH = 4


def levels(n_rows: int, k: int, *, row_bytes: int, memory_limit: int) -> list[int]:
    """Return the sizes of the parts on which to solve before all rows, none if it does not pay.

    Examples
    --------
    >>> levels(1_000_000, 64, row_bytes=256, memory_limit=2**28)
    [131072]
    >>> levels(20_000, 64, row_bytes=256, memory_limit=2**28)
    []
    """
    size, sizes = max(FEWEST_ROWS, ROWS_PER_SQUARE * k * k), []
    while size * GROWTH <= n_rows and size * row_bytes <= memory_limit:
        sizes.append(size)
        size *= GROWTH
    return sizes


def warm_start(rows: Rows, white: Whitening, settings: Settings, rng: np.random.Generator) -> Array:
    """Return the rotation to start from: solved on a subsample if that pays, else random.

    Each level is solved no further than its own sampling error, about ``√(k / n)`` radians.

    Parameters
    ----------
    rows : Rows
    white : Whitening
        Of all rows.
    settings : Settings
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (k, k)
        Orthogonal.
    """
    k = white.n_components
    start = random_orthogonal(k, rng)
    row_bytes = rows.n_columns * rows.dtype.itemsize
    sizes = levels(len(rows), k, row_bytes=row_bytes, memory_limit=settings.memory_limit)
    if not sizes:
        return start
    held = subsample(rows, sizes[-1], rng)
    for size in sizes:
        objective = Objective(
            replace(held, source=held.source[:size]),
            white,
            contrast_named(settings.contrast),
            replace(settings.engine, checkpoint=None),  # in memory, and quick to do again
            budget=settings.max_passes,
        )
        search = Search(objective, max(settings.tolerance, 0.5 * float(np.sqrt(k / size))))
        search.run(start)
        start = search.best.matrix
    return start
