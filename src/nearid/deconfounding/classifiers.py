"""Classifiers that are trained on some batches and tested on others; fixed, never tuned here.

They scale no axis by themselves: the rows of one class and the controls have other deviations along
the axes of every rotation, and a penalty that is blind to rotations would no longer be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from nearid.metrics.hoyer_sparsity import hoyer

__all__ = ["CLASSIFIERS", "Classifier", "Outcome", "column_auroc", "sparse_regression"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Inverse strength of the penalty of logistic regression, on features of unit variance.
STRENGTH = 0.1


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a classifier says of the held-out rows.

    Parameters
    ----------
    scores : ndarray, shape (m,)
        Higher for the positive class.
    hoyer : float
        Sparsity of its weights, 0 if all are alike and 1 if there is one; nan where it has none.
    """

    scores: Array
    hoyer: float = float("nan")


@dataclass(frozen=True)
class Classifier:
    """A way of telling two classes apart.

    Parameters
    ----------
    title : str
    score : callable
        From training codes and labels, test codes and a seed to an :class:`Outcome`.
    random : bool
        Whether it depends on the seed.
    """

    title: str
    score: Callable[[Array, Mask, Array, int], Outcome]
    random: bool = False


def _logistic(train: Array, positive: Mask, test: Array, seed: int, *, sparse: bool) -> Outcome:
    model = _regression(sparse).fit(train, positive)
    weights = np.asarray(model.coef_[0], dtype=np.float64)
    scores = np.asarray(model.decision_function(test), dtype=np.float64)
    return Outcome(scores, float(hoyer(weights)))


def _regression(sparse: bool) -> LogisticRegression:
    if sparse:
        return sparse_regression(STRENGTH, class_weight="balanced")
    return LogisticRegression(C=STRENGTH, tol=1e-10, max_iter=10_000, class_weight="balanced")


def sparse_regression(strength: float, *, class_weight: str | None = None) -> LogisticRegression:
    """Return logistic regression with an L1 penalty, by its name in the installed scikit-learn.

    Parameters
    ----------
    strength : float
        Inverse of the penalty's.
    class_weight : {"balanced"}, optional
    """
    major, minor = (int(part) for part in sklearn.__version__.split(".")[:2])
    kind: dict[str, Any] = {"l1_ratio": 1} if (major, minor) >= (1, 8) else {"penalty": "l1"}
    # liblinear stops by the gradient's share of its start; its permutations are seeded
    return LogisticRegression(
        C=strength, solver="liblinear", tol=1e-6, max_iter=10_000, random_state=0,
        class_weight=class_weight, **kind,
    )  # fmt: skip


def _forest(train: Array, positive: Mask, test: Array, seed: int) -> Outcome:
    model = RandomForestClassifier(
        n_estimators=100, min_samples_leaf=3, class_weight="balanced", random_state=seed
    ).fit(train, positive)
    return Outcome(np.asarray(model.predict_proba(test)[:, 1], dtype=np.float64))


def _top(train: Array, positive: Mask, test: Array, seed: int, *, k: int) -> Outcome:
    """Use the k features that tell the training classes apart best, each by itself."""
    signal = np.abs(column_auroc(train, positive) - 0.5)
    best = np.argsort(-signal, kind="stable")[:k]
    return Outcome(_logistic(train[:, best], positive, test[:, best], seed, sparse=False).scores)


#: What rows are told apart by, in the order of tables. The first one that is asked for decides.
CLASSIFIERS: dict[str, Classifier] = {
    "l1": Classifier("logistic regression, L1", partial(_logistic, sparse=True)),
    "l2": Classifier("logistic regression, L2", partial(_logistic, sparse=False)),
    "forest": Classifier("random forest", _forest, random=True),
    "top1": Classifier("the best single feature", partial(_top, k=1)),
    "top3": Classifier("the best three features", partial(_top, k=3)),
}


def column_auroc(codes: Array, positive: Mask) -> Array:
    """Return how well each column by itself ranks the positive rows above the others.

    Parameters
    ----------
    codes : ndarray, shape (n, k)
    positive : ndarray of bool, shape (n,)

    Returns
    -------
    ndarray, shape (k,)
        AUROC: .5 at chance; below it where positive rows have the lower values.

    Examples
    --------
    >>> column_auroc(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]), np.array([0, 0, 1], bool))
    array([1. , 0.5])
    """
    n_positive, n = int(positive.sum()), len(positive)
    ranks = rankdata(codes, axis=0)[positive].sum(axis=0)
    pairs = n_positive * (n - n_positive)
    return np.asarray((ranks - n_positive * (n_positive + 1) / 2) / pairs)
