"""What is drawn: rows of three shapes, and runs that differ by a known map and noise."""

from __future__ import annotations

import numpy as np

from nearid.linalg import random_orthogonal

__all__ = ["SHAPES", "cells_of_wells", "rows_of", "two_runs", "two_runs_of_wells"]

#: Degrees of freedom of the heavy tails; means and variances are there, kurtosis is not.
FREEDOM = 4
#: Groups of the clustered rows, and how far apart they lie in deviations within one.
GROUPS, APART = 5, 4.0


def rows_of(shape: str, n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """Draw independent rows."""
    if shape == "gaussian":
        return rng.standard_normal((n, d))
    if shape == "heavy":
        return rng.standard_t(FREEDOM, size=(n, d))
    if shape == "clustered":
        centres = APART * rng.standard_normal((GROUPS, d))
        return centres[rng.integers(GROUPS, size=n)] + rng.standard_normal((n, d))
    if shape == "laplace":
        return rng.laplace(size=(n, d))
    raise ValueError(shape)


SHAPES = ("gaussian", "heavy", "clustered")


def two_runs(
    shape: str, sizes: tuple[int, int], d: int, rng: np.random.Generator, *, noise: float = 0.3
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Draw two runs that differ by a rotation, a scale and noise, and fresh rows of the same.

    Parameters
    ----------
    shape : str
        Of the rows and of the noise.
    sizes : (int, int)
        Rows, and fresh rows, of one population.
    d : int
    rng : Generator
    noise : float
        In units of the rows.
    """
    n = sum(sizes)
    z = rows_of(shape, n, d, rng)
    other = "gaussian" if shape == "clustered" else shape
    turned = 1.5 * z @ random_orthogonal(d, rng) + 1.0
    both = [z, turned + noise * rows_of(other, n, d, rng)]
    return [x[: sizes[0]] for x in both], [x[sizes[0] :] for x in both]


def cells_of_wells(n_wells: int, n_cells: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """Draw Gaussian cells; those of a well have a Gaussian of twice their spread in common.

    They come well by well, so many of each.
    """
    wells = 2.0 * rng.standard_normal((n_wells, 1, d))
    return (wells + rng.standard_normal((n_wells, n_cells, d))).reshape(-1, d)


def two_runs_of_wells(
    sizes: tuple[int, int], n_cells: int, d: int, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Draw two runs of cells, which differ by what wells have in common, and of fresh wells.

    Parameters
    ----------
    sizes : (int, int)
        Wells, and fresh wells.
    n_cells : int
        Of each.
    d : int
    rng : Generator
    """
    n = sum(sizes)
    z = cells_of_wells(n, n_cells, d, rng)
    turned = 1.5 * z @ random_orthogonal(d, rng) + 0.3 * cells_of_wells(n, n_cells, d, rng)
    cut = sizes[0] * n_cells
    return [z[:cut], turned[:cut]], [z[cut:], turned[cut:]]
