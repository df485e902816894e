"""The frame in which a user reads what is known about each component."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nearid.ica.fitting import Fit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["component_report"]

Array = NDArray[np.float64]


def component_report(fit: Fit, replication: Array) -> pd.DataFrame:
    """Return one row per component.

    Parameters
    ----------
    fit : Fit
    replication : ndarray, shape (k,)

    Returns
    -------
    pandas.DataFrame
        Columns: ``component`` (its name), ``negentropy``, ``kind`` ("super-Gaussian",
        "sub-Gaussian" or "Gaussian"), ``tau``, ``tau_error``, ``skewness``, ``kurtosis``,
        ``predicted_leakage``, ``leakage_from`` (a row of this frame, −1 for none), ``replication``,
        ``explained_variance_ratio``, ``block`` (−1 for none), ``identifiable``, ``angle``.
    """
    import pandas as pd

    found = fit.components
    largest, source = found.largest_leakage
    block = np.full(len(source), -1)
    for number, members in enumerate(found.blocks):
        block[members] = number
    shape = np.where(found.super_gaussian, "super-Gaussian", "sub-Gaussian")
    return pd.DataFrame(
        {
            "component": [f"ica{i}" for i in range(len(source))],
            "negentropy": found.negentropy,
            "kind": np.where(found.gaussian, "Gaussian", shape),
            "tau": found.tau,
            "tau_error": found.tau_error,
            "skewness": found.skewness,
            "kurtosis": found.kurtosis,
            "predicted_leakage": largest,
            "leakage_from": source,
            "replication": replication,
            "explained_variance_ratio": fit.explained_variance / fit.whitening.eigenvalues.sum(),
            "block": block,
            "identifiable": found.identifiable,
            "angle": fit.angles,
        }
    )
