"""What every structural metric returns, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.plain import plain

__all__ = ["DEAD", "ONE_FACTOR", "Score", "reason_if_dead", "shuffled_chance"]

#: Reasons that several metrics give.
DEAD = "all codes are constant: they know nothing"
ONE_FACTOR = "with one factor there is no other that a code could tell of"


@dataclass(frozen=True)
class Score:
    """A score with what is needed to read it.

    Parameters
    ----------
    name : str
        The metric, with its variant where there are several.
    value : float or None
        None where the metric is undefined; ``reason`` then says why.
    parts : mapping of str to object
        Sub-scores by name: floats, None where undefined, or arrays.
    chance : float or None
        The value for the same codes with their rows shuffled: what a representation scores that
        knows nothing of the factors.
    higher_is_better : bool
    bounds : (float, float)
        Least and greatest possible value.
    reason : str or None
        Why ``value`` or a part is undefined, or must be read with care.
    """

    name: str
    value: float | None
    parts: Mapping[str, Any] = field(default_factory=dict)
    chance: float | None = None
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return all of it in types that JSON knows.

        Examples
        --------
        >>> Score("mig", 0.5, chance=0.01).to_dict()["value"]
        0.5
        """
        return {
            "name": self.name,
            "value": self.value,
            "parts": plain(self.parts),
            "chance": self.chance,
            "higher_is_better": self.higher_is_better,
            "bounds": plain(self.bounds),
            "reason": self.reason,
        }


def reason_if_dead(codes: NDArray[Any]) -> str | None:
    """Return the reason why codes score nothing, if all of them are constant.

    Examples
    --------
    >>> reason_if_dead(np.array([[1.0], [2.0]])) is None
    True
    """
    return None if np.any(np.ptp(codes, axis=0)) else DEAD


def shuffled_chance(
    evaluate: Callable[[NDArray[Any]], float | None],
    codes: NDArray[Any],
    *,
    n_shuffles: int,
    rng: np.random.Generator,
) -> float | None:
    """Return the mean score of codes whose rows were shuffled; None where all are undefined.

    Parameters
    ----------
    evaluate : callable
        From codes to a score.
    codes : ndarray, shape (n, L)
    n_shuffles : int
        0 asks for no chance level.
    rng : Generator

    Returns
    -------
    float or None
    """
    found = [evaluate(codes[rng.permutation(len(codes))]) for _ in range(n_shuffles)]
    values = [value for value in found if value is not None]
    return float(np.mean(values)) if values else None
