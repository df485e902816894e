"""The part of a representation whose components come back from other rows of the same run."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.ica import LatentICA
from nearid.ica.replication import REPLICATES

__all__ = ["Parts", "dependable_parts"]


@dataclass(frozen=True, eq=False)
class Parts:
    """Runs cut down to the components that each run by itself finds again.

    Parameters
    ----------
    values : list of ndarray, shapes (n, D_m)
        Of rank ``n_components``.
    counts : ndarray of int, shape (runs,)
        Components of each run that can be told from all others, and come back.
    n_components : int
        The smallest of these: each run keeps its best.
    super_gaussian : float
        Share of those that come back whose tails are heavier than a Gaussian's.
    """

    values: list[NDArray[Any]]
    counts: NDArray[np.intp]
    n_components: int
    super_gaussian: float


def dependable_parts(
    runs: Sequence[NDArray[Any]], n_components: int, *, random_state: int
) -> Parts:
    """Keep of each run the components that fits of disjoint halves of its rows agree about.

    No run sees another: that components come back within a run does not say that they come back
    in another one.

    Parameters
    ----------
    runs : sequence of ndarray, shapes (n, D_m)
    n_components : int
        Principal axes in which components are sought.
    random_state : int

    Returns
    -------
    Parts

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = np.hstack([rng.laplace(size=(4000, 2)), rng.standard_normal((4000, 2))])
    >>> dependable_parts([z, -z], 4, random_state=0).n_components
    2
    """
    fits = []
    for run in runs:
        with warnings.catch_warnings():
            # what has not converged does not come back, and is not kept
            warnings.simplefilter("ignore")
            fits.append(LatentICA(n_components, random_state=random_state).fit(run))
    reports = [fit.components_report_ for fit in fits]
    scores = [
        np.where(report["identifiable"], report["replication"].fillna(0), 0) for report in reports
    ]
    kept = [score >= REPLICATES for score in scores]
    counts = np.array([mask.sum() for mask in kept])
    k = int(counts.min())
    values = []
    for fit, run, score in zip(fits, runs, scores, strict=True):
        best = np.sort(np.argsort(-score, kind="stable")[:k])
        values.append((fit.transform(run)[:, best] @ fit.mixing_.T[best]).astype(run.dtype))
    kinds = np.concatenate(
        [report["kind"][mask] for report, mask in zip(reports, kept, strict=True)]
    )
    share = float((kinds == "super-Gaussian").mean()) if len(kinds) else np.nan
    return Parts(values, counts, k, share)
