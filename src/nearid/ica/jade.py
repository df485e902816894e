"""JADE: the rotation that makes all fourth-order cumulants as diagonal as can be.

The cumulants are sums over rows, so that one pass is enough, whatever the number of rows; but
there are about k⁴/8 of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.ica.contrasts import contrast_named
from nearid.ica.objective import Objective
from nearid.ica.projection import projection
from nearid.ica.settings import Engine, Settings
from nearid.ica.solver import Rotation
from nearid.ica.whitening import Whitening
from nearid.rows import Rows, fold

__all__ = ["MAX_COMPONENTS", "cumulant_matrices", "joint_diagonaliser", "solve_with_jade"]

Array = NDArray[np.float64]

#: Beyond this many components a pass costs more than all the passes of the other solver together:
#: its work per row grows as k⁴/4.
MAX_COMPONENTS = 32
#: Sweeps over all pairs at most, and the angle in radians below which a pair is left alone.
MAX_SWEEPS = 100
SMALLEST_TURN = 1e-9


def solve_with_jade(rows: Rows, white: Whitening, settings: Settings, start: Array) -> Rotation:
    """Find the rotation by joint diagonalisation of the cumulants, in two passes.

    Parameters
    ----------
    rows : Rows
    white : Whitening
        To k coordinates.
    settings : Settings
        Its contrast describes the components, and has no part in finding them.
    start : ndarray, shape (k, k)
        Orthogonal.

    Returns
    -------
    Rotation
        Its angles are those of the last sweep.

    Raises
    ------
    InputError
        If there are more than :data:`MAX_COMPONENTS` components.

    References
    ----------
    Cardoso & Souloumiac, IEE Proceedings F 140(6), 1993.
    """
    k = white.n_components
    if k > MAX_COMPONENTS:
        raise InputError(
            f'solver="jade" takes up to {MAX_COMPONENTS} components, because it has about k⁴/8 '
            f'cumulants; got {k}: set n_components to at most {MAX_COMPONENTS}, or solver="nearid"'
        )
    matrices = cumulant_matrices(rows, white, settings.engine)
    turn, angles = joint_diagonaliser(start @ matrices @ start.T)
    objective = Objective(rows, white, contrast_named(settings.contrast), settings.engine, budget=1)
    point = objective.describe(turn @ start)
    largest = float(angles.max(initial=0.0))
    return Rotation(
        matrix=point.matrix,
        converged=largest <= settings.tolerance,
        n_passes=2,
        angle=largest,
        angles=angles,
        sums=point.sums,
    )


def cumulant_matrices(rows: Rows, white: Whitening, engine: Engine = Engine()) -> Array:  # noqa: B008  (frozen)
    """Return the cumulant tensor as matrices that a rotation of w turns from both sides.

    The eigenmatrices ``M_r`` of ``M ↦ Σ_kl cum(w_i, w_j, w_k, w_l) M_kl``, each times its
    eigenvalue. For independent components, some rotation makes all of them diagonal.

    Parameters
    ----------
    rows : Rows
    white : Whitening
        To w, of k coordinates.
    engine : Engine

    Returns
    -------
    ndarray, shape (k (k + 1) / 2, k, k)
        Symmetric; their squares add up to the square of the tensor.

    References
    ----------
    Cardoso & Souloumiac, IEE Proceedings F 140(6), 1993, section 3; all eigenmatrices are kept
    here, not the k largest ones alone, so that no source of a small kurtosis is lost.
    """
    k = white.n_components
    first, second = np.triu_indices(k)
    # An orthonormal basis of symmetric matrices has √½ off the diagonal, twice: weights √2.
    weight = np.where(first == second, 1.0, np.sqrt(2))
    scale = np.sqrt((white.inverse**2).sum(axis=1))
    project = projection(white.matrix, white.mean, scale, rows.dtype)

    def kernel(chunk: NDArray[Any]) -> tuple[Array]:
        w = project.apply(chunk).astype(np.float64, copy=False)
        products = w[:, first] * w[:, second]
        return (products.T @ products,)

    (total,) = fold(kernel, rows, n_jobs=engine.n_jobs, chunk_rows=_chunk_rows(len(weight)))
    gaussian = np.outer(first == second, first == second) + np.diag(np.where(weight > 1, 1.0, 2.0))
    cumulants = np.outer(weight, weight) * (total / len(rows) - gaussian)
    values, vectors = np.linalg.eigh(cumulants)
    matrices = np.zeros((len(values), k, k))
    matrices[:, first, second] = vectors.T * (values[:, None] / weight)
    matrices[:, second, first] = matrices[:, first, second]
    return matrices


def _chunk_rows(n_products: int) -> int:
    """Return how many rows have products that fill 4 MiB, and no fewer than make a good matmul."""
    return max(512, 2**19 // n_products)


def joint_diagonaliser(matrices: Array) -> tuple[Array, Array]:
    """Turn symmetric matrices to be as diagonal as can be, pair by pair (Jacobi).

    Each pair is turned by the angle θ that makes the squares of its off-diagonal entries least:
    with ``h = (a_ii − a_jj, 2 a_ij)`` of all matrices and ``[[p, q], [q, r]] = Σ h hᵀ``,
    ``tan 4θ = 2q / (p − r)``.

    Parameters
    ----------
    matrices : ndarray, shape (m, k, k)

    Returns
    -------
    turn : ndarray, shape (k, k)
        Orthogonal: ``turn @ matrix @ turn.T`` is nearly diagonal.
    angles : ndarray, shape (k,)
        The largest angle by which each coordinate was still turned in the last sweep.

    References
    ----------
    Cardoso & Souloumiac, SIAM Journal on Matrix Analysis and Applications 17(1), 1996.

    Examples
    --------
    >>> turned = np.array([[[2.0, 1.0], [1.0, 2.0]], [[0.0, 1.0], [1.0, 0.0]]])
    >>> turn, _ = joint_diagonaliser(turned)
    >>> bool(np.allclose((turn @ turned @ turn.T)[:, 0, 1], 0))
    True
    """
    k = matrices.shape[-1]
    stack = np.array(np.moveaxis(matrices, 0, -1), order="C")  # all matrices' entry i, j together
    turn, angles = np.eye(k), np.zeros(k)
    for _ in range(MAX_SWEEPS):
        angles = np.zeros(k)
        for i in range(k - 1):
            for j in range(i + 1, k):
                angle = _pair_angle(stack, i, j)
                if abs(angle) > SMALLEST_TURN:
                    for axes in (stack, stack.swapaxes(0, 1), turn):
                        _turn_pair(axes, i, j, angle)
                    angles[[i, j]] = np.maximum(angles[[i, j]], abs(angle))
        if not angles.any():
            break
    return turn, angles


def _pair_angle(stack: Array, i: int, j: int) -> float:
    difference, twice = stack[i, i] - stack[j, j], 2 * stack[i, j]
    gap, mixed = difference @ difference - twice @ twice, 2 * (difference @ twice)
    return float(0.25 * np.arctan2(mixed, gap))


def _turn_pair(axes: Array, i: int, j: int, angle: float) -> None:
    """Turn the i-th and the j-th of what lies along the first axis, in place."""
    cos, sin = np.cos(angle), np.sin(angle)
    first = axes[i].copy()
    axes[i] = cos * first + sin * axes[j]
    axes[j] = cos * axes[j] - sin * first
