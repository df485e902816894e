from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest


@dataclass(frozen=True)
class Mixture:
    """Rows ``sources @ mixing.T + offset``, from independent unit-variance sources."""

    rows: np.ndarray
    sources: np.ndarray
    mixing: np.ndarray
    gaussian: np.ndarray

    def gain(self, unmixing: np.ndarray) -> np.ndarray:
        """Weight of each true source (columns) in each component (rows)."""
        return unmixing @ self.mixing


DRAW = {
    "laplace": lambda rng, shape: rng.laplace(size=shape) / np.sqrt(2),
    "uniform": lambda rng, shape: rng.uniform(-np.sqrt(3), np.sqrt(3), size=shape),
    "gaussian": lambda rng, shape: rng.standard_normal(shape),
    "skewed": lambda rng, shape: rng.exponential(size=shape) - 1,
}


def mix(*kinds: str, n: int, seed: int = 0, dtype: str = "float64") -> Mixture:
    rng = np.random.default_rng(seed)
    sources = np.stack([DRAW[kind](rng, n) for kind in kinds], axis=1)
    mixing = rng.standard_normal((len(kinds), len(kinds)))
    offset = rng.standard_normal(len(kinds))
    rows = (sources @ mixing.T + offset).astype(dtype)
    return Mixture(rows, sources, mixing, np.asarray([kind == "gaussian" for kind in kinds]))


@pytest.fixture(scope="session")
def mixture() -> Callable[..., Mixture]:
    return mix


@pytest.fixture(scope="session")
def recovery() -> Callable[[np.ndarray], float]:
    """Smallest share of a component that one source of its own makes up."""

    def smallest(gain: np.ndarray) -> float:
        share = np.abs(gain) / np.linalg.norm(gain, axis=1, keepdims=True)
        assert len(set(share.argmax(axis=1))) == len(gain), "two components found one source"
        return float(share.max(axis=1).min())

    return smallest
