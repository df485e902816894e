"""DCI: disentanglement, completeness and informativeness, from what trees find important."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import entropy
from sklearn import ensemble

from nearid.errors import InputError
from nearid.metrics.arguments import check_arguments, labels, train_and_test
from nearid.metrics.score import ONE_FACTOR, Score, reason_if_dead, shuffled_chance

__all__ = ["completeness", "dci", "disentanglement"]

Array = NDArray[np.float64]
Learner = Literal["gbt", "random_forest", "hist_gbt"]

#: Added to importances before logarithms, as in disentanglement_lib.
TINY = 1e-11


def dci(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    learner: Learner = "gbt",
    continuous_factors: bool = False,
    split: float | tuple[int, int] = 0.5,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Score:
    r"""Predict each factor from all codes by trees, and see how the importances are spread.

    With R the importances, codes × factors,

    .. math:: D = \sum_j \frac{R_{j\cdot}}{R_{\cdot\cdot}} (1 - H_S(R_{j\cdot})), \quad
              C = \sum_i \frac{R_{\cdot i}}{R_{\cdot\cdot}} (1 - H_L(R_{\cdot i})),

    entropies to the base of their number of entries; informativeness is the held-out accuracy (R²
    for continuous factors). In [0, 1], higher is better. **Another learner is another score.**

    Parameters
    ----------
    factors : array, shape (n, S)
    codes : array, shape (n, L)
    learner : {"gbt", "random_forest", "hist_gbt"}
        Gradient-boosted trees as in disentanglement_lib (slow), a random forest, or
        histogram-based boosting, whose importances are those of permuted held-out codes.
    continuous_factors : bool, default False
    split : float or (int, int)
        As in :func:`nearid.metrics.arguments.train_and_test`.
    n_shuffles : int, default 1
    random_state : int, Generator or None

    Returns
    -------
    Score
        ``value`` is ``parts["disentanglement"]``; ``completeness``, ``informativeness`` and
        ``importance``, shape (L, S), stand beside it. None for one factor.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or the learner is unknown.

    References
    ----------
    Eastwood & Williams, ICLR 2018, as in disentanglement_lib.

    Examples
    --------
    >>> s = np.random.default_rng(0).integers(0, 3, size=(300, 2))
    >>> score = dci(s, s[:, ::-1], learner="random_forest", n_shuffles=0, random_state=0)
    >>> round(score.value, 2), score.name
    (0.9, 'dci(random_forest)')
    """
    given = check_arguments(factors, codes, varying=True)
    rng = np.random.default_rng(random_state)
    train, test = train_and_test(len(given.codes), split, rng)
    targets = list(given.factors.T)
    if not continuous_factors:
        targets = [labels(s, name=f"factor {i}") for i, s in enumerate(given.factors.T)]
    seed = int(rng.integers(2**31))

    def fit(table: Array) -> tuple[Array, float]:
        return _importances(
            table, targets, train, test, learner=learner, regress=continuous_factors, seed=seed
        )

    importance, informativeness = fit(given.codes)
    value = disentanglement(importance)
    parts: dict[str, Any] = {
        "disentanglement": value,
        "completeness": completeness(importance),
        "informativeness": informativeness,
        "importance": importance,
    }
    name = f"dci({learner})"
    if importance.shape[1] == 1:
        return Score(name, None, parts | {"disentanglement": None}, reason=ONE_FACTOR)
    chance = shuffled_chance(
        lambda shuffled: disentanglement(fit(shuffled)[0]),
        given.codes,
        n_shuffles=n_shuffles,
        rng=rng,
    )
    reason = reason_if_dead(given.codes)
    return Score(name, value, parts, chance, reason=reason)


def disentanglement(importance: Array) -> float:
    """Return the weighted mean over codes of 1 less the entropy of their importances.

    Examples
    --------
    >>> round(disentanglement(np.eye(3)), 6), round(disentanglement(np.ones((3, 3))), 6)
    (1.0, 0.0)
    """
    return _concentration(importance)


def completeness(importance: Array) -> float:
    """Return the same over factors: whether each is held by one code.

    Examples
    --------
    >>> round(completeness(np.array([[1.0, 0.0], [1.0, 0.0]])), 6)
    0.0
    """
    return _concentration(importance.T)


def _concentration(rows: Array) -> float:
    if rows.shape[1] == 1:  # there is nothing else to be spread over
        return 1.0
    each = 1 - entropy(rows.T + TINY, base=rows.shape[1])
    weight = rows.sum(axis=1) if rows.sum() > 0 else np.ones(len(rows))
    return float((each * weight).sum() / weight.sum())


def _importances(
    codes: Array,
    targets: list[Any],
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    *,
    learner: Learner,
    regress: bool,
    seed: int,
) -> tuple[Array, float]:
    columns, scores = [], []
    for target in targets:
        model = _learner(learner, regress=regress, seed=seed)
        model.fit(codes[train], target[train])
        scores.append(model.score(codes[test], target[test]))
        columns.append(_importance(model, codes[test], target[test], seed))
    return np.stack(columns, axis=1), float(np.mean(scores))


def _learner(name: Learner, *, regress: bool, seed: int) -> Any:
    kind = "Regressor" if regress else "Classifier"
    classes = {
        "gbt": f"GradientBoosting{kind}",
        "random_forest": f"RandomForest{kind}",
        "hist_gbt": f"HistGradientBoosting{kind}",
    }
    if name not in classes:
        raise InputError(f"learner must be one of {', '.join(classes)}; got {name!r}")
    return getattr(ensemble, classes[name])(random_state=seed)


def _importance(model: Any, codes: Array, target: Any, seed: int) -> Array:
    found = getattr(model, "feature_importances_", None)
    if found is None:
        from sklearn.inspection import permutation_importance

        found = permutation_importance(model, codes, target, random_state=seed).importances_mean
    return np.asarray(np.abs(found), dtype=np.float64)
