"""Rows that belong together, such as the cells of a well: they are held out and drawn as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.location import closest, listing
from nearid.rows import Rows

__all__ = ["LABELS", "bags_of", "split_units", "told_unit", "unit_codes"]

Codes = NDArray[np.intp]

#: How the settings of a result call labels that were given row by row.
LABELS = "labels of rows"


def told_unit(unit: Any) -> str | None:
    """Return how the settings of a result tell of units: by their column, if they are one."""
    return unit if unit is None or isinstance(unit, str) else LABELS


def unit_codes(rows: Sequence[Rows], unit: Any) -> Codes | None:
    """Return the number of the unit of each row, from 0; None where each row stands for itself.

    Parameters
    ----------
    rows : sequence of Rows
        Aligned.
    unit : str, array-like of shape (n,) or None
        A column that describes the rows of the runs, or several with commas between them, which
        name a unit together (a plate and a well of it); or a label for each row of the first run.

    Raises
    ------
    InputError
        If there is no such column, a label is missing, or their number is not that of the rows.

    Examples
    --------
    >>> rows = [Rows(np.zeros((4, 1)), metadata={"well": np.array(["B", "A", "B", "A"])})]
    >>> unit_codes(rows, "well").tolist()
    [0, 1, 0, 1]
    """
    import pandas as pd

    if unit is None:
        return None
    labels = [_labels(rows[0], unit)] if not isinstance(unit, str) else _columns(rows, unit)
    codes = np.zeros(len(rows[0]), dtype=np.intp)
    for column in map(pd.Series, labels):
        missing = (column.isna() | (column.astype(str) == "")).to_numpy()
        if missing.any():
            raise InputError(
                f"the unit of {int(missing.sum())} of {len(column)} rows is missing, first of row "
                f"{int(missing.argmax())}; drop those rows, or name what they are"
            )
        found, names = pd.factorize(column)
        codes = np.asarray(pd.factorize(codes * len(names) + found)[0], dtype=np.intp)
    return codes


def _columns(rows: Sequence[Rows], unit: str) -> list[NDArray[Any]]:
    held = {str(name): column for run in reversed(rows) for name, column in run.metadata.items()}
    wanted = [unit] if unit in held else [name.strip() for name in unit.split(",")]
    for name in wanted:
        if name not in held:
            raise InputError(
                f"the runs have no column {name!r} to take the unit from{closest(name, held)}; "
                + (f"there is {listing(held)}" if held else "pass a label for each row instead")
            )
    return [held[name] for name in wanted]


def _labels(first: Rows, unit: Any) -> NDArray[Any]:
    # of a list, NumPy would make text, and "nan" of what is missing
    labels = np.asarray(unit, dtype=None if hasattr(unit, "dtype") else object)
    if labels.shape != (len(first),):
        raise InputError(
            f"unit must be a column, or a label for each of the {len(first)} rows of {first.name}, "
            f"in their order; got an array of shape {labels.shape}"
        )
    return labels


def split_units(
    units: Codes, n_test: int, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split row numbers at random by whole units, so that about ``n_test`` rows are held out.

    Raises
    ------
    InputError
        If there are fewer than four units: two to fit on, and two held out.

    Examples
    --------
    >>> units = np.repeat(np.arange(5), 3)
    >>> train, test = split_units(units, 7, np.random.default_rng(0))
    >>> len(train), len(test), np.intersect1d(units[train], units[test]).tolist()
    (9, 6, [])
    """
    sizes = np.bincount(units)
    if len(sizes) < 4:
        raise InputError(
            f"the rows come in {len(sizes)} units: at least 4 are needed, 2 to fit on and 2 held "
            f"out; leave unit out only if rows of one unit say no more of each other than others do"
        )
    order = rng.permutation(len(sizes))
    nearest = int(np.abs(np.cumsum(sizes[order]) - n_test).argmin()) + 1
    held_out = np.isin(units, order[: min(max(nearest, 2), len(sizes) - 2)])
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def bags_of(units: Codes, most: int) -> Codes:
    """Return the bag of each row: a unit each, or several where there are more than ``most``.

    Examples
    --------
    >>> bags_of(np.array([7, 7, 3, 9]), most=2).tolist()
    [0, 0, 0, 1]
    """
    names, codes = np.unique(units, return_inverse=True)
    return np.asarray(codes * min(len(names), most) // len(names), dtype=np.intp)
