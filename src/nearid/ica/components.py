"""What can be said about each component, from the sums of one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearid.ica.contrasts import Contrast
from nearid.ica.passes import POWERS, Sums
from nearid.ica.separability import blocks, gaussian_components, leakage, separable_pairs

__all__ = ["Components", "describe"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Components:
    """Statistics of k unit-variance components, in the order of the rotation's rows.

    Parameters
    ----------
    alpha : ndarray, shape (k,)
        ``E[y g(y)] − E[g'(y)]``.
    tau : ndarray, shape (k,)
        ``|α|``: how much the contrast sees.
    tau_error : ndarray, shape (k,)
        Standard error of τ, counting that mean and variance were estimated too.
    beta, gamma : ndarray, shape (k,)
        ``E[g(y)²]``, and that less ``E[y g(y)]²``.
    negentropy : ndarray, shape (k,)
        Distance from a Gaussian in nats, by the contrast's approximation: 0 for a Gaussian.
    skewness : ndarray, shape (k,)
        ``E[y³]``.
    kurtosis : ndarray, shape (k,)
        ``E[y⁴]``, 3 for a Gaussian.
    super_gaussian : ndarray of bool, shape (k,)
        Whether the tails are heavier than a Gaussian's.
    gaussian : ndarray of bool, shape (k,)
        Whether the contrast cannot tell the component from a Gaussian.
    leakage : ndarray, shape (k, k)
        Row k, column l: predicted weight of l left in k, ``√(V_kl / N)``.
    blocks : list of ndarray of int
        Groups of two or more components that cannot be told apart.

    See Also
    --------
    describe : computes them.
    """

    alpha: Array
    tau: Array
    tau_error: Array
    beta: Array
    gamma: Array
    negentropy: Array
    skewness: Array
    kurtosis: Array
    super_gaussian: NDArray[np.bool_]
    gaussian: NDArray[np.bool_]
    leakage: Array
    blocks: list[NDArray[np.intp]]

    @property
    def identifiable(self) -> NDArray[np.bool_]:
        """Which components belong to no block."""
        mask = np.ones(len(self.tau), bool)
        for block in self.blocks:
            mask[block] = False
        return mask

    @property
    def largest_leakage(self) -> tuple[Array, NDArray[np.intp]]:
        """The largest predicted leakage into each component, and where from (−1 for a lone one)."""
        if len(self.tau) == 1:
            return np.zeros(1), np.full(1, -1)
        source = self.leakage.argmax(axis=1)
        return self.leakage[np.arange(len(source)), source], source

    def taken(self, index: NDArray[np.intp]) -> Components:
        """Return the chosen components, in this order, signed by convention."""
        position = np.full(len(self.tau), -1)
        position[index] = np.arange(len(index))
        kept = [position[block][position[block] >= 0] for block in self.blocks]
        return Components(
            alpha=self.alpha[index],
            tau=self.tau[index],
            tau_error=self.tau_error[index],
            beta=self.beta[index],
            gamma=self.gamma[index],
            negentropy=self.negentropy[index],
            skewness=np.abs(self.skewness[index]),
            kurtosis=self.kurtosis[index],
            super_gaussian=self.super_gaussian[index],
            gaussian=self.gaussian[index],
            leakage=self.leakage[np.ix_(index, index)],
            blocks=sorted(
                (np.sort(block) for block in kept if len(block) > 1), key=lambda block: block[0]
            ),
        )


def describe(sums: Sums, contrast: Contrast) -> Components:
    """Describe components from the sums of the pass at their rotation.

    Parameters
    ----------
    sums : Sums
        With powers.
    contrast : Contrast

    Returns
    -------
    Components

    References
    ----------
    Tichavský, Koldovský & Oja, IEEE Transactions on Signal Processing 54(4), 2006; Hyvärinen,
    NIPS 10, 1998 (the approximation of negentropy).
    """
    mean = dict(zip(POWERS, sums.powers, strict=True))
    alpha = sums.alpha
    beta = mean["g²"]
    gamma = np.maximum(beta - np.diag(sums.cross) ** 2, 0.0)
    gaussian = gaussian_components(alpha, sums.n, contrast)
    predicted = leakage(alpha, gamma, sums.n)
    reference = contrast.gaussian
    return Components(
        alpha=alpha,
        tau=np.abs(alpha),
        tau_error=_alpha_error(alpha, mean, sums.n),
        beta=beta,
        gamma=gamma,
        negentropy=0.5 * ((sums.value - reference.value) / reference.value_scale) ** 2,
        skewness=mean["y³"],
        kurtosis=mean["y⁴"],
        super_gaussian=np.sign(alpha) == contrast.super_gaussian_sign,
        gaussian=gaussian,
        leakage=predicted,
        blocks=blocks(separable_pairs(gaussian, predicted)),
    )


def _alpha_error(alpha: Array, mean: dict[str, Array], n: int) -> Array:
    """Return the standard error of α by its influence function.

    With y standardised by its own mean and deviation, a row moves α by
    ``ψ − α − ½ E[ψ' y] (y² − 1) − E[ψ'] y``.
    """
    spread, shift = 0.5 * mean["ψ'y"], mean["ψ'"]
    variance = (
        mean["ψ²"]
        - alpha**2
        + spread**2 * (mean["y⁴"] - 1)
        + shift**2
        - 2 * spread * (mean["ψy²"] - alpha)
        - 2 * shift * mean["ψy"]
        + 2 * spread * shift * mean["y³"]
    )
    return np.asarray(np.sqrt(np.maximum(variance, 0.0) / n))
