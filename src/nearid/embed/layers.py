"""Which layers are read: by name, by pattern, or all; and why a layer cannot be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from nearid.errors import InputError
from nearid.io.location import closest, listing

__all__ = ["matching", "usable"]

#: How many layers a notice names.
SHOWN = 3


def matching(layers: str | Sequence[str], names: Sequence[str]) -> tuple[list[str], bool]:
    r"""Return the names that were asked for, and whether they were asked for one by one.

    Parameters
    ----------
    layers : str or sequence of str
        ``"all"``, a name, a regular expression that must match the whole of a name, or names.
    names : sequence of str
        The names that there are.

    Raises
    ------
    InputError
        If a name is not there, or the expression matches none.

    Examples
    --------
    >>> matching(r"h\.\d+", ["wte", "h.0", "h.0.attn", "h.1"])
    (['h.0', 'h.1'], False)
    >>> matching(["h.1", "h.0"], ["wte", "h.0", "h.1"])
    (['h.1', 'h.0'], True)
    """
    if not isinstance(layers, str):
        wanted = list(dict.fromkeys(layers))
        missing = [name for name in wanted if name not in names]
        if missing or not wanted:
            _refuse(missing[0] if missing else "", names)
        return wanted, True
    if layers == "all":
        return list(names), False
    if layers in names:
        return [layers], True
    try:
        found = [name for name in names if re.fullmatch(layers, name)]
    except re.error as error:
        raise InputError(f"layers is no regular expression: {layers!r} ({error})") from None
    if not found:
        _refuse(layers, names)
    return found, False


def _refuse(wanted: str, names: Sequence[str]) -> None:
    if not wanted:
        raise InputError(f"layers names no layer; the model has {listing(names)}")
    raise InputError(
        f"the model has no layer {wanted!r}{closest(wanted, names)}; it has {listing(names)}"
    )


def usable(faults: Mapping[str, str], *, one_by_one: bool) -> tuple[list[str], list[str]]:
    """Return the layers that can be read, and what must be said of the others.

    Parameters
    ----------
    faults : mapping of str to str
        For each layer what keeps it from being read, or nothing.
    one_by_one : bool
        Whether the layers were named one by one, so that each must be read.

    Raises
    ------
    InputError
        If a layer that was named cannot be read, or none can.

    Examples
    --------
    >>> usable({"a": "", "b": "was not called"}, one_by_one=False)
    (['a'], ['1 layer was not read, which was not called: b'])
    """
    good = [name for name, fault in faults.items() if not fault]
    bad = {name: fault for name, fault in faults.items() if fault}
    if bad and (one_by_one or not good):
        name, fault = next(iter(bad.items()))
        raise InputError(f"the layer {name!r} cannot be read: it {fault}")
    kinds: dict[str, list[str]] = {}
    for name, fault in bad.items():
        kinds.setdefault(fault, []).append(name)
    return good, [
        f"{len(names)} layer{'s were' if len(names) > 1 else ' was'} not read, "
        f"{'each of ' if len(names) > 1 else ''}which {fault}: {listing(names, SHOWN)}"
        for fault, names in kinds.items()
    ]
