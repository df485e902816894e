"""The solver: from whitened rows to the rotation that makes components independent.

Symmetric fixed-point steps while they make headway, then preconditioned L-BFGS on the orthogonal
group. Each point visited costs one pass over the rows, which gives loss, gradient and curvature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.ica.contrasts import contrast_named
from nearid.ica.objective import BudgetSpent, Objective, Point
from nearid.ica.orthogonal import Memory, cayley_step, reorthogonalise, shorten
from nearid.ica.passes import Sums
from nearid.ica.saddles import hidden_pairs, saddle_pairs, turn_pairs
from nearid.ica.seeding import Seed, as_generator
from nearid.ica.settings import Engine
from nearid.ica.whitening import Whitening
from nearid.linalg import polar_factor, random_orthogonal
from nearid.rows import Rows

__all__ = ["Rotation", "solve"]

Array = NDArray[np.float64]

#: Fixed-point steps at most, before L-BFGS takes over; more while components emerge, that is while
#: fewer and fewer look Gaussian. L-BFGS would hold on to the kind (sub- or super-Gaussian) of what
#: is still a mixture, and end in a false optimum.
MAX_FIXED_POINT = 12
MAX_EMERGING = 100
#: The fixed point has stalled when two steps together shrink the rotation by less than the first
#: factor, and the last one brought less than the second part of what all of them gained. The angle
#: alone does not tell: it grows while components emerge from a mixture.
STALLED = 0.7
STALLED_GAIN = 0.02
#: A rotation that grows by this factor is on its way out of a saddle, and not stalled.
LEAVING = 1.2
#: A fixed-point step that leaves less than this part of the rotation converges as Newton's does.
TRUSTED = 0.3
#: Saddles to leave at most.
MAX_SADDLES = 3
#: Halvings of a step before it is given up. A single outlier at 1,000 deviations puts a kink into
#: the loss that a search has to resolve to a thousandth of a radian.
MAX_BACKTRACKS = 12
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
        The angle in radians that each component still has to go, by the longer of Newton's and
        L-BFGS's step, not counting rotations among components that look Gaussian.
    sums : Sums
        Of the last pass, at this rotation, with the powers that describe the components.
    """

    matrix: Array
    converged: bool
    n_passes: int
    angle: float
    angles: Array
    sums: Sums


