"""R²: how much of the factors an affine map of the codes explains on held-out rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.metrics.arguments import check_arguments, train_and_test
from nearid.metrics.score import Score, reason_if_dead, shuffled_chance

__all__ = ["r2"]

Array = NDArray[np.float64]


def r2(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    split: float | tuple[int, int] = 0.5,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Score:
    r"""Predict the factors by least squares with an intercept, and score held-out rows.

    .. math:: R^2_i = 1 - \frac{\sum (s_i - \hat s_i)^2}{\sum (s_i - \bar s_i^{\,train})^2}

    averaged over factors. At most 1, higher is better; about 0, or below, at chance. It asks that
    factors be linear in the codes, and does not ask which code holds which factor.

    Parameters
    ----------
    factors : array, shape (n, S)
        Numbers: intervals, or the coordinates of a circle.
    codes : array, shape (n, L)
    split : float or (int, int)
        As in :func:`nearid.metrics.arguments.train_and_test`.
    n_shuffles : int, default 1
    random_state : int, Generator or None

    Returns
    -------
    Score
        ``parts["factors"]`` has R² of each factor.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, or a factor is constant.

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=(200, 3))
    >>> round(r2(z @ [[1.0], [2.0], [3.0]] + 5, z, random_state=0).value, 6)
    1.0
    """
    given = check_arguments(factors, codes, varying=True)
    rng = np.random.default_rng(random_state)
    train, test = train_and_test(len(given.codes), split, rng)
    found = _held_out(given.factors, given.codes, train, test)
    chance = shuffled_chance(
        lambda shuffled: float(_held_out(given.factors, shuffled, train, test).mean()),
        given.codes,
        n_shuffles=n_shuffles,
        rng=rng,
    )
    reason = reason_if_dead(given.codes)
    value = float(found.mean())
    return Score("r2", value, {"factors": found}, chance, bounds=(-np.inf, 1.0), reason=reason)


def _held_out(
    factors: Array, codes: Array, train: NDArray[np.intp], test: NDArray[np.intp]
) -> Array:
    mean, centre = factors[train].mean(axis=0), codes[train].mean(axis=0)
    scale = np.abs(codes[train] - centre).max(axis=0)
    unit = np.where(scale > 0, scale, 1.0)
    weights = np.linalg.lstsq((codes[train] - centre) / unit, factors[train] - mean, rcond=None)[0]
    residual = factors[test] - mean - ((codes[test] - centre) / unit) @ weights
    total = ((factors[test] - mean) ** 2).sum(axis=0)
    squares = (residual**2).sum(axis=0)
    return np.asarray(1 - np.divide(squares, total, out=np.ones_like(total), where=total > 0))
