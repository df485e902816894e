"""SAP: whether one code predicts a factor better than any other code."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.svm import LinearSVC

from nearid.metrics.arguments import check_arguments, labels, train_and_test
from nearid.metrics.fitting import quiet
from nearid.metrics.score import Score, reason_if_dead, shuffled_chance

__all__ = ["sap"]

Array = NDArray[np.float64]

#: A code of less variance than this predicts nothing, as in disentanglement_lib.
LEAST_VARIANCE = 1e-12


def sap(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    continuous_factors: bool = False,
    split: float | tuple[int, int] = 0.5,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Score:
    r"""Measure the gap between the two single codes that predict each factor best.

    A linear support vector machine (C = .01, balanced classes) per code predicts labels, and its
    held-out accuracy counts; for continuous factors the squared correlation does. In [0, 1],
    higher is better. For labels it **depends on the scale of the codes**, because C does.

    Parameters
    ----------
    factors : array, shape (n, S)
    codes : array, shape (n, L)
    continuous_factors : bool, default False
    split : float or (int, int)
        As in :func:`nearid.metrics.arguments.train_and_test`.
    n_shuffles : int, default 1
    random_state : int, Generator or None

    Returns
    -------
    Score
        ``parts["predictors"]``, shape (S, L), has what each code achieves.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or continuous factors are taken for labels.

    References
    ----------
    Kumar, Sattigeri & Balakrishnan, ICLR 2018, as in disentanglement_lib.

    Examples
    --------
    >>> s = np.random.default_rng(0).integers(0, 2, size=(500, 2))
    >>> round(sap(s, 10.0 * s, random_state=0).value, 1)
    0.5
    """
    given = check_arguments(factors, codes, varying=True)
    rng = np.random.default_rng(random_state)
    train, test = train_and_test(len(given.codes), split, rng)

    def predictors(table: Array) -> Array:
        if continuous_factors:
            return _squared_correlations(given.factors[train], table[train])
        return _accuracies(given.factors, table, train, test)

    found = predictors(given.codes)
    chance = shuffled_chance(
        lambda shuffled: _gap(predictors(shuffled)), given.codes, n_shuffles=n_shuffles, rng=rng
    )
    name = "sap(continuous)" if continuous_factors else "sap"
    reason = reason_if_dead(given.codes)
    return Score(name, _gap(found), {"predictors": found}, chance, reason=reason)


def _gap(predictors: Array) -> float:
    ranked = np.sort(np.pad(predictors, ((0, 0), (0, 1))), axis=1)
    return float((ranked[:, -1] - ranked[:, -2]).mean())


def _squared_correlations(factors: Array, codes: Array) -> Array:
    centred = [table - table.mean(axis=0) for table in (factors, codes)]
    shared = centred[0].T @ centred[1]
    variances = [(table**2).sum(axis=0) / (len(table) - 1) for table in centred]
    product = np.outer(*variances) * (len(factors) - 1) ** 2
    alive = variances[1] > LEAST_VARIANCE
    found = np.zeros_like(shared)
    return np.asarray(np.divide(shared**2, product, out=found, where=(product > 0) & alive))


def _accuracies(
    factors: Array, codes: Array, train: NDArray[np.intp], test: NDArray[np.intp]
) -> Array:
    found = np.zeros((factors.shape[1], codes.shape[1]))
    for i, factor in enumerate(factors.T):
        target = labels(factor, name=f"factor {i}")
        for j, code in enumerate(codes.T):
            if len(np.unique(target[train])) < 2:
                found[i, j] = np.mean(target[test] == target[train][0])
                continue
            model = LinearSVC(C=0.01, class_weight="balanced", dual=False, random_state=0)
            with quiet():
                model.fit(code[train, None], target[train])
            found[i, j] = model.score(code[test, None], target[test])
    return found
