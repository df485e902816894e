"""Signed permutations: the order and the signs of the coordinates are free."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from nearid.groups.base import Group
from nearid.moments import PairMoments

__all__ = ["SignedPermutation"]

Array = NDArray[np.float64]


class SignedPermutation(Group):
    """The maps ``z ↦ z P S + t``, P a permutation, S = diag(±1): the group H_σ.

    Each target coordinate is matched to a source coordinate by linear assignment on the absolute
    cross-covariance, which is what least squares asks for: ``‖y − xPS‖²`` depends on P and S only
    through ``Σ_j |cov(x_π(j), y_j)|``.  Covariances are centred, so offsets do not matter.
    Between different widths the matching is partial: a target coordinate without a partner is
    predicted by its mean.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, §2.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((50, 2))
    >>> SignedPermutation().fit(x, 3 - x[:, ::-1]).matrix
    array([[ 0., -1.],
           [-1.,  0.]])
    """

    name = "signed_permutation"

    def fit_matrix(self, moments: PairMoments) -> Array:
        """Return the best signed (partial) permutation matrix."""
        cross = moments.cross_cov
        source, target = linear_sum_assignment(-np.abs(cross))
        matrix = np.zeros(cross.shape)
        matrix[source, target] = np.where(cross[source, target] < 0, -1.0, 1.0)
        return matrix

    def sample_matrix(self, d: int, rng: np.random.Generator) -> Array:
        """Draw a permutation and signs uniformly."""
        return np.asarray(np.eye(d)[rng.permutation(d)] * rng.choice([-1.0, 1.0], d))

    def contains_matrix(self, matrix: Array, *, tolerance: float) -> bool:
        """Whether each row and column has one entry ±1 (at most one, if widths differ)."""
        size = np.abs(matrix)
        ones = np.abs(size - 1) <= tolerance
        sparse = bool((ones | (size <= tolerance)).all())
        once = ones.sum(axis=0).max() <= 1 and ones.sum(axis=1).max() <= 1
        return sparse and bool(once) and int(ones.sum()) == min(matrix.shape)
