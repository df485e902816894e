"""What embedding gives: rows of every layer, their ids, and how they were made."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io import read_one
from nearid.io.location import check_exists, closest, exists, listing, one_line, parsing
from nearid.io.npy import map_array
from nearid.io.origin import Origin
from nearid.rows import Rows

__all__ = ["MANIFEST", "Embedding", "open_embedding"]

#: The file of a folder that says what the others are. It is written last.
MANIFEST = "embed.json"

#: Raise by one when the rows, or how they are written, change; docs/policy.md says what is kept.
LAYOUT = 1


@dataclass(frozen=True, eq=False)
class Embedding:
    """Rows of the layers of a model.

    Parameters
    ----------
    layers : mapping of str to array, shape (rows, d)
        In the order of the model. Memory-mapped, or a Zarr array, where they were written.
    row_ids : mapping of str to ndarray of str, shape (rows,)
        For each layer the ids of its rows; one and the same array where layers have the same rows.
    manifest : mapping of str to object
        What determines the rows (``model``, ``inputs`` and ``settings``, with digests of the
        weights and of the inputs), the ``layers`` with their shapes and files, and ``notices``.
    origins : mapping of str to Origin, optional
        The files from which layers are still read.

    Examples
    --------
    >>> z = np.eye(2)
    >>> embedding = Embedding({"h.0": z}, {"h.0": np.array(["a", "b"])})
    >>> embedding.ids.tolist(), embedding.rows("h.0").n_columns
    (['a', 'b'], 2)
    """

    layers: Mapping[str, Any]
    row_ids: Mapping[str, NDArray[Any]]
    manifest: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)

    @property
    def ids(self) -> NDArray[Any]:
        """The ids of the rows, if they are the same in all layers.

        Raises
        ------
        InputError
            If layers have different rows: tokens of different numbers.
        """
        first, *others = self.row_ids.values()
        if any(other is not first and not np.array_equal(other, first) for other in others):
            raise InputError(
                "the layers have different numbers of tokens: take the ids of one, as in "
                "embedding.row_ids[layer]"
            )
        return first

    @property
    def notices(self) -> list[str]:
        """What was left out or treated specially."""
        return list(self.manifest.get("notices", []))

    def rows(self, layer: str) -> Rows:
        """Return a layer as rows with ids, ready to be compared.

        Raises
        ------
        InputError
            If there is no such layer.
        """
        if layer not in self.layers:
            raise InputError(
                f"there is no layer {layer!r}{closest(layer, self.layers)}; there is "
                f"{listing(self.layers)}"
            )
        origin = self.origins.get(layer)
        return Rows(self.layers[layer], name=layer, ids=self.row_ids[layer], origin=origin)


def open_embedding(folder: str | os.PathLike[str]) -> Embedding:
    """Open a folder that :func:`nearid.embed.embed` or ``nearid embed`` wrote.

    The folder holds ``embed.json``, which under ``layers`` says for each layer, in the order of the
    model, ``{"file": …, "shape": [rows, d], "dtype": …, "ids": …, "nonfinite": rows with NaN or
    infinite values}``. Each file, an ``.npy`` or a ``.zarr``, is named after its layer (characters
    other than letters, digits and ``_.-~`` as ``%XX``), and is a table with ids for
    :func:`nearid.io.read`, too: those of an ``.npy`` lie beside it, in ``ids.npy`` or
    ``<layer>.ids.npy``. A folder under its final name is complete.

    Parameters
    ----------
    folder : path

    Returns
    -------
    Embedding
        Its layers are read when they are used.

    Raises
    ------
    InputError
        If there is no such folder, it holds no embedding, or a layer is missing or damaged.

    Examples
    --------
    >>> import tempfile, torch
    >>> from nearid.embed import embed
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = embed(torch.nn.Linear(3, 2), np.ones((4, 3)), out=f"{place}/run")
    ...     embedding = open_embedding(f"{place}/run")
    ...     embedding.layers["output"].shape, embedding.ids.tolist()
    ((4, 2), ['0', '1', '2', '3'])
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    held: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for name, entry in manifest["layers"].items():
        file = _inside(folder, entry["file"])
        origins[name] = Origin.of(file)
        held[name] = _values(file)
        if list(held[name].shape) != entry["shape"]:
            raise InputError(
                f"{folder / entry['file']} is {list(held[name].shape)}, but {MANIFEST} promises "
                f"{entry['shape']}: it was changed since; embed anew"
            )
    shared = {entry["ids"] for entry in manifest["layers"].values()}
    ids = {file: _ids(_inside(folder, file)) for file in shared}
    row_ids = {name: ids[entry["ids"]] for name, entry in manifest["layers"].items()}
    return Embedding(held, row_ids, manifest, origins)


def _is_entry(entry: Any) -> bool:
    kinds = {"file": str, "shape": list, "ids": str}
    return isinstance(entry, dict) and all(
        isinstance(entry.get(name), kind) for name, kind in kinds.items()
    )


def _inside(folder: Path, file: str) -> Path:
    """Return a file of the folder, which none outside of it is."""
    if Path(file).name != file:
        raise InputError(f"{folder / MANIFEST} names {one_line(file)!r}: expected a file beside it")
    if not exists(folder / file):
        raise InputError(
            f"{folder / MANIFEST} names {one_line(file)!r}, which does not exist beside it: "
            f"copy the whole folder again, or embed anew"
        )
    return folder / file


def _values(path: Path) -> Any:
    if path.suffix != ".npy":
        return read_one(path).values
    return map_array(path)


def _ids(path: Path) -> NDArray[Any]:
    if path.suffix != ".npy":
        return np.asarray(read_one(path).ids)
    return np.array(map_array(path))


def count_not_finite(values: NDArray[Any]) -> int:
    """Return how many rows hold NaN or infinite values."""
    return int(len(values) - np.isfinite(values).all(axis=1).sum())


def not_finite(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what must be said of layers with rows that hold NaN or infinite values."""
    return [
        f"{entry['nonfinite']} of {entry['shape'][0]} rows of {name} hold NaN or infinite values"
        for name, entry in entries.items()
        if entry["nonfinite"]
    ]


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what ``embed.json`` of a folder says."""
    check_exists(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{folder} holds no {MANIFEST}, so it is no folder of embeddings")
    with parsing(path, "the manifest of an embedding", ValueError, LookupError, TypeError):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        layers = manifest["layers"]
        if not layers or not all(map(_is_entry, dict(layers).values())):
            raise ValueError("its layers lack file, shape or ids")
    if manifest.get("layout", LAYOUT) != LAYOUT:
        raise InputError(
            f"{path} has the layout {one_line(str(manifest['layout']))}, and this version of "
            f"nearid reads {LAYOUT}: read it with the version that wrote it, or embed anew"
        )
    return dict(manifest)
