"""What a decoder's constants say of its representation: the ε of Theorem 1, and in which units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nearid.decoder.result import BiLipschitz

__all__ = ["Implied", "implied"]

STATISTICS = ("max", "median")


@dataclass(frozen=True)
class Implied:
    """Up to which ε a representation is unique, by the largest and by the typical constant.

    Parameters
    ----------
    rigid, similarity : mapping of {"max", "median"} to float
        ε up to a rigid map, and up to a similarity. ``"max"`` is the theorem's.
    unit : str
        What ε is measured in: empty if neither c_D nor Δ is open.
    """

    rigid: Mapping[str, float]
    similarity: Mapping[str, float]
    unit: str


def implied(
    result: BiLipschitz, *, c_D: float | None = None, diameter: float | None = None
) -> Implied:
    """Return ``ε = c_D √(2L + L²) Δ``, in units of whatever of c_D and Δ is not given.

    Parameters
    ----------
    result : BiLipschitz
    c_D : float, optional
        The theorem's constant, which depends on the dimension alone and is not known.
    diameter : float, optional
        Δ, of the representation.

    Returns
    -------
    Implied

    Raises
    ------
    InputError
        If a number is negative or not finite.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, Theorem 1.

    Examples
    --------
    >>> import numpy as np
    >>> from nearid.decoder import bilipschitz
    >>> found = bilipschitz(lambda z: 2 * z, np.random.default_rng(0).normal(size=(9, 2)))
    >>> implied(found, c_D=0.5)  # doctest: +ELLIPSIS
    Implied(rigid={'max': 0.866..., 'median': 0.866...}, similarity={...}, unit='Δ')
    """
    given = (1.0 if c_D is None else c_D, 1.0 if diameter is None else diameter)
    rigid, similarity = (
        {name: result.epsilon(*given, scale_free=flag, statistic=name) for name in STATISTICS}
        for flag in (False, True)
    )
    is_open = {"c_D": c_D is None, "Δ": diameter is None}
    return Implied(rigid, similarity, "·".join(name for name, flag in is_open.items() if flag))
