"""What is left of the batch in codes, and what they keep of the biology for retrieval."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from nearid.optional import require

__all__ = ["batch_accuracy", "new_batch_auroc", "retrieval"]

Array = NDArray[np.float64]

FOLDS = 5


def batch_accuracy(codes: Array, batch: NDArray[np.str_], *, seed: int = 0) -> float:
    """Return how well a linear classifier tells batches apart, on rows left out.

    Balanced accuracy of ridge classification in five folds: one over the number of batches is
    chance, 1 is certain; nan if a batch has fewer than five rows.

    Parameters
    ----------
    codes : ndarray, shape (n, k)
    batch : ndarray of str, shape (n,)
    seed : int, default 0
    """
    names, counts = np.unique(batch, return_counts=True)
    if len(names) < 2 or counts.min() < FOLDS:
        return float("nan")
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    guessed = cross_val_predict(_ridge(), _unit_variance(codes), batch, cv=folds)
    return float(balanced_accuracy_score(batch, guessed))


def new_batch_auroc(train: Array, test: Array, *, seed: int = 0) -> float:
    """Return how well a linear classifier tells the held-out batch from the others.

    AUROC on rows left out, in five folds: .5 if the new batch looks like the old ones.
    """
    if min(len(train), len(test)) < FOLDS:
        return float("nan")
    codes = _unit_variance(np.concatenate([train, test]))
    new = np.repeat([False, True], [len(train), len(test)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(_ridge(), codes, new, cv=folds, method="decision_function")
    return float(roc_auc_score(new, scores))


def _ridge() -> RidgeClassifier:
    return RidgeClassifier(class_weight="balanced")


def _unit_variance(codes: Array) -> Array:
    """Return codes on one scale, which no label has a say in: the penalty is not blind to it."""
    scale = codes.std(axis=0)
    return np.asarray((codes - codes.mean(axis=0)) / np.where(scale > 0, scale, 1))


def retrieval(codes: Array, label: NDArray[np.str_]) -> tuple[float, float]:
    """Return the mean average precision of finding rows of the same label, and that of chance.

    By cosine similarity, with copairs. Chance is the mean prevalence of a row's own label among
    the other rows.

    Raises
    ------
    MissingExtraError
        If copairs is not installed.
    """
    copairs = require("copairs.map", extra="deconfounding")
    names, counts = np.unique(label, return_counts=True)
    if len(names) < 2 or counts.max() < 2:
        return float("nan"), float("nan")
    meta = pd.DataFrame({"label": label})
    found = copairs.average_precision(
        meta, codes, pos_sameby=["label"], pos_diffby=[], neg_sameby=[], neg_diffby=["label"],
        progress_bar=False,
    )  # fmt: skip
    own = counts[np.searchsorted(names, label)] - 1
    defined = own > 0
    chance = float((own[defined] / (len(label) - 1)).mean())
    return float(found["average_precision"].mean()), chance
