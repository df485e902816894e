"""What is known of components where rows come in units, and say less than so many rows would."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.ica.contrasts import Contrast, contrast_named
from nearid.ica.fitting import Fit
from nearid.ica.separability import blocks, gaussian_components, leakage, separable_pairs
from nearid.ica.settings import Settings
from nearid.rows import Rows, fold

__all__ = ["design_effect", "discounted"]

Array = NDArray[np.float64]


def discounted(fit: Fit, rows: Rows, bags: NDArray[np.intp], settings: Settings) -> Fit:
    """Return a fit whose components are described as by so many independent rows as there are.

    Cells of one well share what the well had: a hundred wells of a hundred cells are a Gaussian
    sample of a hundred where wells differ by a Gaussian, and ICA finds the chance structure of
    those hundred in every run. So which components are Gaussian, and which are told apart, follows
    from ``n / deff`` rows.

    Parameters
    ----------
    fit : Fit
    rows : Rows
        To which it was fitted.
    bags : ndarray of int, shape (n,)
        The bag of each row, from 0, without gaps: what is independent of other bags.
    settings : Settings
        With which it was fitted.

    See Also
    --------
    design_effect : deff.
    """
    measure = contrast_named(settings.contrast)
    found = fit.components
    n = len(rows) / design_effect(fit, rows, bags, measure, n_jobs=settings.n_jobs)
    gaussian = gaussian_components(found.alpha, n, measure)
    leaks = leakage(found.alpha, found.gamma, np.minimum(n[:, None], n))
    return replace(
        fit,
        components=replace(
            found,
            tau_error=found.tau_error * np.sqrt(len(rows) / n),
            gaussian=gaussian,
            leakage=leaks,
            blocks=blocks(separable_pairs(gaussian, leaks)),
        ),
    )


def design_effect(
    fit: Fit, rows: Rows, bags: NDArray[np.intp], contrast: Contrast, *, n_jobs: int = 1
) -> Array:
    r"""Return by how much the variance of each component's α is larger than of independent rows.

    ``deff = Σ_b (Σ_{i in b} e_i)² / Σ_i e_i²``, at least 1, where ``e_i`` is what row i moves α by
    (its influence): 1 where rows of a bag are independent, the bag's size where they are alike.

    Returns
    -------
    ndarray, shape (k,)

    References
    ----------
    Kish, Survey Sampling, Wiley, 1965, section 5.4.
    """
    count = np.bincount(bags)[:, None]
    n, n_bags = len(rows), len(count)

    def kernel(chunk: NDArray[Any], codes: NDArray[Any]) -> tuple[Array, ...]:
        order = np.argsort(codes[:, 0], kind="stable")
        y = np.asarray((chunk[order] - fit.mean) @ fit.unmixing.T, dtype=np.float64)
        g, slope, bend = contrast.derivatives(y)
        psi, psi_slope = y * g - slope, g + y * slope - bend
        present, starts = np.unique(codes[order, 0], return_index=True)
        sums = np.zeros((3, n_bags, y.shape[1]))
        for total, values in zip(sums, (y, y * y, psi), strict=True):
            total[present] = np.add.reduceat(values, starts, axis=0)
        return sums, psi_slope.sum(axis=0), (psi_slope * y).sum(axis=0)

    (first, second, psi), shift, spread = fold(kernel, rows, Rows(bags[:, None]), n_jobs=n_jobs)
    influence = psi - fit.components.alpha * count
    influence -= 0.5 * spread / n * (second - count) + shift / n * first
    alone = (n * fit.components.tau_error) ** 2
    ratio = (influence**2).sum(axis=0) / np.maximum(alone, np.finfo(float).tiny)
    return np.asarray(np.maximum(ratio, 1.0))
