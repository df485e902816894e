"""A consensus as frames: a row per run and component, and a row per component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nearid.ica.fitting import Fit
from nearid.identifiability.consensus_result import View

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["agreement_frame", "components_frame"]

Array = NDArray[np.float64]


def agreement_frame(views: Sequence[View], threshold: float) -> pd.DataFrame:
    """Return a row per run and component.

    Parameters
    ----------
    views : sequence of View
    threshold : float
        The lower end of the interval from which a component counts as reproduced.
    """
    import pandas as pd

    parts = [
        pd.DataFrame(
            {
                "run": view.name,
                "component": np.arange(len(view.correlation)),
                "correlation": view.correlation,
                "ci_low": view.low,
                "ci_high": view.high,
                "r2": view.r2,
                "chance": view.chance,
                "reproduced": view.low >= threshold,
            }
        )
        for view in views
    ]
    return pd.concat(parts, ignore_index=True)


def components_frame(
    views: Sequence[View], fit: Fit, agreeing: Array, explained: Array, threshold: float
) -> pd.DataFrame:
    """Return a row per component; the worst run decides whether it is reproduced.

    Parameters
    ----------
    views : sequence of View
    fit : Fit
        ICA of the mean.
    agreeing : ndarray, shape (k,)
        How well fits to disjoint halves of the rows agree.
    explained : ndarray, shape (k,)
        Share of the mean's variance.
    threshold : float
    """
    import pandas as pd

    correlation, low, high = (
        np.stack([getattr(view, what) for view in views]) for what in ("correlation", "low", "high")
    )
    worst = correlation.argmin(axis=0)
    each = np.arange(correlation.shape[1])
    return pd.DataFrame(
        {
            "component": each,
            "correlation": correlation.mean(axis=0),
            "worst": correlation[worst, each],
            "ci_low": low[worst, each],
            "ci_high": high[worst, each],
            "worst_run": [views[m].name for m in worst],
            "reproduced": low.min(axis=0) >= threshold,
            "explained": explained,
            "replication": agreeing,
            "gaussian": fit.components.gaussian,
            "identifiable": fit.components.identifiable,
        }
    )
