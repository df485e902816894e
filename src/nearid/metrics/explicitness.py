"""Explicitness: whether a linear classifier reads each factor off the codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from nearid.metrics.arguments import check_arguments, labels, standardised, train_and_test
from nearid.metrics.fitting import quiet
from nearid.metrics.score import Score, reason_if_dead, shuffled_chance

__all__ = ["explicitness"]

Array = NDArray[np.float64]


def explicitness(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    split: float | tuple[int, int] = 0.5,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Score:
    """Measure how well logistic regression on standardised codes ranks each value of each factor.

    The area under the ROC curve of every value against the rest, on held-out rows, averaged over
    values and then over factors. In [0, 1], higher is better, .5 at chance.

    Parameters
    ----------
    factors : array, shape (n, S)
        Labels.
    codes : array, shape (n, L)
    split : float or (int, int)
        As in :func:`nearid.metrics.arguments.train_and_test`.
    n_shuffles : int, default 1
    random_state : int, Generator or None

    Returns
    -------
    Score
        ``parts["factors"]`` has the area of each factor, nan where a part holds only one value.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or a factor is constant or continuous.

    References
    ----------
    Ridgeway & Mozer, NeurIPS 2018, as in disentanglement_lib, but for values that are missing from
    one of the parts, where that fails: they are left out of the mean.

    Examples
    --------
    >>> s = np.random.default_rng(0).integers(0, 3, size=(300, 1))
    >>> round(explicitness(s, np.eye(3)[s[:, 0]], random_state=0).value, 3)
    1.0
    """
    given = check_arguments(factors, codes, varying=True)
    rng = np.random.default_rng(random_state)
    train, test = train_and_test(len(given.codes), split, rng)
    targets = [labels(s, name=f"factor {i}") for i, s in enumerate(given.factors.T)]

    def areas(table: Array) -> Array:
        fitted, scored = standardised(table[train], table[test])
        return np.array([_area(fitted, y[train], scored, y[test]) for y in targets])

    found = areas(given.codes)
    chance = shuffled_chance(
        lambda shuffled: _mean(areas(shuffled)), given.codes, n_shuffles=n_shuffles, rng=rng
    )
    value = _mean(found)
    reason = reason_if_dead(given.codes)
    if value is None:
        reason = "no factor takes two values in the rows to fit on and in those to score"
    return Score("explicitness", value, {"factors": found}, chance, reason=reason)


def _mean(areas: Array) -> float | None:
    return float(np.nanmean(areas)) if np.isfinite(areas).any() else None


def _area(
    x_train: Array, y_train: NDArray[np.intp], x_test: Array, y_test: NDArray[np.intp]
) -> float:
    if len(np.unique(y_train)) < 2:
        return np.nan
    with quiet():
        model = LogisticRegression().fit(x_train, y_train)
    likely = model.predict_proba(x_test)
    found = []
    for column, value in enumerate(model.classes_):
        mine = y_test == value
        if 0 < mine.sum() < len(mine):
            found.append(roc_auc_score(mine, likely[:, column]))
    return float(np.mean(found)) if found else np.nan
