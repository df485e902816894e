"""Small dense linear algebra whose tolerances are relative, so that units do not matter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse import csr_array

__all__ = [
    "group_sums",
    "numerical_rank",
    "polar_factor",
    "random_orthogonal",
    "symmetric_eigen",
    "thin_axes",
]

Array = NDArray[np.float64]


def symmetric_eigen(matrix: Array) -> tuple[Array, Array]:
    """Return eigenvalues in descending order, and eigenvectors as columns, of a symmetric matrix.

    The sign of each eigenvector is chosen so that its largest entry is positive: the same matrix
    gives the same answer.

    Examples
    --------
    >>> values, vectors = symmetric_eigen(np.diag([1.0, 3.0]))
    >>> values.tolist(), vectors[:, 0].tolist()
    ([3.0, 1.0], [0.0, 1.0])
    """
    values, vectors = linalg.eigh(matrix)
    values, vectors = values[::-1], vectors[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    return values.copy(), vectors * np.where(vectors[largest, range(len(largest))] < 0, -1.0, 1.0)


def numerical_rank(eigenvalues: Array, *, mean: Array, dtype: np.dtype[Any]) -> int:
    """Count the eigenvalues of a covariance that data of this type can tell from rounding.

    Rounding adds to each number a noise of relative size below ε, the resolution of ``dtype``: an
    eigenvalue below ``ε²`` times the mean square of the data, offset included, is rounding.  Sums
    are kept in float64, whose own rounding, ``λ_max · D · 2⁻⁵²``, bounds it from below.

    Parameters
    ----------
    eigenvalues : ndarray, shape (D,)
        Of the covariance, descending.
    mean : ndarray, shape (D,)
        The data's mean.
    dtype : dtype
        The data's type.

    Examples
    --------
    >>> spectrum = np.array([1.0, 1e-3, 1e-12])
    >>> numerical_rank(spectrum, mean=np.zeros(3), dtype=np.dtype("float32"))
    3
    >>> numerical_rank(spectrum, mean=np.full(3, 100.0), dtype=np.dtype("float32"))
    2
    """
    if not len(eigenvalues) or eigenvalues[0] <= 0:
        return 0
    resolution = float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)
    of_data = float(eigenvalues.mean() + np.mean(np.square(mean))) * resolution**2
    of_sums = float(eigenvalues[0]) * len(eigenvalues) * float(np.finfo(np.float64).eps)
    return int((eigenvalues > max(of_data, of_sums)).sum())


def thin_axes(centred: Array) -> tuple[Array, Array, int]:
    """Return principal axes of centred rows without their D × D covariance.

    Parameters
    ----------
    centred : ndarray, shape (n, D)

    Returns
    -------
    variances : ndarray, shape (min(n, D),)
        Descending.
    axes : ndarray, shape (min(n, D), D)
        Orthonormal rows.
    rank : int
        How many singular values are more than rounding.

    Examples
    --------
    >>> variances, axes, rank = thin_axes(np.array([[3.0, 0.0, 0.0], [-3.0, 0.0, 0.0]]))
    >>> variances.round(9).tolist(), np.abs(axes[0]).tolist(), rank
    ([9.0, 0.0], [1.0, 0.0, 0.0], 1)
    """
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    floor = max(centred.shape) * np.finfo(np.float64).eps * singular.max(initial=0.0)
    return singular**2 / len(centred), axes, int((singular > floor).sum())


def group_sums(values: NDArray[Any], member: NDArray[np.intp], n_groups: int) -> Array:
    """Add up rows by group, as one sparse product.

    Parameters
    ----------
    values : ndarray, shape (n, k)
    member : ndarray of int, shape (n,)
        Groups, numbered from 0.
    n_groups : int

    Returns
    -------
    ndarray of float64, shape (n_groups, k)

    Examples
    --------
    >>> group_sums(np.array([[1.0], [2.0], [4.0]]), np.array([0, 1, 0]), 2).tolist()
    [[5.0], [2.0]]
    """
    n = len(member)
    indicator = csr_array((np.ones(n), (member, np.arange(n))), shape=(n_groups, n))
    return np.asarray(indicator @ values)


def polar_factor(matrix: Array) -> Array:
    """Return the (partial) isometry nearest to a matrix, ``U Vᵀ`` of its thin SVD ``U Σ Vᵀ``.

    Examples
    --------
    >>> polar_factor(np.diag([2.0, -3.0])).tolist()
    [[1.0, 0.0], [0.0, -1.0]]
    """
    try:
        left, _, right = linalg.svd(matrix, full_matrices=False, check_finite=False)
    except linalg.LinAlgError:
        # LAPACK's divide and conquer gives up now and then where QR iterations, slower, do not
        left, _, right = linalg.svd(
            matrix, full_matrices=False, check_finite=False, lapack_driver="gesvd"
        )
    return np.asarray(left @ right)


def random_orthogonal(size: int, rng: np.random.Generator) -> Array:
    """Draw an orthogonal matrix from the uniform (Haar) distribution.

    The QR factorisation of a Gaussian matrix, with the signs of R's diagonal absorbed (Mezzadri,
    Notices of the AMS 54, 2007).

    Examples
    --------
    >>> q = random_orthogonal(3, np.random.default_rng(0))
    >>> bool(np.allclose(q @ q.T, np.eye(3)))
    True
    """
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    return np.asarray(q * np.where(np.diag(r) < 0, -1.0, 1.0))
