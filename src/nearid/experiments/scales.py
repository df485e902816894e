"""How much is trained, by name: the same question for every experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from nearid.errors import InputError

__all__ = ["NOT_TRAINED", "scale_named"]

Settings = TypeVar("Settings")

#: What is said of every result of the scale ``ci``.
NOT_TRAINED = "the scale ci is there to test the code: nothing is trained to its end"


def scale_named(scale: str, scales: Mapping[str, Settings]) -> Settings:
    """Return the settings of a scale.

    Raises
    ------
    InputError
        If there is none of that name.

    Examples
    --------
    >>> scale_named("ci", {"ci": 10, "cpu": 1000})
    10
    """
    if scale not in scales:
        raise InputError(f"scale must be one of {', '.join(scales)}; got {scale!r}")
    return scales[scale]