def solve(
    rows: Rows,
    whitening: Whitening,
    *,
    contrast: str = "logcosh",
    random_state: Seed = None,
    tolerance: float = 0.01,
    max_passes: int = 500,
    n_jobs: int = 1,
    start: Array | None = None,
    compiled: bool | None = None,
    device: str | None = None,
    checkpoint: str | None = None,
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
    max_passes : int, default 500
        Passes over the rows at most.
    n_jobs : int, default 1
        Worker threads; the result does not depend on it.
    start : ndarray of shape (k, k), optional
        Orthogonal; a random one if not given.
    compiled : bool, optional
        Whether to use numba; by default where it is installed and the data are large.
    device : str, optional
        A torch device on which to compute the passes.
    checkpoint : str, optional
        A folder in which the sums of each pass are kept, and found again.

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
    engine = Engine(n_jobs, compiled, device, checkpoint)
    objective = Objective(rows, whitening, contrast_named(contrast), engine, budget=max_passes - 1)
    if start is None:
        start = random_orthogonal(whitening.n_components, as_generator(random_state))
    search = Search(objective, tolerance)
    point = search.describe(start)
    for _ in range(MAX_SADDLES):
        stuck = saddle_pairs(point) + hidden_pairs(point, objective.contrast)
        if not (search.converged and stuck):
            break
        if objective.n_passes + 1 >= max_passes:
            search.converged = False
            break
        point = search.describe(turn_pairs(point.matrix, stuck))
    angles = point.angles if search.converged else search.angles
    return Rotation(
        matrix=point.matrix,
        converged=search.converged,
        n_passes=objective.n_passes,
        angle=float(angles.max(initial=0.0)),
        angles=angles,
        sums=point.sums,
    )


class Search:
    """The two stages, with what they have to remember.

    Attributes
    ----------
    best : Point
        The last point that was accepted.
    angles : ndarray, shape (k,)
        What each of its components still has to go.
    converged : bool
    """

    def __init__(self, objective: Objective, tolerance: float) -> None:
        self.objective, self.tolerance = objective, tolerance
        self.converged, self._near = False, 0
        self._seen: list[tuple[NDArray[np.bool_], float]] = []

    def run(self, start: Array) -> None:
        """Search from a start until converged, out of passes, or stuck."""
        self.converged, self._near, self._seen = False, 0, []
        try:
            point = self._fixed_point(self.objective(start))
            if not self.converged:
                self._quasi_newton(point)
        except BudgetSpent:
            pass

    def describe(self, start: Array) -> Point:
        """Search from a start, and spend a reserved pass on describing what was found."""
        self.run(start)
        matrix = self.best.polished if self.converged else self.best.matrix
        return self.objective.describe(matrix, self.best.signs)

    def _reached(self, point: Point, angles: Array) -> bool:
        """Note a point that was reached, and whether it is at the optimum."""
        self.best, self.angles = point, angles
        hidden = float(np.abs(point.sums.alpha[point.gaussian]).sum())
        self._seen.append((point.gaussian, hidden))
        self._near = self._near + 1 if angles.max(initial=0.0) <= self.tolerance else 0
        return self._near > 0 and self._settled()

    def _settled(self) -> bool:
        """Whether what looks Gaussian has looked so for a while, without being taken apart."""
        gaussian, hidden = self._seen[-1]
        if gaussian.sum() < 2:
            return True
        if len(self._seen) <= SETTLED_STEPS:
            return False
        before, hidden_before = self._seen[-1 - SETTLED_STEPS]
        return bool((before == gaussian).all() and hidden <= 1.05 * hidden_before)

    def _emerging(self) -> bool:
        """Whether fewer components look Gaussian than two steps ago."""
        counts = [int(gaussian.sum()) for gaussian, _ in self._seen[-3:]]
        return len(counts) == 3 and counts[-1] < counts[0]

    def _fixed_point(self, point: Point) -> Point:
        """Take symmetric fixed-point steps while they make headway."""
        turns, losses = [point.turn], [point.loss(point.signs)]
        for step in range(MAX_EMERGING):
            # Newton's angle can be trusted where Newton's step does what it promises.
            trusted = len(turns) > 1 and turns[-1] < TRUSTED * turns[-2]
            self.converged = self._reached(point, point.angles) and trusted
            headway = step < MAX_FIXED_POINT and not _stalled(turns, losses)
            if self.converged or not (headway or self._emerging()):
                break
            point = self.objective(_fixed_point_step(point), point.signs)
            turns.append(point.turn)
            losses.append(point.loss(point.signs))
        self._near = 0
        return point

    def _quasi_newton(self, point: Point) -> None:
        """Take L-BFGS steps until both its and Newton's step are small, twice.

        Newton's angle alone takes the components for independent. Where they are not, flat
        valleys and saddles look like the optimum to it, but not to the curvature that L-BFGS has
        learned on the way.
        """
        memory = Memory()
        while True:
            proposed = memory.direction(point.gradient, point.curvature)
            if np.vdot(proposed, point.gradient) >= 0:
                memory.clear()
                proposed = point.newton
            angles = np.maximum(point.angles, point.angles_of(proposed))
            self.converged = self._reached(point, angles) and self._near > 1
            if self.converged:
                return
            moved = self._line_search(point, shorten(proposed))
            if moved is None:  # what is left is rounding
                self.converged = self._near > 0
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
            if abs(change) <= rounding and new.turn < point.turn:
                return new, step
            step = 0.5 * step
        return None


def _stalled(turns: list[float], losses: list[float]) -> bool:
    if len(turns) <= 4:
        return False
    gained = abs(losses[-1] - losses[-2]) > STALLED_GAIN * abs(losses[-1] - losses[0])
    leaving = turns[-1] > LEAVING * turns[-2]
    return turns[-1] > STALLED * turns[-3] and not gained and not leaving


def _fixed_point_step(point: Point) -> Array:
    """Return the next rotation of symmetric FastICA, whose components keep their signs."""
    alpha = point.sums.alpha
    update = point.sums.cross - np.diag(point.sums.curvature)
    update *= np.where(alpha < 0, -1.0, 1.0)[:, None]
    return reorthogonalise(polar_factor(update) @ point.matrix)
