"""Harmony, which has no way of taking rows that it did not see."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.deconfounding.folds import Fold
from nearid.optional import require

__all__ = ["harmony"]

Array = NDArray[np.float64]


def harmony(fold: Fold) -> tuple[Array, Array]:
    """Return principal components after Harmony over all batches, the held-out ones included."""
    harmonypy = require("harmonypy", extra="harmony")
    scale = np.sqrt(fold.white.eigenvalues[: fold.n_components])  # it wants them as they vary
    codes = np.concatenate([fold.white.apply(fold.train), fold.white.apply(fold.test)]) * scale
    batch = pd.DataFrame({"batch": np.concatenate([fold.train_batch, fold.test_batch])})
    found = harmonypy.run_harmony(codes, batch, "batch", verbose=False, random_state=fold.seed)
    mapped = np.asarray(found.Z_corr, dtype=np.float64)
    mapped = mapped.T if mapped.shape != codes.shape else mapped
    return mapped[: len(fold.train)], mapped[len(fold.train) :]
