"""How many components? As many as come back: the largest set that replicates on disjoint halves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.ica.fitting import Fit, rotate
from nearid.ica.replication import REPLICATES, replication
from nearid.ica.settings import Settings
from nearid.ica.whitening import whitening
from nearid.moments import moments
from nearid.rows import Rows

__all__ = ["candidates", "fit_stable"]

Array = NDArray[np.float64]

#: The search ends after this many candidates in a row with less than half the best count.
PATIENCE = 2


def candidates(rank: int) -> list[int]:
    """Return the numbers of principal axes to try: two steps to each doubling, and the rank.

    Examples
    --------
    >>> candidates(20)
    [2, 3, 4, 6, 8, 12, 16, 20]
    """
    sizes = [2**power + half * 2 ** (power - 1) for power in range(1, 31) for half in (0, 1)]
    return [*(size for size in sizes if size < rank), rank]


def fit_stable(rows: Rows, settings: Settings, rng: np.random.Generator) -> tuple[Fit, Array]:
    """Keep the largest set of components that all replicate on disjoint halves.

    For growing numbers of principal axes, an ICA is fitted to all rows and to two halves. The
    number of axes with the most components that replicate and belong to no inseparable block is
    taken, and of its components those.

    Parameters
    ----------
    rows : Rows
    settings : Settings
    rng : numpy.random.Generator

    Returns
    -------
    fit : Fit
        Of the replicating components.
    replication : ndarray, shape (k,)

    Raises
    ------
    InputError
        If no component replicates.
    """
    known = moments([rows], n_jobs=settings.n_jobs)
    rank = whitening(known.mean, known.cov, dtype=rows.dtype).rank
    best: tuple[Fit, Array] | None = None
    most, score, poor = 0, 0.0, 0
    for k in candidates(rank):
        white = whitening(known.mean, known.cov, dtype=rows.dtype, n_components=k)
        fit = rotate(rows, white, settings, random_state=rng)
        agreement = replication(rows, fit.unmixing, known.cov, settings, n_components=k, rng=rng)
        kept = np.flatnonzero((agreement >= REPLICATES) & fit.components.identifiable)
        # of equal counts the one whose components come back best
        if len(kept) and (len(kept), agreement[kept].sum()) > (most, score):
            most, score = len(kept), float(agreement[kept].sum())
            best = fit.taken(kept), agreement[kept]
        poor = poor + 1 if len(kept) < most / 2 else 0
        if poor >= PATIENCE:
            break
    if best is None:
        raise InputError(
            f"{rows.name}: no component of its {len(rows)} rows replicates on disjoint halves "
            f"(correlation {REPLICATES} or more); give n_components a number to see them anyway, "
            f"or bring more rows"
        )
    return best
