"""Linear (affine) maps: any invertible linear map and an offset are free."""

import numpy as np
from numpy.typing import NDArray

from nearid.groups.base import Group, solve_symmetric
from nearid.linalg import random_orthogonal
from nearid.moments import PairMoments

__all__ = ["Linear"]

Array = NDArray[np.float64]


class Linear(Group):
    """The maps ``z ↦ z A + t``: the group H_linear of Theorem 2.

    Least squares with an intercept, ``A = C_ss⁻¹ C_st``; the least-norm solution where the source
    has lost dimensions.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((50, 2))
    >>> bool(np.allclose(Linear().fit(x, x @ [[1.0], [2.0]] - 5).offset, -5))
    True
    """

    name = "linear"

    def fit_matrix(self, moments: PairMoments) -> Array:
        """Return the least-squares matrix."""
        return solve_symmetric(moments.source_cov, moments.cross_cov)

    def sample_matrix(self, d: int, rng: np.random.Generator) -> Array:
        """Draw an invertible matrix: random rotations around singular values from 1/2 to 2."""
        stretch = 2.0 ** rng.uniform(-1, 1, d)
        return (random_orthogonal(d, rng) * stretch) @ random_orthogonal(d, rng)

    def contains_matrix(self, matrix: Array, *, tolerance: float) -> bool:
        """Whether the matrix loses no dimension."""
        singular = np.linalg.svd(matrix, compute_uv=False)
        return bool(singular[-1] > tolerance * singular[0])
