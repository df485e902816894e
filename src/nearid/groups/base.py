"""What every group of transformations offers, and the maps that it fits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.errors import InputError
from nearid.linalg import symmetric_eigen
from nearid.moments import PairMoments, moments
from nearid.rows import as_rows

__all__ = ["Group", "Transformation"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Transformation:
    """An affine map ``z ↦ z · matrix + offset`` of row vectors, immutable.

    Parameters
    ----------
    matrix : ndarray of float64, shape (D_source, D_target)
    offset : ndarray of float64, shape (D_target,)

    Examples
    --------
    >>> double = Transformation(np.eye(2) * 2, np.ones(2))
    >>> double.transform([[1.0, 2.0]])
    array([[3., 5.]])
    >>> double.inverse().transform(double.transform([[1.0, 2.0]]))
    array([[1., 2.]])
    """

    matrix: Array
    offset: Array

    def __post_init__(self) -> None:
        for name in ("matrix", "offset"):
            frozen = np.array(getattr(self, name), dtype=np.float64)
            frozen.setflags(write=False)
            object.__setattr__(self, name, frozen)

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Map rows, shape (n, D_source) to (n, D_target); float32 stays float32."""
        rows = np.asarray(X)
        if rows.ndim != 2 or rows.shape[1] != len(self.matrix):
            raise InputError(
                f"expected rows of {len(self.matrix)} columns, got an array of shape {rows.shape}"
            )
        dtype = rows.dtype if rows.dtype.kind == "f" else np.dtype(np.float64)
        return np.asarray(rows @ self.matrix.astype(dtype) + self.offset.astype(dtype))

    def inverse(self) -> Transformation:
        """Return the map back.

        Raises
        ------
        InputError
            If there is none: the widths differ, or the matrix is singular.
        """
        d_source, d_target = self.matrix.shape
        if d_source != d_target:
            raise InputError(
                f"a map from {d_source} to {d_target} dimensions has no inverse; fit the other "
                f"direction instead"
            )
        if np.linalg.matrix_rank(self.matrix) < d_source:
            raise InputError("the map is singular and has no inverse: a dimension was lost")
        inverse = np.asarray(np.linalg.inv(self.matrix), dtype=np.float64)
        return Transformation(inverse, -self.offset @ inverse)


class Group(ABC):
    """A group of affine maps, fitted by least squares from joint second moments alone.

    A subclass says how the matrix is fitted, drawn and recognised; the offset follows from the
    means.  Where source and target differ in width, the smaller one is padded with zeros: the map
    is then the part of the padded map that leads from the source's to the target's dimensions.
    """

    name: ClassVar[str]

    @abstractmethod
    def fit_matrix(self, moments: PairMoments) -> Array:
        """Return the group's best matrix for centred data, shape (D_source, D_target)."""

    @abstractmethod
    def sample_matrix(self, d: int, rng: np.random.Generator) -> Array:
        """Draw the matrix of a member of the group, shape (d, d)."""

    @abstractmethod
    def contains_matrix(self, matrix: Array, *, tolerance: float) -> bool:
        """Whether a matrix belongs to the group, up to a tolerance relative to its size."""

    def fit_moments(self, moments: PairMoments) -> Transformation:
        """Fit the group's map from source to target by least squares.

        Parameters
        ----------
        moments : PairMoments

        Returns
        -------
        Transformation
        """
        matrix = self.fit_matrix(moments)
        return Transformation(matrix, moments.target_mean - moments.source_mean @ matrix)

    def fit(self, source: Any, target: Any) -> Transformation:
        """Fit the group's map from the rows of source to the rows of target.

        Parameters
        ----------
        source, target : Rows or array-like, shapes (n, D_source) and (n, D_target)
            The i-th rows describe the same input.

        Returns
        -------
        Transformation

        Raises
        ------
        InputError
            If lengths differ, or values are missing.
        """
        runs = [as_rows(source, name="source"), as_rows(target, name="target")]
        return self.fit_moments(moments(runs).pair(0, 1))

    def sample(self, d: int, rng: np.random.Generator) -> Transformation:
        """Draw a member of the group at random, with a standard normal offset."""
        return Transformation(self.sample_matrix(d, rng), rng.standard_normal(d))

    def contains(self, transformation: Transformation, *, tolerance: float = 1e-8) -> bool:
        """Whether a transformation belongs to the group, up to a relative tolerance."""
        matrix = transformation.matrix
        return bool(np.isfinite(matrix).all()) and self.contains_matrix(matrix, tolerance=tolerance)


def is_isometry(matrix: Array, *, tolerance: float) -> bool:
    """Whether a matrix is orthogonal, or a partial isometry if it is not square."""
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    return bool(np.abs(tall.T @ tall - np.eye(tall.shape[1])).max() <= tolerance)


def solve_symmetric(cov: Array, cross_cov: Array) -> Array:
    """Return the least-norm solution A of ``cov · A = cross_cov``, whatever the columns' units.

    Columns are brought to unit variance first, and directions whose variance is rounding are
    left out.
    """
    scale = np.sqrt(np.diag(cov))
    unit = np.where(scale > 0, scale, 1.0)
    values, vectors = symmetric_eigen(cov / np.outer(unit, unit))
    kept = values > values[0] * len(values) * np.finfo(np.float64).eps
    vectors, values = vectors[:, kept], values[kept]
    solved = (vectors / values) @ (vectors.T @ (cross_cov / unit[:, None]))
    return np.asarray(solved / unit[:, None])
