"""Do the components come back from other rows? Fits to disjoint halves, started independently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from nearid.ica.fitting import fit_rows
from nearid.ica.settings import Settings
from nearid.ica.views import halves
from nearid.ica.whitening import RankError
from nearid.rows import Rows

__all__ = ["REPLICATES", "component_correlations", "match", "replication"]

Array = NDArray[np.float64]

#: A component replicates when the two halves' versions of it correlate by at least this.
REPLICATES = 0.9


def component_correlations(first: Array, second: Array, cov: Array) -> Array:
    """Return the correlations of two sets of linear components under one covariance.

    Parameters
    ----------
    first, second : ndarray, shapes (k, D) and (l, D)
        Unmixing matrices.
    cov : ndarray, shape (D, D)
        Covariance of the data.

    Returns
    -------
    ndarray, shape (k, l)

    Examples
    --------
    >>> component_correlations(np.eye(2), np.array([[2.0, 0.0]]), np.eye(2)).tolist()
    [[1.0], [0.0]]
    """
    joint = first @ cov @ second.T
    left = np.sqrt(np.einsum("ij,jk,ik->i", first, cov, first))
    right = np.sqrt(np.einsum("ij,jk,ik->i", second, cov, second))
    return np.asarray(joint / np.outer(left, right))


def match(correlations: Array) -> NDArray[np.intp]:
    """Return for each row its partner among the columns, −1 for none, by the best assignment.

    Examples
    --------
    >>> match(np.array([[0.1, -0.9], [0.8, 0.2]])).tolist()
    [1, 0]
    """
    partner = np.full(len(correlations), -1)
    chosen, partners = linear_sum_assignment(-np.abs(correlations))
    partner[chosen] = partners
    return partner


def replication(
    rows: Rows,
    unmixing: Array,
    cov: Array,
    settings: Settings,
    *,
    n_components: int,
    rng: np.random.Generator,
    parts: Sequence[Rows] | None = None,
) -> Array:
    """Return how well two fits to disjoint halves of the rows agree about each component.

    The halves are drawn at random, and each is whitened and rotated by itself from its own random
    start. Each component is matched to its nearest one in either half; the two partners'
    absolute correlation is its replication: 1 if the halves agree, about the largest of many
    chance correlations if the component is arbitrary.

    Parameters
    ----------
    rows : Rows
    unmixing : ndarray, shape (k, D)
        The components of all rows.
    cov : ndarray, shape (D, D)
        Covariance of all rows, under which components are compared.
    settings : Settings
    n_components : int
        How many components to fit to the halves: at least k.
    rng : numpy.random.Generator
    parts : sequence of two Rows, optional
        Other halves than rows drawn at random, such as of whole units.

    Returns
    -------
    ndarray, shape (k,)
        In [0, 1]; NaN for all where a half has too few rows to have k components.
    """
    found = []
    for half in parts or halves(rows, rng):
        try:
            fit, _ = fit_rows(half, settings, n_components=n_components, random_state=rng)
        except RankError:  # too few rows
            return np.full(len(unmixing), np.nan)
        found.append(fit.unmixing)
    first, second = (half[match(component_correlations(unmixing, half, cov))] for half in found)
    agreement = np.abs(np.diag(component_correlations(first, second, cov)))
    return np.asarray(np.minimum(agreement, 1.0))
