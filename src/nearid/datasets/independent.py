"""Independent sources and their linear mixtures: what ICA is for, with the answer beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError

__all__ = ["SOURCES", "Mixture", "independent_sources", "orthonormal"]

Array = NDArray[np.float64]

#: Degrees of freedom of Student's t: the fewest whole number whose fourth moment is finite.
STUDENT = 5
#: Distance of the two bumps from 0, and their deviation, such that the variance is 1.
BUMPS, WIDTH = 0.9, math.sqrt(1 - 0.9**2)


def _bimodal(rng: np.random.Generator, n: int) -> Array:
    bumps: Array = rng.choice(np.array([-BUMPS, BUMPS]), size=n)
    return bumps + WIDTH * rng.standard_normal(n)


#: How n values of mean 0 and variance 1 are drawn; ``gaussian`` is what ICA cannot separate.
SOURCES: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "laplace": lambda rng, n: rng.laplace(scale=np.sqrt(0.5), size=n),
    "uniform": lambda rng, n: rng.uniform(-np.sqrt(3), np.sqrt(3), size=n),
    "exponential": lambda rng, n: rng.exponential(size=n) - 1,
    "logistic": lambda rng, n: rng.logistic(scale=np.sqrt(3) / np.pi, size=n),
    "student": lambda rng, n: rng.standard_t(STUDENT, size=n) * np.sqrt(1 - 2 / STUDENT),
    "bimodal": _bimodal,
    "gaussian": lambda rng, n: rng.standard_normal(n),
}

MIXINGS = ("orthogonal", "linear", None)


@dataclass(frozen=True, eq=False)
class Mixture:
    """Data that are a linear map of independent sources, ``data = sources @ mixing.T``.

    Parameters
    ----------
    data : ndarray of float64, shape (n, n_sources)
    sources : ndarray of float64, shape (n, n_sources)
        Of mean 0 and variance 1, up to sampling.
    mixing : ndarray of float64, shape (n_sources, n_sources)
    names : tuple of str
        Distribution of each source.
    """

    data: Array
    sources: Array
    mixing: Array
    names: tuple[str, ...]


def independent_sources(
    n: int,
    *,
    sources: Sequence[str] = ("laplace", "uniform", "exponential", "bimodal"),
    mixing: str | None = "orthogonal",
    condition: float = 10.0,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """Draw independent sources, and mix them.

    Parameters
    ----------
    n : int
        Number of rows.
    sources : sequence of str
        A distribution for each column: laplace, uniform, exponential, logistic, student (5 degrees
        of freedom), bimodal or gaussian, each of mean 0 and variance 1.
    mixing : {"orthogonal", "linear", None}
        A rotation or reflection, uniformly; a matrix with singular values from 1 down to
        ``1 / condition`` in equal ratios between two rotations; or no mixing.
    condition : float, default 10
        Largest by smallest singular value of a linear mixing.
    random_state : int or Generator, optional

    Returns
    -------
    Mixture

    Raises
    ------
    InputError
        If a name or number is not one of these.

    Examples
    --------
    >>> mixture = independent_sources(1000, sources=["uniform"] * 3, random_state=0)
    >>> mixture.data.shape, bool(np.abs(mixture.sources).max() <= np.sqrt(3))
    ((1000, 3), True)
    """
    if n < 1:
        raise InputError(f"n must be at least 1; got {n}")
    if isinstance(sources, str) or not sources or not set(sources) <= set(SOURCES):
        raise InputError(
            f"sources must be names, one a column, each one of {', '.join(SOURCES)}; got {sources}"
        )
    if mixing not in MIXINGS:
        raise InputError(f"mixing must be 'orthogonal', 'linear' or None; got {mixing!r}")
    if not 1 <= condition < np.inf:
        raise InputError(f"condition must be finite and at least 1; got {condition}")
    rng = np.random.default_rng(random_state)
    drawn = np.stack([SOURCES[name](rng, n) for name in sources], axis=1)
    matrix = _mixing(len(sources), mixing, condition, rng)
    return Mixture(drawn @ matrix.T, drawn, matrix, tuple(sources))


def _mixing(width: int, mixing: str | None, condition: float, rng: np.random.Generator) -> Array:
    if mixing is None:
        return np.eye(width)
    if mixing == "orthogonal":
        return orthonormal(width, width, rng)
    singular = np.geomspace(1, 1 / condition, width)
    left, right = orthonormal(width, width, rng), orthonormal(width, width, rng)
    return (left * singular) @ right.T


def orthonormal(rows: int, columns: int, rng: np.random.Generator) -> Array:
    """Draw a matrix with orthonormal columns, uniformly (by Haar's measure).

    References
    ----------
    Mezzadri, Notices of the AMS 54(5), 2007.
    """
    q, r = np.linalg.qr(rng.standard_normal((rows, columns)))
    signed: Array = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return signed
