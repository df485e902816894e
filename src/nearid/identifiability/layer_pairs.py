"""Rigid errors of all pairs of layers, from second moments alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nearid.moments import PairMoments, moments
from nearid.rows import Rows

__all__ = ["rigid_errors", "rigid_share"]

Array = NDArray[np.float64]

#: Arrays of the size of a joint covariance that live at the same time.
COPIES = 6

Pairs = Callable[[int, int], PairMoments]


def rigid_errors(
    a: Sequence[Rows],
    b: Sequence[Rows],
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    *,
    memory_limit: int,
    n_jobs: int = 1,
) -> Array:
    """Return the relative rigid error of every layer of one model beside every layer of another.

    The best rotation is fitted on some rows and its root mean square error taken on others, in
    units of what the same rotation misses where the rows do not correspond; the mean of both
    directions.  All follows from second moments: joint ones of all layers, from one pass, where
    those fit into the memory; else those of one pair after the other.

    Parameters
    ----------
    a, b : sequence of Rows
        Layers; the i-th row of each describes the same input.
    train, test : ndarray of int
        Rows to fit on and to measure on.
    memory_limit : int
        Bytes.
    n_jobs : int, default 1

    Returns
    -------
    ndarray, shape (len(a), len(b))
        0 for layers that are the same up to a rotation, 1 for unrelated ones.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((60, 3))
    >>> layers = [Rows(z), Rows(z**2)]
    >>> half = np.arange(30)
    >>> errors = rigid_errors(layers, layers[:1], half, half + 30, memory_limit=10**6)
    >>> (errors.shape, bool(errors[0, 0] < 1e-6), bool(errors[1, 0] > 0.7))
    ((2, 1), True, True)
    """
    fitted, held_out = (
        _pairs([layer.take(rows) for layer in (*a, *b)], memory_limit, n_jobs)
        for rows in (train, test)
    )
    errors = np.empty((len(a), len(b)))
    for i, j in np.ndindex(errors.shape):
        errors[i, j] = rigid_share(fitted(i, len(a) + j), held_out(i, len(a) + j))
    return errors


def _pairs(layers: Sequence[Rows], memory_limit: int, n_jobs: int) -> Pairs:
    width = sum(layer.n_columns for layer in layers)
    if 8 * COPIES * width**2 <= memory_limit:
        return moments(layers, n_jobs=n_jobs).pair
    return lambda i, j: moments([layers[i], layers[j]], n_jobs=n_jobs).pair(0, 1)


def rigid_share(fitted: PairMoments, held_out: PairMoments) -> float:
    """Return the held-out rigid error as a share of chance, the mean of both directions.

    ``√(E‖y − xQ − t‖² / E‖y' − xQ − t‖²)`` with y' the target of another row, independent of x;
    nan where both layers are constant.
    """
    rotation = fitted.rotation
    both = [
        _missed(rotation, fitted, held_out),
        _missed(rotation.T, _reversed(fitted), _reversed(held_out)),
    ]
    return float(
        np.mean([np.sqrt(missed / chance) if chance > 0 else np.nan for missed, chance in both])
    )


def _missed(rotation: Array, fitted: PairMoments, held_out: PairMoments) -> tuple[float, float]:
    """Return the mean square error on held-out rows, and what it is for unrelated rows."""
    drift = held_out.target_mean - fitted.target_mean
    drift = drift - (held_out.source_mean - fitted.source_mean) @ rotation
    power = np.trace(held_out.target_cov) + np.sum(rotation * (held_out.source_cov @ rotation))
    chance = float(power + drift @ drift)
    return max(0.0, chance - 2 * float(np.sum(rotation * held_out.cross_cov))), chance


def _reversed(pair: PairMoments) -> PairMoments:
    return PairMoments(
        n=pair.n,
        source_mean=pair.target_mean,
        target_mean=pair.source_mean,
        source_cov=pair.target_cov,
        target_cov=pair.source_cov,
        cross_cov=pair.cross_cov.T,
    )
