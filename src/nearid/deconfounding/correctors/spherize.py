"""pycytominer's Spherize, fitted on the training rows or their controls."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.deconfounding.folds import Fold
from nearid.optional import require

__all__ = ["spherize"]

Array = NDArray[np.float64]

#: What is added to the eigenvalues; pycytominer's 1e-6 blows up directions that controls lack.
EPSILON = 1e-2


def spherize(fold: Fold) -> tuple[Array, Array]:
    """Return rows sphered (ZCA of the correlations) by the controls, or by all training rows."""
    operations = require("pycytominer.operations", extra="deconfounding")
    chosen = slice(None) if fold.train_control is None else fold.train_control
    scale = fold.train[chosen].std(axis=0)
    varied = scale > 0  # it divides by each feature's deviation
    sphere = operations.Spherize(method="ZCA-cor", epsilon=EPSILON, return_numpy=True)
    sphere.fit(pd.DataFrame(fold.train[chosen][:, varied]))
    train, test = (
        np.asarray(sphere.transform(pd.DataFrame(rows[:, varied])), dtype=np.float64)
        for rows in (fold.train, fold.test)
    )
    return train, test
