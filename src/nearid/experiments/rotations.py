"""Codes as they are, whitened, rotated at random, by ICA, and as well as factors allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nearid.groups import GROUPS
from nearid.ica.estimator import LatentICA
from nearid.ica.whitening import Whitening, whitening
from nearid.metrics.infomec import concentration
from nearid.metrics.mcc import mcc
from nearid.metrics.mutual_information import entropies, ross_information

__all__ = ["Versions", "attainable_rotation", "live_components", "replication", "versions"]

Array = NDArray[np.float64]

#: A latent direction of less than this share of the largest variance is taken for dead; so is one
#: with less than a tenth of the variance of the one before it, and all that follow.
DEAD, CLIFF = 1e-3, 0.1
#: Angles that the hill-climb tries for each pair of axes in a sweep.
ANGLES = np.pi / 2 * np.arange(1, 8) / 8


def live_components(latents: Array) -> int:
    """Count the principal directions with more than a thousandth of the largest variance.

    Where the spectrum falls to a tenth from one direction to the next, it ends there. No factor has
    a say in it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> live_components(rng.normal(size=(500, 3)) * [1, 0.5, 1e-3])
    2
    """
    spectrum = np.linalg.eigvalsh(np.cov(latents, rowvar=False, ddof=0))[::-1]
    alive = spectrum > DEAD * spectrum[0]
    alive[1:] &= spectrum[1:] > CLIFF * spectrum[:-1]
    return int(np.cumprod(alive).sum())


@dataclass(frozen=True, eq=False)
class Versions:
    """Maps that were fitted on training latents, and the codes that they give of others.

    Parameters
    ----------
    white : Whitening
    rotations : mapping of str to ndarray, shape (k, k)
        ``pca`` (none), ``random`` and ``ica``.
    """

    white: Whitening
    rotations: Mapping[str, Array]

    def codes(self, latents: Array, version: str) -> Array:
        """Return whitened and rotated latents."""
        return self.white.apply(latents) @ self.rotations[version].T


def versions(latents: Array, *, n_components: int, solver: str, random_state: int) -> Versions:
    """Fit whitening and ICA on training latents, and draw a random rotation beside it.

    Parameters
    ----------
    latents : ndarray, shape (n, L)
    n_components : int
    solver : {"nearid", "jade"}
    random_state : int
    """
    centred = latents - latents.mean(axis=0)
    white = whitening(
        latents.mean(axis=0),
        centred.T @ centred / len(latents),
        dtype=np.dtype(np.float64),
        n_components=n_components,
    )
    # whether components replicate is asked between seeds, and not of halves of the rows
    ica = LatentICA(n_components, solver=solver, replication=False, random_state=random_state).fit(
        latents
    )
    rotation = np.asarray(ica.components_ @ white.inverse)
    rng = np.random.default_rng(random_state)
    turned = GROUPS["rigid"].sample(n_components, rng).matrix
    return Versions(
        white, {"pca": np.eye(n_components), "random": np.asarray(turned), "ica": rotation}
    )


def replication(codes: list[Array]) -> float:
    """Return the mean |correlation| of matched axes over all pairs of runs.

    Parameters
    ----------
    codes : list of ndarray, shapes (n, k)
        The same held-out rows, as each run encodes them.
    """
    found = [mcc(a, b, n_shuffles=0, random_state=0).value for a, b in combinations(codes, 2)]
    return float(np.mean([value for value in found if value is not None]))


def attainable_rotation(
    white: Array, factors: NDArray[np.int64], *, n_starts: int = 2, n_sweeps: int = 3, seed: int = 0
) -> Array:
    """Climb to the rotation of the greatest InfoM that labels can find.

    Jacobi sweeps: for each pair of axes the best of a grid of angles, from random starts. It is the
    upper end of what a rotation without labels may reach; score it on other rows.

    Parameters
    ----------
    white : ndarray, shape (n, k)
        Whitened training latents.
    factors : ndarray of int, shape (n, S)
    n_starts, n_sweeps, seed : int

    Returns
    -------
    ndarray, shape (k, k)
    """
    entropy = entropies(factors)[:, None]
    k = white.shape[1]
    results = []
    for start in range(n_starts):
        rng = np.random.default_rng([seed, start])
        rotation = np.array(GROUPS["rigid"].sample(k, rng).matrix)
        for _ in range(n_sweeps):
            value = _sweep(white, factors, entropy, rotation)
        results.append((value, rotation))
    return max(results, key=lambda result: result[0])[1]


def _sweep(white: Array, factors: NDArray[np.int64], entropy: Array, rotation: Array) -> float:
    """Turn each pair of axes to its best angle, in place, and return the modularity."""
    codes = white @ rotation.T
    nmi = ross_information(factors, codes) / entropy
    value = _infom(nmi)
    for pair in combinations(range(len(rotation)), 2):
        columns = list(pair)
        tried = []
        for angle in ANGLES:
            turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            trial = nmi.copy()
            trial[:, columns] = ross_information(factors, codes[:, columns] @ turn.T) / entropy
            tried.append((_infom(trial), angle, turn, trial))
        best, _, turn, trial = max(tried, key=lambda attempt: attempt[:2])
        if best > value:
            value, nmi = best, trial
            codes[:, columns] = codes[:, columns] @ turn.T
            rotation[columns] = turn @ rotation[columns]
    return value


def _infom(nmi: Array) -> float:
    """Return InfoM of information normalised, factors × codes; 0 where it is undefined."""
    return concentration(nmi.T, skip=True) or 0.0
