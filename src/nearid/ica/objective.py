"""What a search minimises: each rotation costs one pass, which gives loss, gradient, curvature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearid.ica.contrasts import Contrast
from nearid.ica.orthogonal import cayley_step
from nearid.ica.passes import Sums, contrast_sums
from nearid.ica.separability import gaussian_components
from nearid.ica.settings import Engine
from nearid.ica.whitening import Whitening
from nearid.rows import Rows

__all__ = ["BudgetSpent", "Objective", "Point"]

Array = NDArray[np.float64]


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
        """Newton's angle still to go of each component."""
        return self.angles_of(self.newton)

    def angles_of(self, skew: Array) -> Array:
        """Angle by which a rotation turns each component, leaving out pairs that look Gaussian."""
        apart = ~np.outer(self.gaussian, self.gaussian)
        return np.asarray(np.linalg.norm(np.where(apart, skew, 0.0), axis=1))

    @property
    def polished(self) -> Array:
        """The rotation after Newton's last turn, which costs no pass.

        It is shorter than the tolerance, and about its square is left after it.
        """
        apart = ~np.outer(self.gaussian, self.gaussian)
        return cayley_step(self.matrix, np.where(apart, self.newton, 0.0))

    @property
    def turn(self) -> float:
        """All angles still to go together."""
        return float(np.linalg.norm(self.angles))

    def loss(self, signs: Array) -> float:
        """Return the loss under the given signs."""
        return float(signs @ self.sums.value)


class BudgetSpent(Exception):
    """No pass is left."""


class Objective:
    """Evaluates rotations, each by one pass over the rows, and counts the passes."""

    def __init__(
        self,
        rows: Rows,
        whitening: Whitening,
        contrast: Contrast,
        engine: Engine,
        *,
        budget: int,
    ) -> None:
        self.rows, self.whitening, self.contrast = rows, whitening, contrast
        self.engine, self.budget, self.n_passes = engine, budget, 0
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

    def describe(self, matrix: Array, signs: Array | None = None) -> Point:
        """Spend the reserved pass on the sums that describe the components."""
        return self._point(matrix, self._pass(matrix, powers=True), signs)

    def _pass(self, matrix: Array, *, powers: bool = False) -> Sums:
        self.n_passes += 1
        return contrast_sums(
            self.rows, self.whitening, matrix, self.contrast, self.engine, powers=powers
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
