"""A further run joins a consensus, which stays as it is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.groups import GROUPS
from nearid.ica.whitening import whitening
from nearid.identifiability.agreement import measure_agreement, predicted_share, sums_of
from nearid.identifiability.consensus_fitted import Fitted, view_of
from nearid.identifiability.consensus_result import Consensus, View
from nearid.identifiability.ladder import Frame
from nearid.identifiability.mean_rows import mean_rows
from nearid.identifiability.runs import align, summarise_run
from nearid.moments import Moments, moments
from nearid.rows import Rows, one_blas_thread

__all__ = ["align_run"]

Array = NDArray[np.float64]


def align_run(result: Consensus, rows: Rows) -> View:
    """Fit a further run's map to a consensus, and measure it on the held-out rows.

    See :meth:`nearid.identifiability.consensus_result.Consensus.fit_run`.
    """
    fitted: Fitted = result._fitted
    study = fitted.study
    (_, rows), notices = align([fitted.first, rows])
    for notice in notices:
        logging.getLogger(__name__).warning("%s: %s", rows.name, notice)
    train, test = rows.take(fitted.train), rows.take(fitted.test)
    with one_blas_thread():
        centre = mean_rows(study.train, fitted.frame, name="the consensus")
        joint = moments([train, centre], n_jobs=study.n_jobs)
        if summarise_run(train, joint, 0).collapsed:
            raise InputError(f"{rows.name} has collapsed: every row is the same")
        matrix = _fit_matrix(joint, train, fitted, result.settings) @ fitted.turn
        k = matrix.shape[1]
        means = [joint.mean[joint.block(0)], np.zeros(k)]
        frame = Frame("consensus", (), means, [matrix, np.eye(k)], {}, fitted.frame.single)
        parts = [
            [run, mean_rows(members, fitted.components, name="the consensus")]
            for run, members in ((train, study.train), (test, study.test))
        ]
        found = measure_agreement(
            parts[1],
            frame,
            n_bootstrap=result.settings["n_bootstrap"],
            n_null=result.settings["n_null"],
            n_jobs=study.n_jobs,
            rng=np.random.default_rng(result.settings["random_state"]),
        )
        share = predicted_share(sums_of(parts[0], frame, study.n_jobs), found.sums)
    return view_of(0, rows.name, frame, found, share)


def _fit_matrix(joint: Moments, train: Rows, fitted: Fitted, settings: Mapping[str, Any]) -> Array:
    """Return the map from a new run to the common coordinates, as the consensus's own runs have."""
    pair = joint.pair(0, 1)
    if settings["group"] == "linear":
        white = whitening(
            pair.source_mean, pair.source_cov, dtype=train.dtype, n_components=settings["n_axes"]
        )
        # The variates have unit variance; the mean has that of `variance` along them.
        regression = white.matrix.T @ (white.matrix @ pair.cross_cov)
        return np.asarray(regression / np.sqrt(fitted.variance))
    matrix = GROUPS["rigid"].fit_matrix(pair)
    power = np.trace(pair.source_cov) if settings["group"] == "similarity" else 1.0
    return np.asarray(matrix / np.sqrt(power))
