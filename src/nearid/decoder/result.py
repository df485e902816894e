"""How far a decoder is from an isometry: the constants of Theorem 1, and what they imply."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.plain import plain

__all__ = ["BiLipschitz"]

Array = NDArray[np.float64]

#: The quantiles over latents that are reported.
LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)

#: Roundings by which a singular value of 1 may miss 1.
ROUNDINGS = 16


@dataclass(frozen=True, eq=False)
class BiLipschitz:
    """Local bi-Lipschitz constants of a decoder at given latents: 1 is an isometry.

    ``1 + L(z) = max(σ_max(z), 1/σ_min(z))`` with the singular values of the Jacobian at z.

    Parameters
    ----------
    sigma_max, sigma_min : ndarray, shape (m,)
        Of the Jacobian on the live subspace, at each latent (each token of each latent, in order).
    sigma_max_error, sigma_min_error : ndarray, shape (m,)
        Stated error of each: rounding alone for the exact method.
    live_basis : ndarray, shape (D, k)
        Orthonormal directions in which the latents vary; all D if none is dead.
    variance_ratios : ndarray, shape (D,)
        Variance along the principal axes of the latents, divided by the largest, descending.
    method : {"exact", "lanczos"}
    resolution : float
        Machine epsilon of the type in which the Jacobians were computed.
    warnings : tuple of str
        What a reader must know before trusting the numbers.

    See Also
    --------
    nearid.decoder.bilipschitz : computes it.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, Theorem 1.
    """

    sigma_max: Array
    sigma_min: Array
    sigma_max_error: Array
    sigma_min_error: Array
    live_basis: Array
    variance_ratios: Array
    method: str
    resolution: float
    warnings: tuple[str, ...]

    @cached_property
    def constants(self) -> Array:
        """``1 + L(z)`` at each latent; infinite where the decoder is flat in some direction."""
        return np.maximum(self.sigma_max, _reciprocal(self.sigma_min))

    @property
    def constant(self) -> float:
        """``1 + L``, the theorem's constant: the largest over the latents."""
        return float(self.constants.max())

    @property
    def scale(self) -> float:
        """The factor that best brings the decoder near an isometry: it minimises the maximum."""
        low = float(self.sigma_min.min())
        return 1.0 / math.sqrt(float(self.sigma_max.max()) * low) if low > 0 else math.nan

    @property
    def constant_scale_free(self) -> float:
        """``1 + L_sim = √(max σ_max / min σ_min)``: 1 + L after the best global scale."""
        return _root_ratio(float(self.sigma_max.max()), float(self.sigma_min.min()))

    @property
    def constants_scale_free(self) -> Array:
        """``1 + L(z)`` at each latent after :attr:`scale`; the largest is the constant."""
        if math.isnan(self.scale):
            return np.full(len(self.sigma_max), math.inf)
        return np.maximum(self.scale * self.sigma_max, _reciprocal(self.scale * self.sigma_min))

    @property
    def median(self) -> float:
        """Median of ``1 + L(z)``: predicts errors between runs better than the maximum does."""
        return float(np.median(self.constants))

    @property
    def median_scale_free(self) -> float:
        """``√(median σ_max / median σ_min)``: the typical latent, after its own best scale."""
        return _root_ratio(float(np.median(self.sigma_max)), float(np.median(self.sigma_min)))

    @property
    def condition(self) -> Array:
        """``σ_max / σ_min`` at each latent; infinite where the decoder is flat."""
        held = np.where(self.sigma_min > 0, self.sigma_max, 1.0)  # 0/0 is flat as well
        return np.asarray(held * _reciprocal(self.sigma_min))

    @property
    def quantiles(self) -> dict[str, dict[float, float]]:
        """Quantiles over latents, of all that is measured at each; that at 1.0 is the maximum."""
        held = {
            "sigma_max": self.sigma_max,
            "sigma_min": self.sigma_min,
            "condition": self.condition,
            "constant": self.constants,
            "constant_scale_free": self.constants_scale_free,
        }
        # a quantile between a number and infinity is not a number; the nearest latent always is
        return {
            name: {level: float(np.quantile(values, level, method="nearest")) for level in LEVELS}
            for name, values in held.items()
        }

    def epsilon(
        self,
        c_D: float,
        diameter: float,
        *,
        scale_free: bool = False,
        statistic: str = "max",
    ) -> float:
        """Return ``ε = c_D √(2L + L²) Δ``, up to which the representation is unique (Theorem 1).

        Parameters
        ----------
        c_D : float
            The theorem's constant, which depends on the dimension alone and is not known; 1 gives
            ε in units of it, and a calibrated one the size.
        diameter : float
            Δ, of the representation.
        scale_free : bool, default False
            Use L_sim, for maps up to a similarity.
        statistic : {"max", "median"}
            ``"max"`` is the theorem's; ``"median"`` of the latents predicts better.

        Returns
        -------
        float
            From 0 (unique up to a rigid map); an L that is rounding counts as 0.

        Raises
        ------
        InputError
            If an argument is not as described.
        """
        if statistic not in ("max", "median"):
            raise InputError(f'statistic must be "max" or "median"; got {statistic!r}')
        for name, value in (("c_D", c_D), ("diameter", diameter)):
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} must be a finite number from 0; got {value!r}")
        if statistic == "max":
            constant = self.constant_scale_free if scale_free else self.constant
        else:
            constant = self.median_scale_free if scale_free else self.median
        excess = constant - 1
        if excess <= ROUNDINGS * self.resolution:
            return 0.0
        return c_D * math.sqrt(2 * excess + excess**2) * diameter

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON (infinity and nan become None)."""
        numbers = {
            name: plain(getattr(self, name))
            for name in (
                "constant",
                "constant_scale_free",
                "median",
                "median_scale_free",
                "scale",
                "resolution",
            )
        }
        arrays = {
            name: plain(getattr(self, name))
            for name in (
                "sigma_max",
                "sigma_min",
                "sigma_max_error",
                "sigma_min_error",
                "variance_ratios",
            )
        }
        return {
            **numbers,
            **arrays,
            "quantiles": plain(self.quantiles),
            "live_dimensions": self.live_basis.shape[1],
            "dimensions": self.live_basis.shape[0],
            "method": self.method,
            "warnings": list(self.warnings),
        }

    def summary(self) -> str:
        """Return the constants and the warnings as text for a terminal."""
        k, dimensions = self.live_basis.shape[1], self.live_basis.shape[0]
        lines = [
            f"decoder at {len(self.sigma_max)} latents, {k} of {dimensions} dimensions live "
            f"({self.method})",
            f"{'':24} {'1 + L':>10} {'scale-free':>10} {'√(2L+L²)':>10} {'scale-free':>10}",
            self._line("maximum (the theorem)", "max", self.constant, self.constant_scale_free),
            self._line("median (predicts better)", "median", self.median, self.median_scale_free),
            _stretch(self.quantiles),
        ]
        return "\n".join(lines + [f"warning: {warning}" for warning in self.warnings])

    def _line(self, name: str, statistic: str, raw: float, free: float) -> str:
        roots = [self.epsilon(1, 1, scale_free=flag, statistic=statistic) for flag in (False, True)]
        return f"{name:24} {raw:10.4g} {free:10.4g} {roots[0]:10.4g} {roots[1]:10.4g}"


def _stretch(quantiles: Mapping[str, Mapping[float, float]]) -> str:
    held = quantiles["constant"]
    return "1 + L over latents: " + ", ".join(f"{q:.0%} {held[q]:.4g}" for q in LEVELS)


def _reciprocal(values: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / values)


def _root_ratio(high: float, low: float) -> float:
    return math.sqrt(high / low) if low > 0 else math.inf
