"""Similarity maps: rotation, reflection, offset and one scale are free."""

import numpy as np
from numpy.typing import NDArray

from nearid.groups.base import Group, is_isometry
from nearid.linalg import random_orthogonal
from nearid.moments import PairMoments

__all__ = ["Similarity"]

Array = NDArray[np.float64]


class Similarity(Group):
    """The maps ``z ↦ s z Q + t`` with ``Qᵀ Q = I`` and s > 0.

    Procrustes with scale: Q as for :class:`~nearid.groups.rigid.Rigid`, then the least-squares
    scale ``s = tr(Qᵀ C_st) / tr(Qᵀ C_ss Q)``.

    References
    ----------
    Schönemann & Carroll, Psychometrika 35, 1970.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((50, 2))
    >>> float(Similarity().fit(x, 3 * x).matrix[0, 0].round(6))
    3.0
    """

    name = "similarity"

    def fit_matrix(self, moments: PairMoments) -> Array:
        """Return the scaled Procrustes rotation."""
        rotation = moments.rotation
        shared = float(np.sum(rotation * moments.cross_cov))
        power = float(np.sum(rotation * (moments.source_cov @ rotation)))
        return rotation * (shared / power if power > 0 else 1.0)

    def sample_matrix(self, d: int, rng: np.random.Generator) -> Array:
        """Draw a uniform rotation, and a scale that is log-normal."""
        return random_orthogonal(d, rng) * float(np.exp(rng.standard_normal()))

    def contains_matrix(self, matrix: Array, *, tolerance: float) -> bool:
        """Whether the matrix is a positive multiple of a (partial) isometry."""
        scale = float(np.sqrt(np.sum(matrix**2) / min(matrix.shape)))
        return scale > 0 and is_isometry(matrix / scale, tolerance=tolerance)
