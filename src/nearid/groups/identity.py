"""The trivial group: nothing is free."""

import numpy as np
from numpy.typing import NDArray

from nearid.groups.base import Group, Transformation
from nearid.moments import PairMoments

__all__ = ["Identity"]

Array = NDArray[np.float64]


class Identity(Group):
    """The map ``z ↦ z``: the coordinates agree as they are.

    Examples
    --------
    >>> Identity().fit([[1.0], [2.0]], [[5.0], [6.0]]).transform([[1.0]])
    array([[1.]])
    """

    name = "identity"

    def fit_matrix(self, moments: PairMoments) -> Array:
        """Return the identity, padded or cut where the widths differ."""
        return np.eye(*moments.cross_cov.shape)

    def fit_moments(self, moments: PairMoments) -> Transformation:
        """Return the identity: not even an offset is fitted."""
        matrix = self.fit_matrix(moments)
        return Transformation(matrix, np.zeros(matrix.shape[1]))

    def sample_matrix(self, d: int, rng: np.random.Generator) -> Array:
        """Return the identity."""
        return np.eye(d)

    def sample(self, d: int, rng: np.random.Generator) -> Transformation:
        """Return the only member."""
        return Transformation(np.eye(d), np.zeros(d))

    def contains_matrix(self, matrix: Array, *, tolerance: float) -> bool:
        """Whether the matrix is the identity."""
        return bool(np.abs(matrix - np.eye(*matrix.shape)).max() <= tolerance)

    def contains(self, transformation: Transformation, *, tolerance: float = 1e-8) -> bool:
        """Whether the transformation is the identity, offset included."""
        still = bool(np.abs(transformation.offset).max() <= tolerance)
        return still and super().contains(transformation, tolerance=tolerance)
