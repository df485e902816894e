"""Classifiers for a handful of wells, which scale no axis by itself: a rotation is to matter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from nearid.deconfounding.classifiers import Outcome, sparse_regression
from nearid.metrics.hoyer_sparsity import hoyer

__all__ = ["LEARNERS", "separation"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Inverse strength of every penalty, on rows of unit variance on average over the axes. The
#: stronger one that suits hundreds of profiles leaves no weight at all with 8 wells. Of .3, .5, .7
#: and 1, on worlds 0 and 1: the weakest with sparse weights on perfect features.
STRENGTH = 0.5


def _regression(sparse: bool) -> LogisticRegression:
    if sparse:
        return sparse_regression(STRENGTH)
    return LogisticRegression(C=STRENGTH, solver="newton-cholesky", tol=1e-12, max_iter=200)


def _logistic(train: Array, positive: Mask, test: Array, *, sparse: bool) -> Outcome:
    model = _regression(sparse).fit(train, positive)
    weights = np.asarray(model.coef_[0], dtype=np.float64)
    scores = np.asarray(model.decision_function(test), dtype=np.float64)
    return Outcome(scores, float(hoyer(weights)))


def _top(train: Array, positive: Mask, test: Array, *, k: int) -> Outcome:
    best = np.argsort(-separation(train, positive), kind="stable")[:k]
    found = _logistic(train[:, best], positive, test[:, best], sparse=False)
    return Outcome(found.scores)


def separation(train: Array, positive: Mask) -> Array:
    """Return how far apart the classes' means are along each axis, in deviations within a class.

    Examples
    --------
    >>> rows = np.array([[0.0, 1.0], [2.0, 3.0], [10.0, 1.0], [12.0, 3.0]])
    >>> separation(rows, np.array([False, False, True, True])).tolist()
    [10.0, 0.0]
    """
    means = [train[part].mean(axis=0) for part in (positive, ~positive)]
    within = np.mean([train[part].var(axis=0) for part in (positive, ~positive)], axis=0)
    apart = np.abs(means[0] - means[1])
    return np.asarray(apart / np.sqrt(np.maximum(within, np.finfo(float).tiny)))


#: From training rows, labels and test rows to what was learnt.
LEARNERS: dict[str, Callable[[Array, Mask, Array], Outcome]] = {
    "l1": partial(_logistic, sparse=True),
    "l2": partial(_logistic, sparse=False),
    "top1": partial(_top, k=1),
    "top3": partial(_top, k=3),
}
