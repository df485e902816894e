"""One frame for many runs, from their joint moments alone: Procrustes and canonical correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from nearid.ica.whitening import Whitening
from nearid.linalg import polar_factor, symmetric_eigen
from nearid.moments import Moments

__all__ = ["CommonFrame", "canonical_frame", "mean_covariance", "procrustes_frame"]

Array = NDArray[np.float64]

#: Procrustes ends where a round adds less than this share of the criterion.
GAIN = 1e-9


@dataclass(frozen=True, eq=False)
class CommonFrame:
    """Coordinates in which the mean of the runs is taken, ``Σ_m (z_m − mean_m) maps[m] / M``.

    Parameters
    ----------
    maps : list of ndarray, shapes (D_m, K)
    variance : ndarray, shape (K,)
        Variance of the mean along each coordinate, descending; the coordinates are uncorrelated.
    shared : float
        How much a run has in common with another on average: 0 nothing, 1 for runs that are the
        same up to the maps.
    rounds : list of float
        The criterion after each round, never decreasing; one number where it is solved outright.
    converged : bool
    gap : float
        How much of the criterion a better frame could add at most, as a share of it; 0 where this
        one is the best there is.
    """

    maps: Sequence[Array]
    variance: Array
    shared: float
    rounds: Sequence[float]
    converged: bool = True
    gap: float = 0.0


def procrustes_frame(
    joint: Moments, *, scales: Sequence[float] | None = None, max_rounds: int = 500
) -> CommonFrame:
    r"""Turn every run so that the runs agree best: generalised orthogonal Procrustes.

    Maximises ``f = Σ_ml tr(Q_mᵀ C_ml Q_l)``, which is M² times the variance of the mean, over
    matrices with orthonormal rows, D_m × K with K the largest width (a smaller run is padded with
    zeros).  It starts at the polar factors of the leading eigenvectors of the joint covariance,
    and then each run in turn takes ``Q_m ← polar(Σ_{l≠m} C_ml Q_l)``, the best there is while the
    others rest, so that f never falls.

    At a stationary point ``Λ_m = Σ_l C_ml Q_l Q_mᵀ``, and no frame whatever exceeds
    ``f − λ_min(blockdiag Λ_m − C) · Σ D_m``: from that bound comes the ``gap``.

    Parameters
    ----------
    joint : Moments
    scales : sequence of float, optional
        By which the runs are multiplied first.
    max_rounds : int, default 500

    Returns
    -------
    CommonFrame
        Turned to the principal axes of the mean.

    References
    ----------
    Gower, Psychometrika 40, 1975; ten Berge, Psychometrika 42, 1977 (the rounds); Ling, Applied
    and Computational Harmonic Analysis 66, 2023 (the start, and the bound).

    Examples
    --------
    >>> from nearid.moments import moments
    >>> from nearid.rows import Rows
    >>> z = np.random.default_rng(0).standard_normal((50, 2))
    >>> frame = procrustes_frame(moments([Rows(z), Rows(z[:, ::-1]), Rows(-z)]))
    >>> round(frame.shared, 9), frame.converged, bool(frame.gap < 1e-6)
    (1.0, True, True)
    """
    blocks = [joint.block(m) for m in range(len(joint.widths))]
    factors = np.ones(len(blocks)) if scales is None else np.asarray(scales, dtype=np.float64)
    column_scale = np.repeat(factors, joint.widths)
    cov = joint.cov * np.outer(column_scale, column_scale)
    turns = _spectral_start(cov, blocks)
    rounds = [_criterion(cov, turns)]
    converged = False
    while not converged and len(rounds) <= max_rounds:
        turns = _round(cov, blocks, turns)
        rounds.append(_criterion(cov, turns))
        converged = rounds[-1] - rounds[-2] <= GAIN * abs(rounds[-1])
    gap = _gap(cov, blocks, turns, rounds[-1])
    stretched = [scale * turns[block] for scale, block in zip(factors, blocks, strict=True)]
    variance, axes = symmetric_eigen(mean_covariance(joint, stretched))
    alone = float(np.trace(cov))
    shared = (rounds[-1] / alone - 1) / (len(blocks) - 1)
    return CommonFrame([m @ axes for m in stretched], variance, shared, rounds, converged, gap)


def _spectral_start(cov: Array, blocks: Sequence[slice]) -> Array:
    """Return the polar factor of each run's part of the leading eigenvectors, stacked."""
    widest = max(block.stop - block.start for block in blocks)
    _, vectors = linalg.eigh(cov, subset_by_index=[len(cov) - widest, len(cov) - 1])
    return np.concatenate([polar_factor(vectors[block]) for block in blocks])


