"""Canonical correlations: what two runs share, whatever linear map lies between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.ica.whitening import whitening
from nearid.identifiability.runs import split_rows
from nearid.moments import moments
from nearid.rows import as_rows

__all__ = ["canonical_correlations"]

Array = NDArray[np.float64]


def canonical_correlations(
    first: NDArray[Any], second: NDArray[Any], *, n_components: int, rng: np.random.Generator
) -> Array:
    """Return the canonical correlations of two runs' principal parts, on rows held out.

    Parameters
    ----------
    first, second : ndarray, shapes (n, D) and (n, E)
    n_components : int
        Principal axes of each that are looked at.
    rng : numpy Generator
        Draws the half of the rows on which directions are fitted; the other half measures them.

    Returns
    -------
    ndarray, shape (n_components,)
        In the order of the fit; near 0, of either sign, where nothing is shared.

    Raises
    ------
    InputError
        If a run has fewer dimensions than components.

    References
    ----------
    Hotelling, Relations between two sets of variates, Biometrika 28, 1936.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = rng.standard_normal((500, 2))
    >>> mixed = z @ [[1.0, 2.0], [0.0, 1.0]]
    >>> canonical_correlations(z, mixed, n_components=2, rng=rng).round(3).tolist()
    [1.0, 1.0]
    """
    runs = [as_rows(first), as_rows(second)]
    fit, held_out = split_rows(len(runs[0]), 0.5, rng)
    fitted = moments([run.take(fit) for run in runs])
    white = [
        whitening(
            fitted.mean[fitted.block(m)],
            fitted.cov[fitted.block(m), fitted.block(m)],
            dtype=run.dtype,
            n_components=n_components,
        ).matrix
        for m, run in enumerate(runs)
    ]
    left, _, right = np.linalg.svd(white[0] @ fitted.pair(0, 1).cross_cov @ white[1].T)
    measured = moments([run.take(held_out) for run in runs]).pair(0, 1)
    u, v = left.T @ white[0], right @ white[1]
    shared = np.einsum("ki,ij,kj->k", u, measured.cross_cov, v)
    spread = np.einsum("ki,ij,kj->k", u, measured.source_cov, u)
    spread = spread * np.einsum("ki,ij,kj->k", v, measured.target_cov, v)
    return np.asarray(shared / np.sqrt(spread))
