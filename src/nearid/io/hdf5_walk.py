"""Read an HDF5 file as a process of its own, ``python -I hdf5_walk.py JSON``; see ``hdf5``.

It is run by its path and imports h5py alone, so that it starts soon. It says ``begun`` and then
nothing: whether it comes to its end is the answer.
"""

from __future__ import annotations

import faulthandler
import json
import sys
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any

#: Data sets of more bytes are not read to the end, but their index, and a number at either end.
WHOLE_BYTES = 2**26

#: What anndata opens by name, and so in a group of which the list is damaged, too.
PARTS = ["codes", "categories", "values", "mask", "data", "indices", "indptr"]


def walk(file: Any, places: list[str]) -> None:
    """Read what lies in such places, and on the way there the names and the attributes.

    An exception ends the reading of one thing, not of those beside it: the other process may come
    to them first.
    """
    for place in places:
        top, _, inner = place.partition("/")
        for node in _held(file, [top]):
            for leaf in _held(node, [inner]) if inner else [node]:
                _read(leaf, set())


def _held(group: Any, wanted: list[str]) -> list[Any]:
    """Read a group's attributes and names, and return what it holds that is wanted."""
    names, held = [*wanted, *_attributes(group)], []
    with suppress(Exception):
        names += group.keys()
    for name in dict.fromkeys(names):
        with suppress(Exception):
            if name in wanted or any(fnmatchcase(name, pattern) for pattern in wanted):
                held.append(group[name])
    return held


def _attributes(node: Any) -> list[str]:
    """Read all attributes, and return the texts in them: so do frames name their columns."""
    texts: list[str] = []
    with suppress(Exception):
        for name in list(node.attrs):
            with suppress(Exception):
                value = node.attrs[name]
                texts += [value] if isinstance(value, str) else map(str, value)
    return texts


def _read(node: Any, seen: set[int]) -> None:
    """Read a data set, or a group to its leaves; damage may have made it a part of itself."""
    from h5py import h5o

    with suppress(Exception):
        if not hasattr(node, "keys"):
            _attributes(node)
            _read_numbers(node)
        elif (address := h5o.get_info(node.id).addr) not in seen:
            seen.add(address)
            for inner in _held(node, ["*", *PARTS]):
                _read(inner, seen)


def _read_numbers(data: Any) -> None:
    if data.shape is None:
        return
    data.id.get_storage_size()
    if data.chunks is not None and data.id.get_num_chunks():
        data.id.get_chunk_info(data.id.get_num_chunks() - 1)
    if data.nbytes <= WHOLE_BYTES:
        data[()]
    elif data.size:
        data[(0,) * data.ndim]  # unpacks the first chunk
        data[tuple(length - 1 for length in data.shape)]


def main(told: dict[str, Any]) -> None:
    """Walk through a file as one is told to."""
    # the other process ends this one in time; should that be gone, it ends by itself
    faulthandler.dump_traceback_later(2 * told["seconds"], exit=True)
    sys.path[:] = told["sys_path"]
    import h5py

    print("begun", flush=True)  # noqa: T201
    with suppress(Exception), h5py.File(told["path"], "r") as file:
        walk(file, told["places"])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
