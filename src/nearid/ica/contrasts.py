"""Contrast functions: what ICA measures to tell a component from a Gaussian.

A new contrast is one class here and one line in :data:`CONTRASTS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError

__all__ = ["CONTRASTS", "Contrast", "Cube", "Exp", "LogCosh", "contrast_named"]

Array = NDArray[Any]

#: Rows whose factors 1 + |tanh y| ≤ 2 are multiplied before one logarithm is taken: 2**64 is far
#: from the overflow of float32, and the logarithm, the dearest operation of all, is taken 64 times
#: less often.
LOG_GROUP = 64


class Contrast(ABC):
    """A smooth even function G whose mean over a unit-variance component tells it from a Gaussian.

    References
    ----------
    Hyvärinen, IEEE Transactions on Neural Networks 10(3), 1999.
    """

    name: ClassVar[str]
    #: Sign of ``α = E[y g(y)] − E[g'(y)]`` for a super-Gaussian (heavy-tailed) component.
    super_gaussian_sign: ClassVar[int]

    @abstractmethod
    def value(self, y: Array) -> Array:
        """Return G(y), of the shape and dtype of ``y``."""

    @abstractmethod
    def derivatives(self, y: Array) -> tuple[Array, Array, Array]:
        """Return g(y) = G'(y), g'(y) and g''(y), of the shape and dtype of ``y``."""

    @abstractmethod
    def sums(self, y: Array, g: Array, scratch: Array) -> tuple[Array, Array]:
        """Write g(y) into ``g``, and return Σ G(y) and Σ g'(y) of each column.

        Parameters
        ----------
        y, g, scratch : ndarray, shape (n, k)
            Of one dtype; ``y`` is left alone, the other two are written to.

        Returns
        -------
        value, curvature : ndarray, shape (k,)
        """

    @cached_property
    def gaussian(self) -> GaussianMoments:
        """What a standard normal variable gives under this contrast."""
        return GaussianMoments(self)


class GaussianMoments:
    """Means and scales of a contrast under a standard normal variable, by quadrature.

    Attributes
    ----------
    value : float
        ``E[G(ν)]``.
    value_scale : float
        Standard deviation of G(ν) after its parts along 1, ν and ν² are taken out.
    alpha_scale : float
        Standard deviation of ``ν g(ν) − g'(ν)`` after the same: ``α`` of N Gaussian numbers
        brought to unit variance scatters by ``alpha_scale / √N``.
    pair_scale : float
        ``Cov[g'(ν), μ²] + Cov[g'(μ), ν²]`` of two independent Gaussians scatters by
        ``pair_scale / √N``: the two estimates share what g' has along ν².

    Examples
    --------
    >>> round(GaussianMoments(Cube()).alpha_scale**2, 6)  # the variance 24/N of the kurtosis
    24.0
    """

    def __init__(self, contrast: Contrast) -> None:
        nodes, weights = np.polynomial.hermite_e.hermegauss(120)
        weights = weights / weights.sum()
        design = np.sqrt(weights)[:, None] * np.stack([np.ones_like(nodes), nodes, nodes**2], 1)
        basis = np.linalg.qr(design)[0]

        def scale(values: Array) -> float:
            scaled = np.sqrt(weights) * values
            return float(np.linalg.norm(scaled - basis @ (basis.T @ scaled)))

        g, slope, _ = contrast.derivatives(nodes)
        values = contrast.value(nodes)
        self.value = float(weights @ values)
        self.value_scale = scale(values)
        self.alpha_scale = scale(nodes * g - slope)
        along = float(weights @ (slope * (nodes**2 - 1))) / 2
        variance = float(weights @ (slope - weights @ slope) ** 2)
        self.pair_scale = float(np.sqrt(4 * variance + 8 * along**2))


class LogCosh(Contrast):
    """``G(y) = log cosh y``, ``g(y) = tanh y``: robust, and good for most sources.

    Computed as ``|y| − log(1 + |tanh y|)``, which neither overflows nor cancels.

    Examples
    --------
    >>> LogCosh().value(np.array([1000.0])).round(6).tolist()
    [999.306853]
    """

    name = "logcosh"
    super_gaussian_sign = -1

    def value(self, y: Array) -> Array:
        """Return log cosh y."""
        size = np.abs(y)
        return np.asarray(size - np.log1p(np.tanh(size)))

    def derivatives(self, y: Array) -> tuple[Array, Array, Array]:
        """Return tanh y, 1 − tanh² y and −2 tanh y (1 − tanh² y)."""
        g = np.tanh(y)
        slope = 1 - g * g
        return g, slope, -2 * g * slope

    def sums(self, y: Array, g: Array, scratch: Array) -> tuple[Array, Array]:
        """Write tanh y; return Σ log cosh y and Σ (1 − tanh² y)."""
        np.tanh(y, out=g)
        np.multiply(g, g, out=scratch)
        curvature = len(y) - column_sums(scratch)
        np.abs(y, out=scratch)
        size = column_sums(scratch)
        np.abs(g, out=scratch)
        scratch += 1
        return size - _sum_of_logs(scratch), curvature


class Exp(Contrast):
    """``G(y) = −exp(−y²/2)``, ``g(y) = y exp(−y²/2)``: for very heavy tails and outliers.

    Examples
    --------
    >>> Exp().value(np.array([0.0, 1e6])).tolist()
    [-1.0, -0.0]
    """

    name = "exp"
    super_gaussian_sign = -1

    def value(self, y: Array) -> Array:
        """Return −exp(−y²/2)."""
        return np.asarray(-np.exp(-0.5 * y * y))

    def derivatives(self, y: Array) -> tuple[Array, Array, Array]:
        """Return y e, (1 − y²) e and (y³ − 3y) e with e = exp(−y²/2)."""
        square = y * y
        bell = np.exp(-0.5 * square)
        return y * bell, (1 - square) * bell, y * (square - 3) * bell

    def sums(self, y: Array, g: Array, scratch: Array) -> tuple[Array, Array]:
        """Write y exp(−y²/2); return −Σ exp(−y²/2) and Σ (1 − y²) exp(−y²/2)."""
        np.multiply(y, y, out=scratch)
        scratch *= -0.5
        np.exp(scratch, out=scratch)
        bell = column_sums(scratch)
        np.multiply(y, scratch, out=g)
        np.multiply(y, g, out=scratch)
        return -bell, bell - column_sums(scratch)


class Cube(Contrast):
    """``G(y) = y⁴/4``, ``g(y) = y³``: the kurtosis; the best for light tails, misled by outliers.

    Examples
    --------
    >>> Cube().value(np.array([2.0])).tolist()
    [4.0]
    """

    name = "cube"
    super_gaussian_sign = 1

    def value(self, y: Array) -> Array:
        """Return y⁴/4."""
        square = y * y
        return np.asarray(0.25 * square * square)

    def derivatives(self, y: Array) -> tuple[Array, Array, Array]:
        """Return y³, 3y² and 6y."""
        square = y * y
        return square * y, 3 * square, 6 * y

    def sums(self, y: Array, g: Array, scratch: Array) -> tuple[Array, Array]:
        """Write y³; return Σ y⁴/4 and Σ 3y²."""
        np.multiply(y, y, out=scratch)
        square = column_sums(scratch)
        np.multiply(scratch, y, out=g)
        scratch *= scratch
        return 0.25 * column_sums(scratch), 3 * square


#: Every contrast by name.
CONTRASTS: dict[str, Contrast] = {
    contrast.name: contrast for contrast in (LogCosh(), Exp(), Cube())
}


def contrast_named(name: str) -> Contrast:
    """Return a contrast by its name.

    Raises
    ------
    InputError
        If there is none of that name.

    Examples
    --------
    >>> contrast_named("exp").name
    'exp'
    """
    if not isinstance(name, str) or name not in CONTRASTS:
        raise InputError(f"contrast must be one of {', '.join(CONTRASTS)}; got {name!r}")
    return CONTRASTS[name]


def column_sums(table: Array) -> NDArray[np.float64]:
    """Return the sum of each column as float64.

    A product with ones runs at the speed of memory, which ``sum(axis=0)`` does not.
    """
    ones = np.ones(len(table), table.dtype)
    return np.asarray(ones @ table, dtype=np.float64)


def _sum_of_logs(factors: Array) -> NDArray[np.float64]:
    """Return Σ log of each column, taking logarithms of products of factors between 1 and 2.

    Overwrites the factors.
    """
    count = 1
    while count < LOG_GROUP and len(factors) > 1:
        half = len(factors) // 2
        factors[:half] *= factors[len(factors) - half :]
        factors = factors[: len(factors) - half]
        count *= 2
    return np.asarray(np.log(factors).sum(axis=0, dtype=np.float64))
