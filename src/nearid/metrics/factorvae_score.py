"""FactorVAE score: whether the code that varies least tells which factor was held."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.metrics.arguments import check_arguments
from nearid.metrics.interventions import Tabulated, World
from nearid.metrics.score import ONE_FACTOR, Score, reason_if_dead, shuffled_chance

__all__ = ["factorvae_score", "vote"]

Array = NDArray[np.float64]


def factorvae_score(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    n_train: int = 2000,
    n_eval: int = 1000,
    batch: int = 64,
    threshold: float = 0.05,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Score:
    r"""Guess by majority vote which factor was held from the code that varied least.

    Each vote draws ``batch`` rows that share their value of one factor, and is given for
    :math:`\arg\min_j \mathrm{var}_{batch}(z_j) / \mathrm{var}(z_j)` over codes whose standard
    deviation is at least the threshold. The score is the accuracy on fresh votes. In [0, 1], higher
    is better; 1/S at chance.

    Parameters
    ----------
    factors : array, shape (n, S)
        Labels.
    codes : array, shape (n, L)
    n_train, n_eval : int
        Votes that train the majority, and that are scored.
    batch : int, default 64
    threshold : float, default .05
        So the score depends on the codes' scale.
    n_shuffles : int, default 1
    random_state : int, Generator or None

    Returns
    -------
    Score
        ``parts``: ``train``, the accuracy on the votes themselves, and ``active``. None for one
        factor. Batches are drawn from the given rows: values with few rows repeat themselves.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or a factor is constant or continuous.

    References
    ----------
    Kim & Mnih, ICML 2018, as in disentanglement_lib.

    Examples
    --------
    >>> s = np.random.default_rng(0).integers(0, 4, size=(500, 2))
    >>> factorvae_score(s, s[:, ::-1], n_train=100, n_eval=50, random_state=0).value
    1.0
    """
    given = check_arguments(factors, codes, varying=True)
    if given.factors.shape[1] == 1:
        return Score("factorvae_score", None, reason=ONE_FACTOR)
    rng = np.random.default_rng(random_state)

    def evaluate(table: Array) -> dict[str, Any]:
        return vote(
            Tabulated(given.factors, table),
            table.var(axis=0, ddof=1),
            rng,
            n_train=n_train,
            n_eval=n_eval,
            batch=batch,
            threshold=threshold,
        )

    found = evaluate(given.codes)
    chance = shuffled_chance(
        lambda table: float(evaluate(table)["eval"]), given.codes, n_shuffles=n_shuffles, rng=rng
    )
    reason = reason_if_dead(given.codes)
    return Score("factorvae_score", found.pop("eval"), found, chance, reason=reason)


def vote(
    world: World,
    variances: Array,
    rng: Any,
    *,
    n_train: int,
    n_eval: int,
    batch: int,
    threshold: float,
) -> dict[str, Any]:
    """Return the accuracies ``train`` and ``eval``, the training ``votes``, and what is active.

    Parameters
    ----------
    world : World
    variances : ndarray, shape (L,)
        Of all the codes.
    rng : Generator
        Asked first for the factor, then for the batch.
    n_train, n_eval, batch, threshold
        As in :func:`factorvae_score`.
    """
    active = (np.sqrt(variances) >= threshold) & (variances > 0)
    if not active.any():
        return {
            "eval": 0.0,
            "train": 0.0,
            "votes": np.zeros((world.n_factors, 0)),
            "active": active,
        }

    def votes(n: int) -> Array:
        counts = np.zeros((world.n_factors, len(variances)))
        for _ in range(n):
            factor = int(rng.integers(world.n_factors))
            local = world.held(batch, factor, rng).var(axis=0, ddof=1)[active]
            counts[factor, np.argmin(local / variances[active])] += 1
        return counts

    trained = votes(n_train)
    majority, columns = trained.argmax(axis=0), np.arange(len(variances))
    fresh = votes(n_eval)
    return {
        "eval": float(fresh[majority, columns].sum() / n_eval),
        "train": float(trained[majority, columns].sum() / n_train),
        "votes": trained,
        "active": active,
    }
