"""The solver: from whitened rows to the rotation that makes components independent.

Symmetric fixed-point steps while they make headway, then preconditioned L-BFGS on the orthogonal
group. Each point visited costs one pass over the rows, which gives loss, gradient and curvature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.ica.contrasts import Contrast, contrast_named
from nearid.ica.orthogonal import Memory, cayley_step, reorthogonalise, shorten
from nearid.ica.passes import Sums, contrast_sums
from nearid.ica.seeding import Seed, as_generator
from nearid.ica.separability import gaussian_components
from nearid.ica.whitening import Whitening
from nearid.linalg import polar_factor, random_orthogonal
from nearid.rows import Rows

__all__ = ["Rotation", "solve"]

Array = NDArray[np.float64]

#: Fixed-point steps at most, before L-BFGS takes over.
MAX_FIXED_POINT = 12
#: The fixed point has stalled when two steps together shrink the angle by less than this.
STALLED = 0.8
#: Halvings of a step before it is given up.
MAX_BACKTRACKS = 5
#: Steps over which components that look Gaussian must stay so before they count as such: a mixture
#: of many sources looks Gaussian too, until the search begins to take it apart.
SETTLED_STEPS = 5


@dataclass(frozen=True, eq=False)
class Rotation:
    """A rotation of whitened coordinates, and how far it is from the optimum.

    Parameters
    ----------
    matrix : ndarray, shape (k, k)
        Orthogonal; components are ``y = matrix @ w`` of whitened ``w``.
    converged : bool
        Whether every identifiable component is within the tolerance.
    n_passes : int
        Passes over all rows that were needed.
    angle : float
        The largest of ``angles``.
    angles : ndarray, shape (k,)
        The angle in radians that each component still has to go, by Newton's rotation, counting
        only components from which it can be told apart.
    sums : Sums
        Of the last pass, at this rotation, with the powers that describe the components.
    """

    matrix: Array
    converged: bool
    n_passes: int
    angle: float
    angles: Array
    sums: Sums


@dataclass(frozen=True, eq=False)
class Point:
    """A rotation with everything that one pass tells about it."""

    matrix: Array
    sums: Sums
    signs: Array  # ±1: the loss is Σ sign · E[G], so that every component is at a minimum
    gradient: Array  # antisymmetric
    curvature: Array  # of each pair, positive
    gaussian: NDArray[np.bool_]

    @property
    def newton(self) -> Array:
        """The rotation that Newton's method proposes, for independent components."""
        return np.asarray(-self.gradient / self.curvature)

    @property
    def angles(self) -> Array:
        """Angle still to go of each component, over the pairs that can be told apart."""
        apart = ~np.outer(self.gaussian, self.gaussian)
        return np.asarray(np.linalg.norm(np.where(apart, self.newton, 0.0), axis=1))

    @property
    def angle(self) -> float:
        """The largest angle still to go."""
        return float(self.angles.max(initial=0.0))

    def loss(self, signs: Array) -> float:
        """Return the loss under the given signs."""
        return float(signs @ self.sums.value)


class BudgetSpent(Exception):
    """No pass is left."""


class Objective:
    """Evaluates rotations, each by one pass over the rows, and counts the passes."""

    def __init__(
        self, rows: Rows, whitening: Whitening, contrast: Contrast, *, budget: int, n_jobs: int
    ) -> None:
        self.rows, self.whitening, self.contrast = rows, whitening, contrast
        self.budget, self.n_jobs, self.n_passes = budget, n_jobs, 0
        #: Scatter of α under a Gaussian: smaller values say nothing about a component's kind.
        self.noise = contrast.gaussian.alpha_scale / np.sqrt(len(rows))

    def __call__(self, matrix: Array, signs: Array | None = None) -> Point:
        """Evaluate a rotation; ``signs`` are those of the point before.

        Raises
        ------
        BudgetSpent
            If the passes are used up.
        """
        if self.n_passes >= self.budget:
            raise BudgetSpent
        return self._point(matrix, self._pass(matrix), signs)

    def describe(self, point: Point, *, polish: bool) -> Point:
        """Spend the reserved pass on the sums that describe the components.

        With ``polish``, after Newton's last rotation, which is free: it is shorter than the
        tolerance, and what is left after it is its square.
        """
        apart = ~np.outer(point.gaussian, point.gaussian)
        last = np.where(apart, point.newton, 0.0)
        matrix = cayley_step(point.matrix, last) if polish else point.matrix
        return self._point(matrix, self._pass(matrix, powers=True), point.signs)

    def _pass(self, matrix: Array, *, powers: bool = False) -> Sums:
        self.n_passes += 1
        return contrast_sums(
            self.rows, self.whitening, matrix, self.contrast, n_jobs=self.n_jobs, powers=powers
        )

    def _point(self, matrix: Array, sums: Sums, signs: Array | None) -> Point:
        alpha = sums.alpha
        own = np.where(alpha < 0, 1.0, -1.0)
        if signs is not None:  # a sign that is noise stays as it is: a flip costs the memory
            own = np.where(np.abs(alpha) > 2 * self.noise, own, signs)
        signed = own[:, None] * sums.cross
        kappa = np.maximum(-own * alpha, self.noise)
        return Point(
            matrix=matrix,
            sums=sums,
            signs=own,
            gradient=signed - signed.T,
            curvature=kappa[:, None] + kappa,
            gaussian=gaussian_components(alpha, sums.n, self.contrast),
        )


