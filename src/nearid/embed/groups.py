"""Layers whose rows are the same: all of them, or, of tokens, those with as many for each input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nearid.errors import InputError

__all__ = ["check_group", "row_groups"]


def row_groups(ids: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return for each layer the first layer that shares its list of ids.

    Examples
    --------
    >>> tokens, places = ["a#0", "a#1"], ["a#0"]
    >>> row_groups({"h.0": tokens, "conv": places, "h.1": tokens})
    {'h.0': 'h.0', 'conv': 'conv', 'h.1': 'h.0'}
    """
    first: dict[int, str] = {}
    return {name: first.setdefault(id(held), name) for name, held in ids.items()}


def check_group(name: str, leader: str, groups: Mapping[str, str]) -> None:
    """Raise InputError if a layer no longer has the rows of the layer whose ids it shares."""
    if groups[name] != groups[leader]:
        raise InputError(
            f"the layers {name!r} and {leader!r} had the same tokens at first, and then had not; "
            f"embed one of them at a time"
        )
