"""Typical variation normalisation, without and with the held-out batch's own controls."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nearid.deconfounding.folds import Fold
from nearid.deconfounding.tvn import TypicalVariationNormalizer

__all__ = ["aligned", "whitened"]

Array = NDArray[np.float64]


def whitened(fold: Fold) -> tuple[Array, Array]:
    """Return rows whitened by the training batches' controls: nothing of the held-out batch."""
    tvn = TypicalVariationNormalizer(align=False)
    tvn.fit(fold.train, batch=fold.train_batch, control=fold.train_control)
    return np.asarray(tvn.transform(fold.train)), np.asarray(tvn.transform(fold.test))


def aligned(fold: Fold) -> tuple[Array, Array]:
    """Return rows whitened, and each batch aligned by its controls, the held-out one by its own."""
    tvn = TypicalVariationNormalizer()
    tvn.fit(fold.train, batch=fold.train_batch, control=fold.train_control)
    train = tvn.transform(fold.train, batch=fold.train_batch)
    test = tvn.transform(fold.test, batch=fold.test_batch, control=fold.test_control)
    return np.asarray(train), np.asarray(test)
