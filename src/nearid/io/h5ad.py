"""AnnData's ``.h5ad``, the container of single-cell biology."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.atomic import atomic_path
from nearid.io.choice import choose, chosen_notice, first_duplicate
from nearid.io.frames import assemble
from nearid.io.hdf5 import check_survived
from nearid.io.location import (
    DAMAGED,
    check_file,
    check_packing,
    closest,
    listing,
    match,
    parsing,
)
from nearid.io.table import Table, check_values
from nearid.optional import require

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["add_to", "read"]

Array = NDArray[Any]

WHAT = "an .h5ad file"

#: How many times denser than other packing the values of a sparse matrix may be.
SPARSEST = 10


@dataclass(frozen=True)
class Matrix:
    """A matrix of the file, with the names of its columns and what must be said of it."""

    values: Array
    columns: tuple[str, ...] | None = None
    notices: tuple[str, ...] = ()


def read(
    path: Path, *, key: str | None = None, id_column: str | None = None, features: str | None = None
) -> list[Table]:
    """Read representations out of an ``.h5ad`` file; see :func:`nearid.io.read`.

    Only ``obs`` and the matrices that are asked for are read: the key of an entry of ``obsm``, a
    glob of several, or ``X``.

    HDF5 (2.0.0) crashes or hangs on some damaged files: another process reads the same things
    first, and what it does not survive, or finds damaged, is refused. Of data sets above 64 MB it
    reads the index and both ends only, and nothing that lies in other files.
    """
    h5py = require("h5py", extra="anndata")
    require("anndata.io", extra="anndata")
    check_file(path, WHAT)
    with_x = ["X", "var"] if key is not None and match(key, ["X"]) else []
    with parsing(path, WHAT, *DAMAGED):
        check_survived(path, ["obs", f"obsm/{key or '*'}", *with_x])
    with parsing(path, WHAT, *DAMAGED), h5py.File(path, "r") as file:
        places = {name: f"obsm/{name}" for name in file.get("obsm", {})}
        wanted = _wanted(path, places, key, has_x="X" in file)
        index, obs, notices = _obs(file, path)
        return [
            _table(
                _matrix(file, place, f"{path}::{name}"),
                obs,
                name=name if max(len(places), len(wanted)) > 1 else path.stem,
                where=f"{path}::{name}",
                index=index,
                id_column=id_column,
                features=features,
                notices=notices,
            )
            for name, place in wanted.items()
        ]


def add_to(source: Path, target: Path, key: str, values: Array, told: Mapping[str, Any]) -> None:
    """Write a copy of an ``.h5ad`` file with one more representation; all else stays as it was.

    Damage is looked for as by :func:`read`. HDF5 may still crash where nothing is read and the new
    entries come to lie: rarely, and before the target is touched.

    Parameters
    ----------
    source, target : Path
        They may be the same: the old file is replaced when the new one is complete.
    key : str
        Entry of ``obsm``; an old one of that name is replaced.
    values : ndarray, shape (n, k)
        A row per observation.
    told : mapping
        Entries of ``uns``, such as mappings of strings, numbers, arrays and frames.

    Raises
    ------
    InputError
        If the source is no ``.h5ad`` file, or has another number of observations.
    """
    h5py = require("h5py", extra="anndata")
    anndata_io = require("anndata.io", extra="anndata")
    if source.suffix.lower() != ".h5ad":
        raise InputError(f"{target} can only be written from an .h5ad file; got {source}")
    check_file(source, WHAT)
    with parsing(source, WHAT, *DAMAGED):
        check_survived(source, ["obs", f"obsm/{key}", *(f"uns/{name}" for name in told)])
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
        with parsing(source, WHAT, *DAMAGED), h5py.File(temporary, "r+") as file:
            n_rows = len(_element(file["obs"]))
            if len(values) != n_rows:
                raise InputError(f"{source} has {n_rows} observations, but {len(values)} rows came")
            entries = {f"obsm/{key}": values} | {f"uns/{name}": v for name, v in told.items()}
            for group in ("obsm", "uns"):
                if group not in file:
                    anndata_io.write_elem(file, group, {})
            for place, entry in entries.items():
                if place in file:
                    del file[place]
                anndata_io.write_elem(file, place, entry)


def _wanted(
    path: Path, places: Mapping[str, str], key: str | None, *, has_x: bool
) -> dict[str, str]:
    held = {"X": "X", **places} if has_x else dict(places)
    if key is not None:
        found = match(key, held)
        if not found:
            raise InputError(
                f"{path} has no {key} in obsm{closest(key, held)}; it holds {listing(held)}"
            )
        return {name: held[name] for name in found}
    if len(places) != 1:
        raise InputError(
            f"{path} holds {len(places)} entries in obsm: name the one that is meant, as in "
            f"{path.name}::KEY, where KEY is one of {listing(held)}"
        )
    return dict(places)


def _obs(file: Any, path: Path) -> tuple[str, pa.Table, list[str]]:
    """Return the name of the index, obs as a frame, and what must be said of it."""
    import pyarrow as pa

    if "encoding-type" not in file["obs"].attrs:
        raise InputError(
            f"{path} was written by anndata before 0.8; read it with anndata and write it again"
        )
    obs = _element(file["obs"])
    names = [str(name) for name in obs.columns]
    index = str(obs.index.name or "obs_names")
    index = "obs_names" if index in names else index
    columns, notices = {index: pa.array(obs.index.astype(str).tolist(), type=pa.string())}, []
    for position, name in enumerate(names):
        try:
            columns[name] = pa.array(obs.iloc[:, position], from_pandas=True)
        except pa.ArrowException:
            notices.append(f"{name} holds values of several kinds: left out")
    return index, pa.table(columns), notices


def _matrix(file: Any, place: str, where: str) -> Matrix:
    node = file[place]
    if hasattr(node, "dtype"):
        check_values(node.shape, node.dtype, where)
        if node.size and node.id.get_storage_size() == 0:
            raise InputError(
                f"{where} was never written: it has a shape, {node.shape}, and no data"
            )
        check_packing(Path(where), node.nbytes, node.id.get_storage_size())
        return Matrix(node[...], _var_names(file, where) if place == "X" else None)
    held = _element(node)
    if hasattr(held, "toarray"):
        # zeros are not stored: rows that are nearly empty may unpack to more than what is packed
        n_bytes, stored = math.prod(held.shape) * held.dtype.itemsize, held.data.nbytes
        check_packing(Path(where), n_bytes, SPARSEST * stored)
        said = f"it is sparse in the file ({held.nnz} values), and was made dense"
        return Matrix(held.toarray(), _var_names(file, where) if place == "X" else None, (said,))
    if hasattr(held, "iloc"):
        return Matrix(held.to_numpy(), tuple(str(name) for name in held.columns))
    raise InputError(f"{where} is a {type(held).__name__}: expected a matrix of numbers")


def _var_names(file: Any, where: str) -> tuple[str, ...]:
    names = tuple(str(name) for name in _element(file["var"]).index)
    duplicate = first_duplicate(names)
    if duplicate is not None:
        raise InputError(
            f"{where}: two columns are called {duplicate!r}; make them unique first, with "
            f"adata.var_names_make_unique()"
        )
    return names


def _table(
    matrix: Matrix,
    obs: pa.Table,
    *,
    name: str,
    where: str,
    index: str,
    id_column: str | None,
    features: str | None,
    notices: list[str],
) -> Table:
    values, columns, said = matrix.values, matrix.columns, [*notices, *matrix.notices]
    if features is not None:
        chosen = choose(columns, features, where)
        said += chosen_notice(len(chosen), values.shape[1])
        values, columns = values[:, chosen], tuple((columns or ())[i] for i in chosen)
    return assemble(
        np.asarray(values),
        obs,
        name=name,
        where=where,
        columns=columns,
        index=index,
        id_column=id_column,
        notices=said,
    )


def _element(node: Any) -> Any:
    reading = require("anndata.io", extra="anndata")
    try:
        return reading.read_elem(node)
    except Exception as error:  # anndata's own errors have no public class
        raise ValueError(error) from None
