"""Nuisance attribute projection of whitened rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nearid.deconfounding.folds import Fold
from nearid.deconfounding.nap import NuisanceProjection

__all__ = ["nap"]

Array = NDArray[np.float64]


def nap(fold: Fold) -> tuple[Array, Array]:
    """Return whitened rows less the directions in which the training batches' means differ."""
    train, test = fold.white.apply(fold.train), fold.white.apply(fold.test)
    project = NuisanceProjection().fit(train, fold.train_batch)
    return np.asarray(project.transform(train)), np.asarray(project.transform(test))
