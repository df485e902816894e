"""Whitening: principal axes brought to unit variance, with the rank and how it was found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.linalg import numerical_rank, symmetric_eigen

__all__ = ["RankError", "Whitening", "whitening"]

Array = NDArray[np.float64]


class RankError(InputError):
    """The data have fewer dimensions than were asked for."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """The map ``w = K (x − mean)`` to uncorrelated coordinates of unit variance, and back.

    Parameters
    ----------
    mean : ndarray, shape (D,)
    matrix : ndarray, shape (k, D)
        K, rows ``v_i / √λ_i``: principal axes in descending order of variance.
    inverse : ndarray, shape (D, k)
        Columns ``v_i √λ_i``.
    eigenvalues : ndarray, shape (D,)
        All eigenvalues of the covariance, descending.
    rank : int
        How many of them are more than rounding.
    """

    mean: Array
    matrix: Array
    inverse: Array
    eigenvalues: Array
    rank: int

    @property
    def n_components(self) -> int:
        """Number of coordinates kept."""
        return len(self.matrix)

    def apply(self, rows: Array) -> Array:
        """Return rows, shape (n, D), along the whitened principal axes, shape (n, k)."""
        return np.asarray((rows - self.mean) @ self.matrix.T)

    def first(self, k: int) -> Whitening:
        """Keep the first k coordinates only."""
        return replace(self, matrix=self.matrix[:k], inverse=self.inverse[:, :k])


def whitening(
    mean: Array,
    cov: Array,
    *,
    dtype: np.dtype[Any],
    n_components: int | float | None = None,
) -> Whitening:
    """Whiten by the eigenvectors of the covariance.

    Parameters
    ----------
    mean : ndarray, shape (D,)
    cov : ndarray, shape (D, D)
    dtype : dtype
        Type of the data, which decides which eigenvalues are rounding.
    n_components : int, float in (0, 1), or None
        How many coordinates to keep: that many, as many as explain this share of the variance, or
        as many as the rank.

    Returns
    -------
    Whitening

    Raises
    ------
    RankError
        If more components are asked for than the data have, or the data are constant.
    InputError
        If it is no number of components at all.

    Examples
    --------
    >>> w = whitening(np.zeros(2), np.diag([4.0, 1.0]), dtype=np.dtype("float64"))
    >>> np.abs(w.matrix).tolist(), w.rank
    ([[0.5, 0.0], [0.0, 1.0]], 2)
    """
    eigenvalues, vectors = symmetric_eigen(cov)
    rank = numerical_rank(eigenvalues, mean=mean, dtype=dtype)
    if rank == 0:
        raise RankError(
            "the data are constant, or vary by too little to be squared in float64: there is "
            "nothing to whiten; look for dead columns, or rescale them"
        )
    k = choose_n_components(eigenvalues, rank, n_components)
    scale = np.sqrt(eigenvalues[:k])
    return Whitening(
        mean=mean,
        matrix=(vectors[:, :k] / scale).T,
        inverse=vectors[:, :k] * scale,
        eigenvalues=eigenvalues,
        rank=rank,
    )


def choose_n_components(eigenvalues: Array, rank: int, wanted: int | float | None) -> int:
    """Turn a count, a share of the variance, or None into a number of components.

    Examples
    --------
    >>> choose_n_components(np.array([6.0, 3.0, 1.0]), 3, 0.9)
    2
    """
    if wanted is None:
        return rank
    if isinstance(wanted, float | np.floating) and 0 < wanted < 1:
        share = np.cumsum(eigenvalues[:rank]) / eigenvalues[:rank].sum()
        return min(rank, int(np.searchsorted(share, wanted - 1e-12)) + 1)
    if not isinstance(wanted, Real) or wanted < 1 or not float(wanted).is_integer():
        raise InputError(
            f"n_components must be a whole number from 1, a share of the variance between 0 and 1, "
            f"or None for all; got {wanted!r}"
        )
    if wanted > rank:
        raise RankError(
            f"{int(wanted)} components were asked for, but the data have rank {rank} "
            f"(of {len(eigenvalues)} columns); ask for at most {rank}"
        )
    return int(wanted)
