"""BetaVAE score: whether the difference of two samples tells which factor they share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from nearid.metrics.arguments import check_arguments
from nearid.metrics.fitting import quiet
from nearid.metrics.interventions import Tabulated, World
from nearid.metrics.score import ONE_FACTOR, Score, reason_if_dead, shuffled_chance

__all__ = ["betavae_score", "classify"]

Array = NDArray[np.float64]


def betavae_score(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    n_train: int = 2000,
    n_eval: int = 1000,
    batch: int = 64,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Score:
    r"""Guess by logistic regression which factor pairs share from how their codes differ.

    Each point is the mean of :math:`|z - z'|` over ``batch`` pairs that share their value of one
    factor. The score is the accuracy on fresh points. In [0, 1], higher is better; 1/S at chance.
    It depends on the codes' scale, for the regression is penalised.

    Parameters
    ----------
    factors : array, shape (n, S)
        Labels.
    codes : array, shape (n, L)
    n_train, n_eval : int
        Points that train the classifier, and that are scored.
    batch : int, default 64
    n_shuffles : int, default 1
    random_state : int, Generator or None

    Returns
    -------
    Score
        ``parts["train"]`` is the accuracy on the points fitted. None for one factor.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or a factor is constant or continuous.

    References
    ----------
    Higgins et al., ICLR 2017, as in disentanglement_lib.

    Examples
    --------
    >>> s = np.random.default_rng(0).integers(0, 4, size=(500, 2))
    >>> betavae_score(s, s[:, ::-1], n_train=100, n_eval=50, random_state=0).value
    1.0
    """
    given = check_arguments(factors, codes, varying=True)
    if given.factors.shape[1] == 1:
        return Score("betavae_score", None, reason=ONE_FACTOR)
    rng = np.random.default_rng(random_state)

    def evaluate(table: Array) -> dict[str, Any]:
        world = Tabulated(given.factors, table)
        return classify(world, rng, n_train=n_train, n_eval=n_eval, batch=batch)

    found = evaluate(given.codes)
    chance = shuffled_chance(
        lambda table: float(evaluate(table)["eval"]), given.codes, n_shuffles=n_shuffles, rng=rng
    )
    reason = reason_if_dead(given.codes)
    return Score("betavae_score", found.pop("eval"), found, chance, reason=reason)


def classify(world: World, rng: Any, *, n_train: int, n_eval: int, batch: int) -> dict[str, Any]:
    """Return the accuracies ``train`` and ``eval``.

    Parameters
    ----------
    world : World
    rng : Generator
        Asked first for the factor, then for the pairs.
    n_train, n_eval, batch
        As in :func:`betavae_score`.
    """

    def points(n: int) -> tuple[Array, NDArray[np.intp]]:
        rows, held = [], []
        for _ in range(n):
            factor = int(rng.integers(world.n_factors))
            first, second = world.pairs(batch, factor, rng)
            rows.append(np.abs(first - second).mean(axis=0))
            held.append(factor)
        return np.stack(rows), np.array(held)

    x, y = points(n_train)
    if len(np.unique(y)) < 2:
        return {"eval": 0.0, "train": 0.0}
    with quiet():
        model = LogisticRegression(random_state=0).fit(x, y)
    fresh, held = points(n_eval)
    return {"eval": float(model.score(fresh, held)), "train": float(model.score(x, y))}