def solve(
    rows: Rows,
    whitening: Whitening,
    *,
    contrast: str = "logcosh",
    random_state: Seed = None,
    tolerance: float = 0.01,
    max_passes: int = 200,
    n_jobs: int = 1,
    start: Array | None = None,
) -> Rotation:
    """Find the rotation of whitened rows whose components are as independent as can be.

    Parameters
    ----------
    rows : Rows
        Raw rows, shape (n, D).
    whitening : Whitening
        To k coordinates.
    contrast : {"logcosh", "exp", "cube"}
    random_state : None, int, Generator or RandomState
        Draws the start.
    tolerance : float, default 0.01
        Largest angle, in radians, that an identifiable component may still have to go.
    max_passes : int, default 200
        Passes over the rows at most.
    n_jobs : int, default 1
        Worker threads; the result does not depend on it.
    start : ndarray of shape (k, k), optional
        Orthogonal; a random one if not given.

    Returns
    -------
    Rotation

    Raises
    ------
    InputError
        If there are no rows, or the contrast is unknown.

    References
    ----------
    Hyvärinen, IEEE Transactions on Neural Networks 10(3), 1999; Ablin, Cardoso & Gramfort, ICASSP
    2018.

    Examples
    --------
    >>> from nearid.ica.whitening import whitening
    >>> sources = np.random.default_rng(0).laplace(size=(5000, 2)) / np.sqrt(2)
    >>> mixed = Rows(sources @ np.array([[1.0, 0.3], [-0.5, 1.0]]))
    >>> mean, cov = mixed.source.mean(axis=0), np.cov(mixed.source.T)
    >>> solve(mixed, whitening(mean, cov, dtype=cov.dtype), random_state=0).converged
    True
    """
    if max_passes < 2:
        raise InputError(f"max_passes must be at least 2, got {max_passes}")
    objective = Objective(
        rows, whitening, contrast_named(contrast), budget=max_passes - 1, n_jobs=n_jobs
    )
    if start is None:
        start = random_orthogonal(whitening.n_components, as_generator(random_state))
    search = Search(objective, tolerance)
    point = search.run(start)
    point = objective.describe(point, polish=search.converged)
    return Rotation(
        matrix=point.matrix,
        converged=search.converged,
        n_passes=objective.n_passes,
        angle=point.angle,
        angles=point.angles,
        sums=point.sums,
    )


class Search:
    """The two stages, with what they have to remember."""

    def __init__(self, objective: Objective, tolerance: float) -> None:
        self.objective, self.tolerance = objective, tolerance
        self.converged = False
        self._seen: list[tuple[NDArray[np.bool_], float]] = []

    def run(self, start: Array) -> Point:
        """Search from a start until converged, out of passes, or stuck."""
        self.best = point = self.objective(start)
        try:
            point = self._fixed_point(point)
            self._quasi_newton(point)
        except BudgetSpent:
            pass
        return self.best

    def _done(self, point: Point) -> bool:
        """Note a point that was reached, and whether it is near enough to the optimum."""
        self.best = point
        hidden = float(np.abs(point.sums.alpha[point.gaussian]).sum())
        self._seen.append((point.gaussian, hidden))
        self.converged = point.angle <= self.tolerance and self._settled()
        return self.converged

    def _settled(self) -> bool:
        """Whether what looks Gaussian has looked so for a while, without being taken apart."""
        gaussian, hidden = self._seen[-1]
        if gaussian.sum() < 2:
            return True
        if len(self._seen) <= SETTLED_STEPS:
            return False
        before, hidden_before = self._seen[-1 - SETTLED_STEPS]
        return bool((before == gaussian).all() and hidden <= 1.05 * hidden_before)

    def _fixed_point(self, point: Point) -> Point:
        """Take symmetric fixed-point steps while they make headway."""
        angles = [point.angle]
        for _ in range(MAX_FIXED_POINT):
            if self._done(point):
                break
            if len(angles) > 4 and angles[-1] > STALLED * angles[-3]:
                break
            point = self.objective(_fixed_point_step(point), point.signs)
            angles.append(point.angle)
        return point

    def _quasi_newton(self, point: Point) -> None:
        """Take L-BFGS steps until the angle is small, or no step helps."""
        memory = Memory()
        while not self._done(point):
            direction = shorten(memory.direction(point.gradient, point.curvature))
            if np.vdot(direction, point.gradient) >= 0:
                memory.clear()
                direction = shorten(point.newton)
            moved = self._line_search(point, direction)
            if moved is None:
                return
            new, step = moved
            if (new.signs != point.signs).any():
                memory.clear()
            else:
                memory.add(step, new.gradient - point.gradient)
            point = new

    def _line_search(self, point: Point, direction: Array) -> tuple[Point, Array] | None:
        """Halve the step until the loss falls, or its change is rounding and the gradient falls."""
        before = point.loss(point.signs)
        slope = 0.5 * float(np.vdot(direction, point.gradient))
        rounding = 1e-9 * max(1.0, abs(before))
        step = direction
        for halvings in range(MAX_BACKTRACKS):
            new = self.objective(cayley_step(point.matrix, step), point.signs)
            change = new.loss(point.signs) - before
            if change <= 1e-4 * slope * 0.5**halvings:
                return new, step
            if abs(change) <= rounding and new.angle < point.angle:
                return new, step
            step = 0.5 * step
        return None


def _fixed_point_step(point: Point) -> Array:
    """Return the next rotation of symmetric FastICA, whose components keep their signs."""
    alpha = point.sums.alpha
    update = point.sums.cross - np.diag(point.sums.curvature)
    update *= np.where(alpha < 0, -1.0, 1.0)[:, None]
    return reorthogonalise(polar_factor(update) @ point.matrix)
