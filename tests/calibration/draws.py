"""What is drawn: rows of three shapes, and runs that differ by a known map and noise."""

from __future__ import annotations

import numpy as np

from nearid.linalg import random_orthogonal

__all__ = ["SHAPES", "rows_of", "two_runs"]

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
