"""Where a search begins: near the optimum where tails are heavy, elsewhere at random."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.ica.projection import projection
from nearid.ica.settings import Engine
from nearid.ica.whitening import Whitening
from nearid.rows import Rows, fold

__all__ = ["HEAVY", "few", "fobi_start", "heavy_tailed"]

Array = NDArray[np.float64]

#: Rows on which tails are looked at, and the kurtosis from which they count as heavy. Where that is
#: so, outliers that are mixed half and half make local optima of a contrast that grows as ``|y|``,
#: while the fourth moment, which they dominate, points at each of them.
LOOKED_AT = 2048
STRETCH = 64
HEAVY = 100.0


def heavy_tailed(rows: Rows, white: Whitening) -> bool:
    """Tell whether a few rows carry a principal axis, from a few even stretches of rows.

    Parameters
    ----------
    rows : Rows
    white : Whitening

    Returns
    -------
    bool

    Examples
    --------
    >>> from nearid.ica.whitening import whitening
    >>> white = whitening(np.zeros(1), np.eye(1), dtype=np.dtype("float64"))
    >>> rng = np.random.default_rng(0)
    >>> [heavy_tailed(Rows(x), white) for x in (rng.laplace(size=(5000, 1)), np.eye(5000)[:, :1])]
    [False, True]
    """
    y = white.apply(few(rows))
    y -= y.mean(axis=0)
    square = y * y
    fourth = (square * square).mean(axis=0)
    return bool((fourth > HEAVY * square.mean(axis=0) ** 2).any())


def few(rows: Rows) -> NDArray[Any]:
    """Read up to 2,048 rows, in short stretches, which any file serves at once.

    Scattered rows it may not.
    """
    if len(rows) <= LOOKED_AT:
        return rows.read(0, len(rows))
    count = LOOKED_AT // STRETCH
    starts = [(number * (len(rows) - STRETCH)) // (count - 1) for number in range(count)]
    if rows.edges is not None:  # one graph, not one a stretch
        chosen = np.concatenate([np.arange(start, start + STRETCH) for start in starts])
        return rows.take(chosen).read(0, len(chosen))
    return np.concatenate([rows.read(start, start + STRETCH) for start in starts])


def fobi_start(rows: Rows, white: Whitening, engine: Engine) -> Array:
    """Return the axes of the fourth moment ``E[|w|² w wᵀ]``, from one pass over the rows.

    Independent components with different kurtoses are eigenvectors of it.

    Parameters
    ----------
    rows : Rows
    white : Whitening
        To w.
    engine : Engine

    Returns
    -------
    ndarray, shape (k, k)
        Orthogonal.

    References
    ----------
    Cardoso, ICASSP 1989, pages 2109-2112 (FOBI).
    """
    scale = np.sqrt((white.inverse**2).sum(axis=1))
    project = projection(white.matrix, white.mean, scale, rows.dtype)

    def kernel(chunk: NDArray[Any]) -> tuple[Array]:
        w = project.apply(chunk).astype(np.float64, copy=False)
        return ((w * np.einsum("ij,ij->i", w, w)[:, None]).T @ w,)

    (total,) = fold(kernel, rows, n_jobs=engine.n_jobs)
    return np.asarray(np.linalg.eigh(total)[1].T)
