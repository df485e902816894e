"""Do the components come back from other starts? Repeated fits, compared as Icasso does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nearid.ica.fitting import fit_rows, rotate
from nearid.ica.replication import component_correlations, match
from nearid.ica.settings import Settings
from nearid.ica.whitening import whitening
from nearid.moments import moments
from nearid.rows import Rows

__all__ = ["quality", "stability"]

Array = NDArray[np.float64]


def quality(estimates: Array, cov: Array) -> Array:
    """Return Icasso's quality index of each component over repeated fits.

    ``I_k = mean similarity within cluster k − mean similarity to all other estimates``, the
    similarity being the absolute correlation.

    Parameters
    ----------
    estimates : ndarray, shape (n_runs, k, D)
        Unmixing matrices, matched to each other: cluster k is ``estimates[:, k]``.
    cov : ndarray, shape (D, D)

    Returns
    -------
    ndarray, shape (k,)
        1 for a component that always comes back, and shares nothing with any other; near 0 for an
        arbitrary one.

    Examples
    --------
    >>> quality(np.stack([np.eye(2), -np.eye(2)]), np.eye(2)).tolist()
    [1.0, 1.0]
    """
    n_runs, k, _ = estimates.shape
    flat = estimates.reshape(n_runs * k, -1)
    similarity = np.abs(component_correlations(flat, flat, cov)).reshape(n_runs, k, n_runs, k)
    between = similarity.sum(axis=(0, 2))  # k × k, summed over the pairs of runs
    within = (np.diag(between) - n_runs) / (n_runs * (n_runs - 1))  # a run with itself is no pair
    others = between.sum(axis=1) - np.diag(between)
    return np.asarray(within - others / max(1, n_runs * n_runs * (k - 1)))


def stability(
    rows: Rows,
    unmixing: Array,
    settings: Settings,
    *,
    n_runs: int,
    bootstrap: bool,
    rng: np.random.Generator,
) -> Array:
    """Fit again and again, and return how well each component comes back.

    Parameters
    ----------
    rows : Rows
    unmixing : ndarray, shape (k, D)
        The components to look for.
    settings : Settings
    n_runs : int
        Fits, at least 2.
    bootstrap : bool
        Whether each fit draws its rows anew, with replacement; else only its start.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (k,)
        See :func:`quality`.

    References
    ----------
    Himberg, Hyvärinen & Esposito, NeuroImage 22(3), 2004.
    """
    known = moments([rows], n_jobs=settings.n_jobs)
    k = len(unmixing)
    white = whitening(known.mean, known.cov, dtype=rows.dtype, n_components=k)
    found = []
    for _ in range(n_runs):
        if bootstrap:
            drawn = np.sort(rng.integers(0, len(rows), len(rows)))
            fit, _known = fit_rows(rows.take(drawn), settings, n_components=k, random_state=rng)
        else:
            fit = rotate(rows, white, settings, random_state=rng, only_random=True)
        partner = match(component_correlations(unmixing, fit.unmixing, known.cov))
        found.append(fit.unmixing[partner])
    return quality(np.stack(found), known.cov)
