"""What every reader returns: one table of numbers, and what describes its rows and columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.origin import Origin

__all__ = ["Table"]

#: Kinds of NumPy types that are real numbers: floats, integers, unsigned integers, booleans.
REAL_KINDS = "fiub"


@dataclass(frozen=True, eq=False)
class Table:
    """One table of real numbers, as a file holds it.

    Parameters
    ----------
    values : array-like, shape (n_rows, n_columns)
        Has ``shape``, ``dtype`` and NumPy indexing (slices, and integer arrays in any order and
        with repeats) on its first axis. Read lazily where the format allows it: a memory map, a
        Zarr array.
    name : str
        How messages call it.
    ids : ndarray of shape (n_rows,), optional
        One id per row.
    metadata : mapping of str to ndarray of shape (n_rows,)
        Further columns that describe the rows.
    columns : tuple of str, optional
        Names of the columns of ``values``.
    notices : tuple of str
        What was left out or treated specially: nothing is dropped silently.
    origin : Origin, optional
        The files from which values are still read, by which a change of them is noticed.

    Raises
    ------
    InputError
        If ``values`` is not a two-dimensional table of real numbers with at least one column, or
        if what describes its rows or columns has another length.

    Examples
    --------
    >>> import numpy as np
    >>> table = Table(np.zeros((2, 3)), "run", ids=np.array(["a", "b"]))
    >>> table.values.shape, table.notices
    ((2, 3), ())
    """

    values: Any
    name: str
    ids: NDArray[Any] | None = None
    metadata: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None
    notices: tuple[str, ...] = ()
    origin: Origin | None = None

    def __post_init__(self) -> None:
        check_values(self.values.shape, self.values.dtype, self.name)
        n_rows, n_columns = self.values.shape
        described = {"ids": self.ids} | {f"metadata {key}": v for key, v in self.metadata.items()}
        for what, column in described.items():
            if column is not None and column.shape != (n_rows,):
                raise InputError(
                    f"{self.name} has {n_rows} rows, but its {what} have the shape {column.shape}; "
                    f"give one value per row"
                )
        if self.columns is not None and len(self.columns) != n_columns:
            raise InputError(
                f"{self.name} has {n_columns} columns, but {len(self.columns)} column names"
            )


def check_values(shape: tuple[int, ...], dtype: Any, name: str) -> None:
    """Raise InputError unless this is the shape and type of a table of real numbers."""
    kind = getattr(dtype, "kind", "?")
    if kind == "O":
        raise InputError(
            f"{name} holds Python objects, which only an unsafe unpickling could read; save it as "
            f"numbers, as in array.astype('float32')"
        )
    if kind not in REAL_KINDS:
        hint = "split it into real and imaginary columns" if kind == "c" else "convert it first"
        raise InputError(f"{name}: expected real numbers, got the type {dtype}; {hint}")
    if len(shape) != 2:
        hint = "flatten it, or pool over the middle axes" if len(shape) > 2 else "add an axis"
        raise InputError(
            f"{name}: expected a table of shape (rows, columns), got an array of shape "
            f"{tuple(shape)}; {hint}"
        )
    if shape[1] == 0:
        raise InputError(f"{name}: expected at least one column, got the shape {tuple(shape)}")
