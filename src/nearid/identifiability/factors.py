"""True factors as coordinates: intervals as they are, circles as circles, names as indicators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError

__all__ = ["Embedding", "embed_factors"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Embedding:
    """Factors as coordinates in which distances mean something.

    Parameters
    ----------
    values : ndarray, shape (n, C)
        float64; every factor has total variance 1.
    columns : tuple of str, length C
    owner : ndarray of int, shape (C,)
        The factor that each column belongs to.
    """

    values: Array
    columns: tuple[str, ...]
    owner: NDArray[np.intp]


def embed_factors(
    factors: Array,
    names: Sequence[str],
    *,
    periods: dict[str, float] | None = None,
    nominal: Sequence[str] = (),
) -> Embedding:
    """Give each factor coordinates that respect what its values mean.

    An interval keeps its one column. A circular factor of period p becomes ``cos(2πu/p)``,
    ``sin(2πu/p)``: 359° is near 0°. A nominal factor becomes an indicator per value. All are
    centred, and each factor is scaled to a total variance of 1, so that none outweighs another.

    Parameters
    ----------
    factors : ndarray, shape (n, S)
    names : sequence of str, length S
    periods : dict of str to float, optional
        The circular factors and their periods, in the units of their values.
    nominal : sequence of str
        Factors whose values are names without an order.

    Returns
    -------
    Embedding

    Raises
    ------
    InputError
        If a factor is constant, unknown, both circular and nominal, or has no positive period.

    Examples
    --------
    >>> hue = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> circle = embed_factors(hue, ["hue"], periods={"hue": 4})
    >>> circle.columns, bool(np.allclose(circle.values[1], [0, 1]))
    (('hue cos', 'hue sin'), True)
    """
    periods = dict(periods or {})
    _check(factors, names, periods, nominal)
    parts, columns, owner = [], [], []
    for number, (name, values) in enumerate(zip(names, factors.T, strict=True)):
        if name in periods:
            angle = 2 * np.pi * values / periods[name]
            part, labels = np.stack([np.cos(angle), np.sin(angle)], axis=1), ["cos", "sin"]
        elif name in nominal:
            kinds = np.unique(values)
            part = (values[:, None] == kinds).astype(np.float64)
            labels = [f"{kind:g}" for kind in kinds]
        else:
            part, labels = values[:, None], [""]
        part = part - part.mean(axis=0)
        # a power of two changes no digit, and keeps squares of huge and tiny factors in range
        part = np.ldexp(part, -int(np.frexp(np.abs(part).max())[1]))
        parts.append(part / np.sqrt((part**2).sum(axis=1).mean()))
        columns += [f"{name} {label}".strip() for label in labels]
        owner += [number] * part.shape[1]
    return Embedding(np.concatenate(parts, axis=1), tuple(columns), np.array(owner))


def _check(
    factors: Array, names: Sequence[str], periods: dict[str, float], nominal: Sequence[str]
) -> None:
    if len(names) != factors.shape[1]:
        raise InputError(f"{len(names)} names were given for {factors.shape[1]} factors")
    unknown = [name for name in [*periods, *nominal] if name not in names]
    if unknown:
        raise InputError(f"there is no factor {unknown[0]!r}; there are {', '.join(names)}")
    twice = [name for name in periods if name in nominal]
    if twice:
        raise InputError(f"the factor {twice[0]!r} is said to be both circular and nominal")
    for name, period in periods.items():
        if not (np.isfinite(period) and period > 0):
            raise InputError(f"the period of {name!r} must be a number above 0; got {period!r}")
    if not len(factors):
        raise InputError("the factors have no rows")
    flat = [name for name, values in zip(names, factors.T, strict=True) if np.ptp(values) == 0]
    if flat:
        raise InputError(
            f"the factor {flat[0]!r} is constant: nothing can be said of it; leave it out"
        )
