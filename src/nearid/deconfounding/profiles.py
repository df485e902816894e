"""Profiles: a table of features, and columns that say of each row where it comes from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io import Table, read_one
from nearid.io.frames import METADATA
from nearid.io.location import closest, listing
from nearid.rows import Rows, as_rows, from_table

__all__ = ["Profiles", "as_profiles"]

#: Squares of larger values, summed over rows, are beyond float64.
LARGEST = 1e150


@dataclass(frozen=True, eq=False)
class Profiles:
    """Rows of features, and what is known of each row.

    Parameters
    ----------
    rows : Rows
        The features, read a chunk at a time.
    metadata : DataFrame, n rows
        Columns such as ``Metadata_Plate``.
    """

    rows: Rows
    metadata: pd.DataFrame

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def column(self, name: str, role: str) -> NDArray[np.str_]:
        """Return a column as text, without missing values.

        Parameters
        ----------
        name : str
        role : str
            What it is for, in messages.

        Raises
        ------
        InputError
            If there is no such column, or some of its values are missing.
        """
        if name not in self.metadata:
            held = [str(column) for column in self.metadata.columns]
            there = f"there is {listing(held)}{closest(name, held)}"
            raise InputError(
                f"{self.rows.name}: no column {name} to take the {role} from; "
                f"{there if held else 'nothing in it describes rows: give a table that does'}"
            )
        column = self.metadata[name]
        text = as_text(column)
        missing = column.isna().to_numpy() | (text == "")
        if missing.any():
            raise InputError(
                f"the {role} of {int(missing.sum())} of {len(text)} rows is missing in {name}, "
                f"first in row {int(missing.argmax())}; drop those rows, or name what they are"
            )
        return text

    def values(self) -> NDArray[Any]:
        """Return all features, shape (n, D), checked to be finite, and small enough to be squared.

        Raises
        ------
        InputError
            If a feature has missing or infinite values, or larger ones than can be squared: it
            names the feature.
        """
        table = self.rows.read(0, len(self.rows))
        check_finite(table, self.rows)
        ends = np.stack([table.max(axis=0, initial=0), table.min(axis=0, initial=0)])
        huge = np.flatnonzero((np.abs(ends.astype(np.float64)) > LARGEST).any(axis=0))
        if len(huge):
            raise InputError(
                f"{self.rows.name}: {len(huge)} features have values beyond {LARGEST:.0e}, too "
                f"large to be squared in float64 ({_listed(huge, self.rows)}); rescale or drop them"
            )
        return table


def as_profiles(
    source: Any, *, described_by: Sequence[str | None] = (), representation: str | None = None
) -> Profiles:
    """Open what holds profiles: a frame, an AnnData object, a path, or a table.

    Parameters
    ----------
    source : DataFrame (of pandas or Dask), AnnData, path, Table or Profiles
        Of a frame or a file, numeric columns are features, except those whose names begin with
        ``Metadata_`` and those in ``described_by``. Of an AnnData object, ``obs`` describes rows.
    described_by : sequence of str or None
        Columns that are no features, whatever they are called.
    representation : str, optional
        Of an AnnData object, the entry of ``obsm`` that is meant, or "X".

    Returns
    -------
    Profiles

    Raises
    ------
    InputError
        If it holds no features, or is nothing that can be opened.

    Examples
    --------
    >>> frame = pd.DataFrame({"Metadata_Plate": ["p", "q"], "area": [1.0, 2.0], "day": [1, 2]})
    >>> profiles = as_profiles(frame, described_by=["day"])
    >>> profiles.rows.columns, profiles.metadata.columns.tolist()
    (('area',), ['Metadata_Plate', 'day'])
    """
    if isinstance(source, Profiles):
        return source
    apart = [name for name in described_by if name is not None]
    if hasattr(source, "obsm"):
        return _of_anndata(source, representation)
    if isinstance(source, str | os.PathLike):
        source = read_one(source)
    if isinstance(source, Table):
        return _of_table(source, apart)
    if hasattr(source, "iloc"):
        return _of_frame(source, apart)
    raise InputError(
        f"profiles must be a DataFrame, an AnnData object or a path, for each row has to say "
        f"where it comes from; got {type(source).__name__}"
    )


def as_text(column: pd.Series[Any]) -> NDArray[np.str_]:
    """Return values as text; whole numbers that were stored as floats lose their .0."""
    values = column
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":
        whole = column.dropna()
        if bool((whole == whole.round()).all()) and bool(np.isfinite(whole).all()):
            values = column.astype("Int64")
    return np.asarray(values.astype(object).where(column.notna(), "").astype(str), dtype=str)


def check_finite(table: NDArray[Any], rows: Rows) -> None:
    """Raise InputError that names the features with missing or infinite values."""
    bad = ~np.isfinite(table)
    if not bad.any():
        return
    columns = np.flatnonzero(bad.any(axis=0))
    empty = np.flatnonzero(bad.all(axis=0))
    all_of_it = f", of which {len(empty)} have no value at all" if len(empty) else ""
    raise InputError(
        f"{rows.name}: {len(columns)} of {table.shape[1]} features have missing or infinite values"
        f"{all_of_it} ({_listed(columns, rows)}); drop these features or rows, or impute them first"
    )


def _listed(columns: NDArray[np.intp], rows: Rows) -> str:
    return listing([rows.columns[j] if rows.columns else f"feature {j}" for j in columns])


def _of_frame(frame: pd.DataFrame, apart: Sequence[str]) -> Profiles:
    duplicated = frame.columns[frame.columns.duplicated()]
    if len(duplicated):
        raise InputError(f"two columns are called {str(duplicated[0])!r}; rename one")
    names = [str(name) for name in frame.columns]
    kinds = [getattr(kind, "kind", "O") for kind in frame.dtypes]
    features = [
        k
        for k, (name, kind) in enumerate(zip(names, kinds, strict=True))
        if kind in "fiu" and not name.startswith(METADATA) and name not in apart
    ]
    if not features:
        raise InputError(
            f"the frame has no numeric column to use as a feature; it has {listing(names)}"
        )
    rest = [k for k in range(len(names)) if k not in set(features)]
    if hasattr(frame, "__dask_graph__"):  # what describes rows is read now, features when needed
        rows = replace(as_rows(frame.iloc[:, features], name="the profiles"), ids=None)
        described: Any = frame.iloc[:, rest]
        metadata = described.compute().reset_index(drop=True)
    else:
        rows = as_rows(frame.iloc[:, features].reset_index(drop=True), name="the profiles")
        metadata = frame.iloc[:, rest].reset_index(drop=True)
    return Profiles(rows, metadata.set_axis([names[k] for k in rest], axis=1))


def _of_table(table: Table, apart: Sequence[str]) -> Profiles:
    rows = from_table(table)
    metadata = pd.DataFrame({name: np.asarray(v) for name, v in table.metadata.items()})
    if not len(metadata.columns):
        metadata = pd.DataFrame(index=range(len(rows)))
    names = table.columns or ()
    moved = [name for name in names if name in apart]
    if moved:
        keep = [j for j, name in enumerate(names) if name not in moved]
        values = np.asarray(table.values)
        metadata = metadata.assign(**{name: values[:, names.index(name)] for name in moved})
        columns = tuple(names[j] for j in keep)
        rows = replace(rows, source=values[:, keep], columns=columns)
    return Profiles(rows, metadata)


def _of_anndata(adata: Any, representation: str | None) -> Profiles:
    held = ["X", *map(str, adata.obsm)] if adata.X is not None else list(map(str, adata.obsm))
    if representation is None and len(held) != 1:
        raise InputError(
            f"the AnnData object holds {listing(held)}: say which is meant by representation="
        )
    name = held[0] if representation is None else representation
    if name not in held:
        raise InputError(
            f"the AnnData object has no {name}{closest(name, held)}; it holds {listing(held)}"
        )
    values = adata.X if name == "X" else adata.obsm[name]
    if hasattr(values, "toarray"):
        values = values.toarray()
    rows = as_rows(values, name=name)
    if name == "X":
        rows = replace(rows, columns=tuple(map(str, adata.var_names)))
    return Profiles(replace(rows, ids=None), adata.obs.reset_index(drop=True))
