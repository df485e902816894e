"""What a user holds, as a source of rows: arrays, frames, tensors, and what is still to be read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.sources.chunks import Chunks

__all__ = ["is_lazy", "numeric_columns", "source_of"]

#: A source, the ids of its rows, and the names of its columns, where it has any.
Described = tuple[Any, NDArray[Any] | None, tuple[str, ...] | None]


def is_lazy(data: Any) -> bool:
    """Whether rows are still to be read, moved or computed, so that no copy of all may be made.

    So with tensors (which may lie on a device), with arrays that are stored in chunks (Zarr, HDF5,
    Dask), and with what readers return for large files.

    Examples
    --------
    >>> is_lazy(np.zeros((2, 2))), is_lazy(Chunks(lambda: iter([]), 2, 2))
    (False, True)
    """
    own = isinstance(data, Chunks) or type(data).__module__.startswith("nearid.")
    return own or any(hasattr(data, name) for name in ("detach", "chunks", "__dask_graph__"))


def source_of(data: Any, label: str) -> Described:
    """Return the source of rows that an object is or holds, its ids, and names of its columns.

    Parameters
    ----------
    data : DataFrame, tensor, Dask array or frame, or any array-like
    label : str
        How messages call it.

    Raises
    ------
    InputError
        If it is not a table of numbers.

    Examples
    --------
    >>> source_of([[1.0, 2.0]], "run")
    (array([[1., 2.]]), None, None)
    """
    if hasattr(data, "obsm"):
        raise InputError(
            f"{label} is an AnnData object: name the representation, as in adata.obsm['X_pca']"
        )
    if hasattr(data, "__dask_graph__"):
        from nearid.sources.dask import from_dask

        return from_dask(data, label)
    if hasattr(data, "iloc") and hasattr(data, "columns"):  # a series is a single axis
        return _from_frame(data, label)
    if hasattr(data, "detach"):  # a torch tensor
        return _of_tensor(data), None, None
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        return data, None, None
    try:
        return np.asarray(data), None, None
    except ValueError as error:  # ragged lists
        raise InputError(f"{label} is not a table of numbers: {error}") from error


def _of_tensor(tensor: Any) -> Any:
    """Return the array that the tensor is, or what reads it from its device chunk by chunk."""
    from nearid.sources.tensor import Tensor

    source = Tensor(tensor)
    return source if source.moves else np.asarray(source.tensor)


def _from_frame(frame: Any, label: str) -> Described:
    columns = numeric_columns(frame, label, "frame.filter(regex=...)")
    counts = frame.index.equals(type(frame.index)(range(len(frame))))
    ids = None if counts else frame.index.to_numpy()
    return frame.to_numpy(), ids, columns


def numeric_columns(frame: Any, label: str, example: str) -> tuple[str, ...]:
    """Return the names of a frame's columns, all of which are numbers.

    Parameters
    ----------
    frame : DataFrame of pandas or of Dask
    label : str
        How messages call it.
    example : str
        How columns are selected of such a frame.

    Raises
    ------
    InputError
        If some are not numeric.
    """
    kinds = {str(column): getattr(kind, "kind", "O") for column, kind in frame.dtypes.items()}
    wrong = [column for column, kind in kinds.items() if kind not in "fiub"]
    if wrong:
        raise InputError(
            f"{label}: the columns {', '.join(wrong[:5])} are not numeric; select the features "
            f"first, as in {example}"
        )
    return tuple(kinds)