def _round(cov: Array, blocks: Sequence[slice], turns: Array) -> Array:
    """Let each run in turn take its best position beside the others."""
    turns = turns.copy()
    pull = cov @ turns
    for block in blocks:
        others = pull[block] - cov[block, block] @ turns[block]
        turned = polar_factor(others)
        pull += cov[:, block] @ (turned - turns[block])
        turns[block] = turned
    return turns


def _criterion(cov: Array, turns: Array) -> float:
    return float(np.sum(turns * (cov @ turns)))


def _gap(cov: Array, blocks: Sequence[slice], turns: Array, reached: float) -> float:
    pull = cov @ turns
    dual = -cov
    for block in blocks:
        multiplier = pull[block] @ turns[block].T
        dual[block, block] += (multiplier + multiplier.T) / 2
    lowest = float(linalg.eigvalsh(dual, subset_by_index=[0, 0])[0])
    return max(0.0, -lowest * len(cov) / reached) if reached > 0 else 0.0


def canonical_frame(joint: Moments, whitened: Sequence[Whitening], *, size: int) -> CommonFrame:
    """Find what the runs share up to linear maps: generalised canonical correlation (MAXVAR).

    With each run whitened by itself, the joint covariance R has identity blocks on its diagonal;
    its leading eigenvectors U give uncorrelated variates ``G = Σ_m w_m U_m / √λ`` of unit variance
    for which ``λ_k = Σ_m R²(G_k | run m)`` is largest.  A run's map is the regression of G on the
    run, ``√λ U_m``; so the mean of the mapped runs is ``G λ / M``, in which a variate counts by
    how much of it the runs share.  Of two runs ``λ − 1`` are the canonical correlations.

    Parameters
    ----------
    joint : Moments
    whitened : sequence of Whitening
        Of each run.
    size : int
        Number of variates, K.

    Returns
    -------
    CommonFrame

    References
    ----------
    Kettenring, Biometrika 58, 1971 (MAXVAR); Carroll, APA Proceedings 76, 1968.

    Examples
    --------
    >>> from nearid.ica.whitening import whitening
    >>> from nearid.moments import moments
    >>> from nearid.rows import Rows
    >>> z = np.random.default_rng(0).standard_normal((50, 2))
    >>> joint = moments([Rows(z), Rows(z @ [[1.0, 2.0], [0.0, 1.0]])])
    >>> parts = [whitening(joint.mean[b], joint.cov[b, b], dtype=z.dtype)
    ...          for b in (joint.block(0), joint.block(1))]
    >>> canonical_frame(joint, parts, size=2).variance.round(9).tolist()
    [1.0, 1.0]
    """
    n_runs = len(whitened)
    maps = [w.matrix.T for w in whitened]
    white = joint.mapped(maps, [np.zeros(w.n_components) for w in whitened])
    values, vectors = symmetric_eigen(white.cov)
    values, vectors = values[:size].clip(0), vectors[:, :size] * np.sqrt(values[:size].clip(0))
    fitted = [matrix @ vectors[white.block(m)] for m, matrix in enumerate(maps)]
    shared = (float(values.mean()) - 1) / (n_runs - 1)
    return CommonFrame(fitted, (values / n_runs) ** 2, shared, [float(values.sum())])


def mean_covariance(joint: Moments, maps: Sequence[Array]) -> Array:
    """Return the covariance of the mean of the mapped runs, shape (K, K)."""
    stacked = np.concatenate(maps) / len(maps)
    return np.asarray(stacked.T @ joint.cov @ stacked)
