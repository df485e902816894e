"""Drawing codes while one factor is held: from a table, or from what renders factors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nearid.metrics.arguments import labels

__all__ = ["Generative", "Tabulated", "World"]

Array = NDArray[np.float64]


class World(Protocol):
    """What can be asked for codes."""

    n_factors: int

    def codes(self, n: int, rng: Any) -> Array:
        """Return the codes of n random samples."""

    def held(self, n: int, factor: int, rng: Any) -> Array:
        """Return the codes of n random samples that share their value of a factor."""

    def pairs(self, n: int, factor: int, rng: Any) -> tuple[Array, Array]:
        """Return the codes of n pairs; the two of each pair share their value of a factor."""


@dataclass(frozen=True, eq=False)
class Generative:
    """Any combination of factors can be had: ``represent`` maps factors to codes.

    Parameters
    ----------
    sizes : sequence of int
        Number of values of each factor.
    represent : callable
        From integer factors, shape (n, S), to codes, shape (n, L).
    """

    sizes: Sequence[int]
    represent: Callable[[NDArray[np.intp]], Array]

    @property
    def n_factors(self) -> int:
        """Number of factors."""
        return len(self.sizes)

    def _factors(self, n: int, rng: Any) -> NDArray[np.intp]:
        return np.stack([rng.integers(size, size=n) for size in self.sizes], axis=1)

    def codes(self, n: int, rng: Any) -> Array:
        """Return the codes of n random samples."""
        return self.represent(self._factors(n, rng))

    def held(self, n: int, factor: int, rng: Any) -> Array:
        """Return the codes of n random samples that share their value of a factor."""
        drawn = self._factors(n, rng)
        drawn[:, factor] = drawn[0, factor]
        return self.represent(drawn)

    def pairs(self, n: int, factor: int, rng: Any) -> tuple[Array, Array]:
        """Return the codes of n pairs; the two of each pair share their value of a factor."""
        first, second = self._factors(n, rng), self._factors(n, rng)
        second[:, factor] = first[:, factor]
        return self.represent(first), self.represent(second)


class Tabulated:
    """Only the rows of a table can be had, drawn with replacement.

    Parameters
    ----------
    factors : ndarray, shape (n, S)
    table : ndarray, shape (n, L)
    """

    def __init__(self, factors: Array, table: Array) -> None:
        self.table, self.n_factors = table, factors.shape[1]
        self.labels = [labels(s, name=f"factor {i}") for i, s in enumerate(factors.T)]
        self.rows = [
            np.split(np.argsort(y, kind="stable"), np.cumsum(np.bincount(y))[:-1])
            for y in self.labels
        ]

    def codes(self, n: int, rng: Any) -> Array:
        """Return the codes of n random rows."""
        return np.asarray(self.table[rng.integers(len(self.table), size=n)])

    def held(self, n: int, factor: int, rng: Any) -> Array:
        """Return the codes of n random rows that share their value of a factor."""
        value = self.labels[factor][rng.integers(len(self.table))]
        rows = self.rows[factor][value]
        return np.asarray(self.table[rows[rng.integers(len(rows), size=n)]])

    def pairs(self, n: int, factor: int, rng: Any) -> tuple[Array, Array]:
        """Return the codes of n pairs; the two of each pair share their value of a factor."""
        first = rng.integers(len(self.table), size=n)
        groups = [self.rows[factor][value] for value in self.labels[factor][first]]
        second = [group[int(rng.integers(len(group)))] for group in groups]
        return self.table[first], self.table[second]
