"""Which columns are features, and which one holds the ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.location import closest, listing, match, one_line

__all__ = ["choose", "chosen_notice", "first_duplicate", "named_ids"]

Array = NDArray[Any]


def choose(columns: Sequence[str] | None, features: str, where: str) -> list[int]:
    """Return the positions of the columns that ``features`` means.

    Parameters
    ----------
    columns : sequence of str or None
        The names to choose from; None if the table has none.
    features : str
        Names or globs with commas between them. A name that itself has a comma is reached by a
        glob (``?`` stands for the comma). The result is in the order of the patterns, then of the
        table.
    where : str
        How messages call the table.

    Raises
    ------
    InputError
        If the table has no column names, or a pattern means none of them.

    Examples
    --------
    >>> choose(["a1", "b", "a2"], "b, a*", "t")
    [1, 0, 2]
    """
    if columns is None:
        raise InputError(f"{where} has no column names, so features cannot be chosen by {features}")
    position = {name: i for i, name in reversed(list(enumerate(columns)))}
    chosen: dict[int, None] = {}
    for pattern in filter(None, (part.strip() for part in features.split(","))):
        found = match(pattern, position)
        if not found:
            raise InputError(
                f"{where} has no feature {one_line(pattern)}{closest(pattern, position)}; its "
                f"{len(columns)} features are {listing(columns)}"
            )
        chosen.update(dict.fromkeys(sorted(position[name] for name in found)))
    if not chosen:
        raise InputError(f"{where}: features names no column, got {features!r}")
    return list(chosen)


def chosen_notice(n_chosen: int, n_features: int) -> list[str]:
    """Return what must be said of the features that were not chosen."""
    if n_chosen == n_features:
        return []
    return [f"{n_features - n_chosen} of {n_features} features were not chosen"]


def first_duplicate(names: Sequence[str]) -> str | None:
    """Return the first name that was there before, or None.

    Examples
    --------
    >>> first_duplicate(["a", "b", "a"])
    'a'
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def named_ids(
    metadata: Mapping[str, Array], id_column: str | None, usual: str | None, where: str
) -> tuple[Array | None, dict[str, Array], list[str]]:
    """Take the ids out of what describes the rows.

    Parameters
    ----------
    metadata : mapping of str to ndarray
    id_column : str, optional
        The column that the user named: it must be there, and every value must be unique.
    usual : str, optional
        The column that holds the ids by convention. If its values are not unique it stays with the
        metadata, which is said.
    where : str
        How messages call the table.

    Returns
    -------
    ids : ndarray or None
    metadata : dict
        The rest.
    notices : list of str
    """
    rest = dict(metadata)
    if id_column is not None:
        if id_column not in rest:
            raise InputError(
                f"{where} has no column {id_column} to take the ids from; there is "
                f"{listing(rest)}{closest(id_column, rest)}"
            )
        ids = rest.pop(id_column)
        wrong = _not_unique(ids)
        if wrong is not None:
            raise InputError(
                f"{where}: the ids must be unique, but {id_column} holds {wrong}; name another "
                f"column, or make one that is, such as plate and well in one"
            )
        return ids, rest, []
    if usual is None or usual not in rest:
        return None, rest, []
    wrong = _not_unique(rest[usual])
    if wrong is not None:
        return None, rest, [f"{usual} holds {wrong}, so it is metadata and not ids"]
    return rest.pop(usual), rest, []


def _not_unique(ids: Array) -> str | None:
    if _missing(ids).any():
        return "missing values"
    unique, first = np.unique(ids, return_index=True)
    if len(unique) == len(ids):
        return None
    repeats = np.setdiff1d(np.arange(len(ids)), first, assume_unique=True)
    return f"{ids[repeats[0]]} more than once"


def _missing(ids: Array) -> NDArray[np.bool_]:
    if ids.dtype.kind == "U":
        return np.asarray(ids == "")
    if ids.dtype.kind in "mM":
        return np.asarray(np.isnat(ids))
    return np.isnan(ids) if ids.dtype.kind == "f" else np.zeros(len(ids), dtype=bool)
