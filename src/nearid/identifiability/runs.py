"""Several runs made comparable: named, aligned by ids, of one length, and looked over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.identifiability.units import split_units
from nearid.linalg import numerical_rank, symmetric_eigen
from nearid.moments import Moments
from nearid.rows import Rows, as_rows

__all__ = ["RunSummary", "align", "collect_runs", "split_rows", "summarise_run"]

#: A run whose standard deviation is below so many roundings of its size holds nothing else.
ROUNDINGS = 8


@dataclass(frozen=True)
class RunSummary:
    """What is worth knowing of one run before it is compared.

    Parameters
    ----------
    name : str
    n_columns : int
    rank : int
        Numerical rank of the covariance on the fitting rows.
    scale : float
        Root of the total variance.
    collapsed : bool
        Every row is the same: the run says nothing about its inputs.
    """

    name: str
    n_columns: int
    rank: int
    scale: float
    collapsed: bool


def collect_runs(runs: Mapping[str, Any] | Iterable[Any]) -> list[Rows]:
    """Turn what a user gave into named :class:`~nearid.rows.Rows`.

    Parameters
    ----------
    runs : mapping of name to table, or iterable of tables
        Tables are whatever :func:`nearid.rows.as_rows` takes.

    Returns
    -------
    list of Rows
        At least two, with names of their own.

    Raises
    ------
    InputError
        If there are fewer than two, or one is not a table.

    Examples
    --------
    >>> [run.name for run in collect_runs([[[1.0]], [[2.0]]])]
    ['run 0', 'run 1']
    """
    _check_several(runs)
    if isinstance(runs, Mapping):
        rows = [as_rows(data, name=str(name)) for name, data in runs.items()]
    else:
        rows = [_numbered(i, data) for i, data in enumerate(runs)]
    if len(rows) < 2:
        raise InputError(f"expected at least two runs to compare, got {len(rows)}")
    counts = Counter(run.name for run in rows)
    return [
        replace(run, name=f"{run.name} ({i})") if counts[run.name] > 1 else run
        for i, run in enumerate(rows)
    ]


def _check_several(runs: Any) -> None:
    """Refuse one table, or the path of one, where several are expected."""
    one_path = isinstance(runs, str | bytes) or hasattr(runs, "__fspath__")
    one_table = hasattr(runs, "iloc") or len(getattr(runs, "shape", (0, 0, 0))) < 3
    if one_path or one_table or not isinstance(runs, Iterable):
        what = repr(runs) if one_path else f"one {type(runs).__name__}"
        raise InputError(
            f"expected several runs, as a list or a mapping of name to table; got {what}"
        )


def _numbered(position: int, data: Any) -> Rows:
    named = isinstance(data, Rows | str) or hasattr(data, "__fspath__")
    return as_rows(data, name=None if named else f"run {position}")


def align(runs: Sequence[Rows]) -> tuple[list[Rows], list[str]]:
    """Bring the runs' rows into one order, by their ids.

    Without ids in every run the order is taken as it is, and a warning says so.

    Returns
    -------
    runs : list of Rows
        In the order of the first.
    warnings : list of str

    Raises
    ------
    InputError
        If lengths differ, an id occurs twice, or the runs hold different ids.

    Examples
    --------
    >>> a, b = as_rows([[1.0], [2.0]], ids=[1, 2]), as_rows([[20.0], [10.0]], ids=[2, 1])
    >>> align([a, b])[0][1].read(0, 2).ravel().tolist()
    [10.0, 20.0]
    """
    without = [run.name for run in runs if run.ids is None]
    first = runs[0]
    for run in runs:
        if len(run) != len(first) and (without or run.ids is None):
            raise InputError(
                f"the runs must describe the same inputs: {first.name} has {len(first)} rows, "
                f"{run.name} has {len(run)}; give both an id column, or cut them to the shared rows"
            )
    if without:
        some = "no run has" if len(without) == len(runs) else f"{', '.join(without)} has no"
        return list(runs), [
            f"{some} ids: the rows are assumed to describe the same inputs in the same order"
        ]
    positions = {_key(value): i for i, value in enumerate(_unique_ids(first))}
    return [first, *(_reordered(run, positions, first) for run in runs[1:])], []


def _key(value: Any) -> str:
    """Ids are compared as text, so that 7 in one file is 7 in another that stores strings."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _unique_ids(run: Rows) -> NDArray[Any]:
    assert run.ids is not None
    counts = Counter(map(_key, run.ids))
    value, times = counts.most_common(1)[0] if counts else ("", 0)
    if times > 1:
        raise InputError(
            f"{run.name}: the id {value!r} occurs {times} times; ids must name one row each"
        )
    return run.ids


