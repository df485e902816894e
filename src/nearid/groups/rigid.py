"""Rigid maps: rotation, reflection and offset are free."""

import numpy as np
from numpy.typing import NDArray

from nearid.groups.base import Group, is_isometry
from nearid.linalg import random_orthogonal
from nearid.moments import PairMoments

__all__ = ["Rigid"]

Array = NDArray[np.float64]


class Rigid(Group):
    """The maps ``z ↦ z Q + t`` with ``Qᵀ Q = I``: the group H_rigid of Theorem 1.

    Orthogonal Procrustes: Q is the polar factor of the cross-covariance.  Between different widths
    Q is a partial isometry, the relevant part of the Q of the zero-padded problem.

    References
    ----------
    Schönemann, Psychometrika 31, 1966.  Nelson et al., ICLR 2026, arXiv 2603.11970, Theorem 1.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((50, 2))
    >>> turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> bool(np.allclose(Rigid().fit(x, x @ turn + 7).matrix, turn))
    True
    """

    name = "rigid"

    def fit_matrix(self, moments: PairMoments) -> Array:
        """Return the Procrustes rotation."""
        return moments.rotation

    def sample_matrix(self, d: int, rng: np.random.Generator) -> Array:
        """Draw a rotation or reflection uniformly."""
        return random_orthogonal(d, rng)

    def contains_matrix(self, matrix: Array, *, tolerance: float) -> bool:
        """Whether the matrix is a (partial) isometry."""
        return is_isometry(matrix, tolerance=tolerance)
