"""ComBat (neuroCombat), which has no way of taking rows of a batch that it did not see."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.deconfounding.folds import Fold
from nearid.optional import require

__all__ = ["combat"]

Array = NDArray[np.float64]


def combat(fold: Fold) -> tuple[Array, Array]:
    """Return whitened rows after ComBat over all batches, the held-out ones included."""
    neuro = require("neuroCombat", extra="deconfounding")
    codes = np.concatenate([fold.white.apply(fold.train), fold.white.apply(fold.test)])
    batch = np.concatenate([fold.train_batch, fold.test_batch])
    with redirect_stdout(io.StringIO()), np.errstate(all="ignore"):  # it prints its progress
        found = neuro.neuroCombat(
            dat=codes.T, covars=pd.DataFrame({"batch": batch}), batch_col="batch"
        )
    mapped = np.asarray(found["data"].T, dtype=np.float64)
    return mapped[: len(fold.train)], mapped[len(fold.train) :]