def _reordered(run: Rows, positions: Mapping[str, int], first: Rows) -> Rows:
    ids = [_key(value) for value in _unique_ids(run)]
    foreign = [value for value in ids if value not in positions]
    if foreign or len(ids) != len(positions):
        shared = len(ids) - len(foreign)
        if foreign and not shared:
            raise InputError(
                f"the runs must describe the same inputs, but {first.name} and {run.name} share no "
                f"id: {next(iter(positions), None)!r} is one of {first.name}, {foreign[0]!r} of "
                f"{run.name}; do both columns of ids name the same thing?"
            )
        example = f", such as {foreign[0]!r}" if foreign else ""
        raise InputError(
            f"the runs must describe the same inputs: {first.name} has {len(positions)} ids, "
            f"{run.name} has {len(ids)}, of which {shared} are shared"
            f"{f' and {len(foreign)} are not{example}' if foreign else ''}; "
            f"cut them to the shared rows"
        )
    order = np.empty(len(ids), dtype=np.intp)
    order[[positions[value] for value in ids]] = np.arange(len(ids))
    return run if np.array_equal(order, np.arange(len(ids))) else run.take(order)


def split_rows(
    n_rows: int,
    holdout: float | int,
    rng: np.random.Generator,
    units: NDArray[np.intp] | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split row numbers at random into rows to fit on and rows to measure on, each in order.

    Parameters
    ----------
    n_rows : int
    holdout : float in (0, 1) or int
        Share, or number, of the rows to measure on; with units, as nearly as whole ones allow.
    rng : numpy.random.Generator
    units : ndarray of int, shape (n_rows,), optional
        The unit of each row, of which none is on both sides.

    Raises
    ------
    InputError
        If either part would have fewer than two rows, or units.

    Examples
    --------
    >>> train, test = split_rows(10, 0.3, np.random.default_rng(0))
    >>> len(train), len(test)
    (7, 3)
    """
    fraction = isinstance(holdout, float | np.floating)
    whole = isinstance(holdout, int | np.integer) and not isinstance(holdout, bool)
    if not (0 < holdout < 1 if fraction else whole and holdout >= 1):
        raise InputError(
            f"holdout must be a share of the rows between 0 and 1, or a number of rows; "
            f"got {holdout!r}"
        )
    n_test = round(n_rows * holdout) if fraction else int(holdout)
    if min(n_test, n_rows - n_test) < 2:
        raise InputError(
            f"the runs have {n_rows} rows: at least 4 are needed, 2 to fit on and 2 held out "
            f"(holdout is {holdout!r})"
        )
    if units is not None:
        return split_units(units, n_test, rng)
    shuffled = rng.permutation(n_rows)
    return np.sort(shuffled[n_test:]), np.sort(shuffled[:n_test])


def summarise_run(run: Rows, joint: Moments, position: int) -> RunSummary:
    """Look at one run's moments: its rank, its scale, and whether it has collapsed."""
    block = joint.block(position)
    cov, mean = joint.cov[block, block], joint.mean[block]
    scale = float(np.sqrt(max(np.trace(cov), 0.0)))
    eps = float(np.finfo(run.dtype if run.dtype.kind == "f" else np.float64).eps)
    collapsed = scale <= ROUNDINGS * eps * float(np.linalg.norm(mean))
    rank = 0 if collapsed else numerical_rank(symmetric_eigen(cov)[0], mean=mean, dtype=run.dtype)
    return RunSummary(run.name, run.n_columns, rank, scale, collapsed)
