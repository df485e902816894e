"""Verdicts on runs that have nothing to do with each other, and on runs that differ by little."""

from __future__ import annotations

import numpy as np

from nearid import statistical_identifiability
from nearid.deconfounding.intervals import mean_over_batches
from nearid.deconfounding.permutations import permutation_p
from nearid.linalg import random_orthogonal
from tests.calibration.draws import cells_of_wells, rows_of

__all__ = ["independent", "noisy", "of_wells", "p_of_batches", "p_of_permutations"]

QUICK = {"n_null": 2, "n_random": 1, "n_bootstrap": 100}


def independent(shape: str, n: int, d: int, seed: int) -> dict[str, bool]:
    """Say at which rungs two independent runs are within the tolerance: none should be."""
    rng = np.random.default_rng([seed, n, d])
    runs = [rows_of(shape, n, d, rng) for _ in range(2)]
    told = statistical_identifiability(runs, n_components=None, random_state=seed, **QUICK).overall
    told = told[told["group"] != "random"]
    within = told["worst_relative_upper"] <= 0.1
    names = told["frame"] + ", " + told["group"]
    return dict(zip(names, within.astype(bool), strict=True))


def noisy(group: str, noise: float, n: int, d: int, seed: int) -> dict[str, bool]:
    """Say whether runs that differ by a map of the group and noise get this group as verdict."""
    rng = np.random.default_rng([seed, n, d])
    z = rows_of("laplace", n, d, rng)
    maps = {
        "identity": np.eye(d),
        "signed_permutation": np.eye(d)[rng.permutation(d)] * rng.choice([-1, 1], size=d),
        "rigid": random_orthogonal(d, rng),
        "linear": rng.standard_normal((d, d)) + 2 * np.eye(d),
    }
    other = z @ maps[group] + noise * z.std() * rows_of("gaussian", n, d, rng)
    result = statistical_identifiability([z, other], ica=False, random_state=seed, **QUICK)
    return {group: result.verdict == group}


def of_wells(n_wells: int, n_cells: int, d: int, by_unit: bool, seed: int) -> dict[str, bool]:
    """Say whether ICA is the verdict on two linear maps of the same Gaussian cells.

    No direction of theirs is identifiable, but the wells' sample has some by chance, which ICA of
    either map finds.
    """
    rng = np.random.default_rng([seed, n_wells, n_cells, d])
    z = cells_of_wells(n_wells, n_cells, d, rng)
    units = np.repeat(np.arange(n_wells), n_cells) if by_unit else None
    other = z @ (rng.standard_normal((d, d)) + 2 * np.eye(d))
    call = {"n_components": d, "random_state": seed, **QUICK}
    found = statistical_identifiability([z, other], unit=units, **call)
    return {"ICA of Gaussian wells": found.verdict_whitened == "ica"}


def p_of_permutations(n: int, seed: int) -> float:
    """Return the p-value of a batch that has no effect, beside a label that has one."""
    rng = np.random.default_rng([seed, n])
    label, batch = rng.integers(2, size=n).astype(str), rng.integers(4, size=n).astype(str)
    codes = rng.standard_normal((n, 1)) + 2.0 * (label == "1")[:, None]
    return float(
        permutation_p(codes, batch, within=label, units=np.arange(n), n_permutations=199, rng=rng)[
            0
        ]
    )


def p_of_batches(n_batches: int, seed: int) -> float:
    """Return the p-value of a mean difference over independent batches where there is none."""
    rng = np.random.default_rng([seed, n_batches])
    return mean_over_batches(rng.standard_normal(n_batches), test_share=0.0).p
