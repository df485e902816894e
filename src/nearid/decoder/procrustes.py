"""How far apart two point sets can be up to a rotation, from their inner products alone."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.linalg import polar_factor
from nearid.moments import check_finite, moments
from nearid.rows import Rows, as_rows, map_chunks

__all__ = ["ProcrustesBound", "procrustes_bound"]

Array = NDArray[np.float64]

#: The premise of the theorem, ``‖X⁺‖ e ≤ 1/√2``.
PREMISE = 1 / math.sqrt(2)


@dataclass(frozen=True)
class ProcrustesBound:
    """An upper bound of the rigid error between two runs, beside the error itself.

    All norms are Frobenius norms over the centred rows, but ``‖X⁺‖``, which is spectral.

    Parameters
    ----------
    n : int
        Number of rows.
    error : float
        ``min_Q ‖Y − XQ‖`` over orthogonal Q.
    bound : float
        ``(1+√2) ‖X⁺‖ e²`` with ``e² = ‖YYᵀ − XXᵀ‖``; infinite where the premise fails.
    premise : float
        ``‖X⁺‖ e``, which must be at most ``1/√2``.
    trivial : float
        ``√(‖X‖² + ‖Y‖²)``, which bounds the error of every pair.

    See Also
    --------
    procrustes_bound : computes it.
    """

    n: int
    error: float
    bound: float
    premise: float
    trivial: float

    @property
    def premise_holds(self) -> bool:
        """Whether the theorem says anything of this pair."""
        return self.premise <= PREMISE

    @property
    def tightness(self) -> float:
        """``bound / error``, from 1 (tight); infinite if the error is 0, nan for 0/0."""
        if self.error > 0:
            return self.bound / self.error
        return math.inf if self.bound > 0 else math.nan

    @property
    def vacuous(self) -> bool:
        """Whether the bound says no more than what holds for every pair."""
        return not self.bound < self.trivial

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON (infinity and nan become None)."""
        values = asdict(self) | {"tightness": self.tightness}
        plain = {k: v if math.isfinite(v) else None for k, v in values.items()}
        return plain | {"premise_holds": self.premise_holds, "vacuous": self.vacuous}

    def summary(self) -> str:
        """Return the bound, its premise and its tightness as text for a terminal."""
        root = math.sqrt(self.n)
        head = f"rigid error {self.error / root:.4g} per row (root mean square)"
        if not self.premise_holds:
            return (
                f"{head}; no bound: the premise ‖X⁺‖e = {self.premise:.3g} is above "
                f"{PREMISE:.3f}, the inner products of the two runs differ too much"
            )
        worth = "vacuous" if self.vacuous else f"{self.tightness:.3g} times the error"
        return f"{head}; bound {self.bound / root:.4g}, {worth}; ‖X⁺‖e = {self.premise:.3g}"


def procrustes_bound(source: Any, target: Any) -> ProcrustesBound:
    """Bound the rigid error between two runs by the difference of their inner products.

    ``min_Q ‖Y − XQ‖ ≤ (1+√2) ‖X⁺‖ e²`` for centred source X and target Y, with
    ``e² = ‖YYᵀ − XXᵀ‖``, where ``‖X⁺‖ e ≤ 1/√2``. It needs no constant that depends on the
    dimension, and both sides are computed from one QR factorisation of the two runs side by side:
    never a matrix of rows by rows, and never a difference of large squares.

    Parameters
    ----------
    source, target : Rows, array, tensor or path, shape (n, D)
        Rows that describe the same inputs, of one width.

    Returns
    -------
    ProcrustesBound

    Raises
    ------
    InputError
        If the shapes differ, or the source, centred, has not full rank.

    References
    ----------
    Arias-Castro, Javanmard & Pelletier, Perturbation bounds for Procrustes, classical scaling, and
    trilateration, with applications to manifold learning, JMLR 21(15), 2020, Theorem 1.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(100, 3))
    >>> found = procrustes_bound(x, 1.01 * x[:, ::-1])
    >>> found.premise_holds, 1 <= found.tightness < 10
    (True, True)
    """
    runs = (as_rows(source, name="the source"), as_rows(target, name="the target"))
    x, y = _triangles(*runs)
    singular = np.linalg.svd(x, compute_uv=False)
    width = runs[0].n_columns
    rank = int((singular > singular[0] * width * np.finfo(np.float64).eps).sum())
    if rank < width:
        raise InputError(
            f"the source has the rank {rank} in {width} dimensions, over {len(runs[0])} rows: the "
            f"bound needs full rank; remove dead dimensions, or give more rows"
        )
    e2 = float(np.linalg.norm(y @ y.T - x @ x.T))
    premise = math.sqrt(e2) / float(singular[-1])
    return ProcrustesBound(
        n=len(runs[0]),
        error=float(np.linalg.norm(y - x @ polar_factor(x.T @ y))),
        bound=(1 + math.sqrt(2)) * e2 / float(singular[-1]) if premise <= PREMISE else math.inf,
        premise=premise,
        trivial=math.hypot(float(np.linalg.norm(x)), float(np.linalg.norm(y))),
    )


def _triangles(source: Rows, target: Rows) -> tuple[Array, Array]:
    """Return both centred runs in the coordinates of their common column space, 2D × D each."""
    width = source.n_columns
    if (len(source), width) != (len(target), target.n_columns):
        raise InputError(
            f"source and target must have one shape; got ({len(source)}, {width}) and "
            f"({len(target)}, {target.n_columns}); cut them to the shared rows and dimensions"
        )
    check_finite([source, target])
    mean = moments([source, target]).mean
    triangle = np.zeros((0, 2 * width))

    def centred(x: NDArray[Any], y: NDArray[Any]) -> Array:
        return np.asarray(np.linalg.qr(np.concatenate([x, y], axis=1) - mean, mode="r"))

    for part in map_chunks(centred, source, target):
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, part]), mode="r"))
    return triangle[:, :width], triangle[:, width:]
