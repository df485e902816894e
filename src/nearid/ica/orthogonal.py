"""Steps on the orthogonal group: rotations from skew matrices, and memory of past steps."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

__all__ = ["Memory", "cayley_step", "reorthogonalise"]

Array = NDArray[np.float64]

#: Largest angle, in radians, by which one step turns a component.
MAX_TURN = 1.0


def cayley_step(matrix: Array, skew: Array) -> Array:
    """Turn an orthogonal matrix by ``(I − A/2)⁻¹ (I + A/2)``, close to ``exp(A)``.

    Parameters
    ----------
    matrix : ndarray, shape (k, k)
        Orthogonal.
    skew : ndarray, shape (k, k)
        A, antisymmetric.

    Returns
    -------
    ndarray, shape (k, k)
        Orthogonal to rounding.

    Examples
    --------
    >>> turned = cayley_step(np.eye(2), np.array([[0.0, 0.1], [-0.1, 0.0]]))
    >>> bool(np.allclose(turned @ turned.T, np.eye(2), atol=1e-15))
    True
    """
    half = 0.5 * skew
    eye = np.eye(len(skew))
    turned = linalg.solve(eye - half, matrix + half @ matrix, check_finite=False)
    return reorthogonalise(np.asarray(turned))


def reorthogonalise(matrix: Array) -> Array:
    """Take a nearly orthogonal matrix to the nearest orthogonal one by a Newton–Schulz step.

    Rounding of size e becomes rounding of size e²: it cannot add up over many steps.
    """
    return np.asarray(1.5 * matrix - 0.5 * (matrix @ matrix.T) @ matrix)


def shorten(skew: Array) -> Array:
    """Scale a rotation down so that no component turns by more than :data:`MAX_TURN`."""
    turn = float(np.linalg.norm(skew, axis=1).max(initial=0.0))
    return skew if turn <= MAX_TURN else skew * (MAX_TURN / turn)


class Memory:
    """The last steps and changes of gradient of L-BFGS, in the frame that moves along.

    References
    ----------
    Nocedal & Wright, Numerical Optimization, algorithm 7.4; Ablin, Cardoso & Gramfort, ICASSP
    2018 (Picard-O), who keep the memory without transporting it.
    """

    def __init__(self, size: int = 20) -> None:
        self._pairs: deque[tuple[Array, Array, float]] = deque(maxlen=size)

    def clear(self) -> None:
        """Forget all steps."""
        self._pairs.clear()

    def add(self, step: Array, change: Array) -> None:
        """Remember a step and the change of the gradient over it, if the curvature is positive."""
        curvature = float(np.vdot(step, change))
        if curvature > 0:
            self._pairs.append((step, change, curvature))

    def direction(self, gradient: Array, curvature: Array) -> Array:
        """Return minus the inverse Hessian times the gradient (the two-loop recursion).

        Parameters
        ----------
        gradient : ndarray, shape (k, k)
            Antisymmetric.
        curvature : ndarray, shape (k, k)
            The Hessian's diagonal, positive: the first guess that the steps refine.

        Returns
        -------
        ndarray, shape (k, k)
            Antisymmetric.
        """
        q = gradient.copy()
        weights = []
        for step, change, rho in reversed(self._pairs):
            weight = float(np.vdot(step, q)) / rho
            q -= weight * change
            weights.append(weight)
        q /= curvature
        for (step, change, rho), weight in zip(self._pairs, reversed(weights), strict=True):
            q += step * (weight - float(np.vdot(change, q)) / rho)
        return -q
