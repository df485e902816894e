"""What a data set can and cannot answer: labels across batches, before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.deconfounding.profiles import Profiles
from nearid.errors import InputError
from nearid.io.location import closest, listing

__all__ = ["Design", "Task", "design"]

Mask = NDArray[np.bool_]

#: Cramér's V from which on label and batch are too alike to tell their effects apart.
CONFOUNDED = 0.5


@dataclass(frozen=True, eq=False)
class Task:
    """Two classes to tell apart.

    Parameters
    ----------
    name : str
        The positive class.
    positive, used : ndarray of bool, shape (n,)
        Rows of the class, and all rows that take part.
    """

    name: str
    positive: Mask
    used: Mask


@dataclass(frozen=True, eq=False)
class Design:
    """Labels, batches and controls of all rows, and what follows from how they are crossed.

    Parameters
    ----------
    batch, label : ndarray of str, shape (n,)
    control : ndarray of bool, shape (n,), optional
    tasks : tuple of Task
        Each class against the controls; without controls, against all others.
    association : float
        Cramér's V of label and batch: 0 if crossed, 1 if one determines the other.
    refused : str or None
        Why no verdict can be given.
    warnings : tuple of str
    """

    batch: NDArray[np.str_]
    label: NDArray[np.str_]
    control: Mask | None
    tasks: tuple[Task, ...]
    association: float
    refused: str | None
    warnings: tuple[str, ...]


def design(profiles: Profiles, *, batch: str, label: str, control: str | None) -> Design:
    """Look at how labels, batches and controls are crossed.

    Raises
    ------
    InputError
        If a column is missing or incomplete, there is one class only, or every batch has one.
    """
    batches, labels = profiles.column(batch, "batch"), profiles.column(label, "label")
    marked = None if control is None else _controls(profiles, labels, control, label)
    if not len(labels):
        raise InputError("the profiles have no rows: there is nothing to tell apart")
    table = pd.crosstab(labels, batches)
    if len(table) < 2:
        raise InputError(f"every row has the {label} {labels[0]}: there is nothing to tell apart")
    if int((table > 0).sum(axis=0).max()) == 1:
        raise InputError(
            f"{label} and {batch} are confounded: every batch holds one class only, so no held-out "
            f"batch can show whether the classes differ; no method can mend that afterwards"
        )
    tasks = _tasks(labels, marked)
    association = _cramers_v(table.to_numpy(dtype=np.float64))
    refused = None
    if association > CONFOUNDED:
        refused = (
            f"{label} and {batch} are confounded (Cramér's V {association:.2f}): what differs "
            f"between classes may be what differs between batches"
        )
    warnings = [] if refused is None else [refused]
    lonely = [str(name) for name, row in table.iterrows() if int((row > 0).sum()) == 1]
    if lonely:
        warnings.append(
            f"{listing(lonely)} {'occurs' if len(lonely) == 1 else 'occur'} in one batch only: "
            f"never both trained on and tested on, so without a score"
        )
    return Design(batches, labels, marked, tasks, association, refused, tuple(warnings))


def _controls(
    profiles: Profiles, labels: NDArray[np.str_], control: str, label: str
) -> NDArray[np.bool_]:
    """Return which rows are controls: a column of yes and no, or a value of the label."""
    if control not in profiles.metadata:
        text = str(control)  # as labels are: 0 is the value "0"
        if text in labels:
            return np.asarray(labels == text)
        columns = [str(name) for name in profiles.metadata.columns]
        values = [str(name) for name in np.unique(labels)]
        raise InputError(
            f"control is {control!r}, which is neither a column nor a value of {label}; columns "
            f"are {listing(columns)}, and values {listing(values)}"
            f"{closest(text, [*columns, *values])}"
        )
    said = np.char.lower(profiles.column(control, "control"))
    yes, no = np.isin(said, ("1", "true", "yes")), np.isin(said, ("0", "false", "no"))
    if not (yes | no).all():
        other = said[~(yes | no)][0]
        raise InputError(
            f"{control} must say of each row whether it is a control, by 1 or 0, true or false, "
            f"yes or no; it holds {str(other)!r}"
        )
    if not yes.any() or yes.all():
        raise InputError(f"{control} marks {'no' if not yes.any() else 'every'} row as a control")
    return np.asarray(yes)


def _tasks(labels: NDArray[np.str_], control: Mask | None) -> tuple[Task, ...]:
    names = [str(name) for name in np.unique(labels)]
    everyone = np.ones(len(labels), bool)
    if control is None:
        chosen = names[-1:] if len(names) == 2 else names  # the two tasks of two classes are one
        return tuple(Task(name, labels == name, everyone) for name in chosen)
    found = []
    for name in names:
        positive = (labels == name) & ~control
        if positive.any():
            found.append(Task(name, positive, positive | control))
    return tuple(found)


def _cramers_v(table: NDArray[np.float64]) -> float:
    """Return Cramér's V, corrected for chance (Bergsma, 2013)."""
    n, (rows, columns) = table.sum(), table.shape
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = float(((table - expected) ** 2 / expected).sum() / n)
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    smaller = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1))
    return float(np.sqrt(phi / (smaller - 1))) if smaller > 1 else 0.0
