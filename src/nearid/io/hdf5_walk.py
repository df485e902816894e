"""Read an HDF5 file as a process of its own, ``python -I hdf5_walk.py JSON``; see ``hdf5``.

It is run by its path and imports h5py alone, so that it starts soon. It prints ``begun``, and then
what HDF5 says of the first damage, if it says so; that it comes to its end is an answer, too.
"""

from __future__ import annotations

import faulthandler
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from fnmatch import fnmatchcase
from typing import Any

#: Data sets of more bytes are not read to the end, but their index, and a number at either end.
WHOLE_BYTES = 2**26

#: How h5py says that HDF5 met damage. Anything else, such as a type that NumPy lacks or numbers
#: that memory does not hold, is for who wants to read it.
DAMAGE = (OSError, RuntimeError, KeyError)


def walk(file: Any, places: list[str]) -> None:
    """Read what lies in such places, and on the way there the names and the attributes."""
    for place in places:
        top, _, inner = place.partition("/")
        for node in _held(file, top):
            for leaf in _held(node, inner) if inner else [node]:
                _read(leaf, set())


@contextmanager
def _damage_only() -> Iterator[None]:
    """Raise what is damage, and nothing else."""
    try:
        yield
    except DAMAGE:
        raise
    except Exception:
        return


def _held(group: Any, wanted: str) -> list[Any]:
    """Read a group's attributes and names, and return what it holds that is wanted."""
    from h5py import HardLink

    held: list[Any] = []
    with _damage_only():
        _read_attributes(group)
        for name in list(group.keys()):
            if name == wanted or fnmatchcase(name, wanted):
                # of other links it is no damage if they lead nowhere
                inside = isinstance(group.get(name, getlink=True), HardLink)
                with nullcontext() if inside else suppress(*DAMAGE):
                    held.append(group[name])
    return held


def _read_attributes(node: Any) -> None:
    for name in list(node.attrs):
        with _damage_only():
            node.attrs[name]


def _read(node: Any, seen: set[int]) -> None:
    """Read a data set, or a group to its leaves; damage may have made it a part of itself."""
    from h5py import h5o

    if not hasattr(node, "keys"):
        _read_attributes(node)
        with _damage_only():
            _read_numbers(node)
    elif (address := h5o.get_info(node.id).addr) not in seen:
        seen.add(address)
        for inner in _held(node, "*"):
            _read(inner, seen)


def _read_numbers(data: Any) -> None:
    from h5py import h5z

    packing = data.id.get_create_plist()
    filters = [packing.get_filter(i)[0] for i in range(packing.get_nfilters())]
    # a filter may be one that the other process has imported
    here = all(map(h5z.filter_avail, filters)) and not (data.is_virtual or data.external)
    if data.shape is None or not here:
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
    try:
        with _damage_only(), h5py.File(told["path"], "r") as file:
            walk(file, told["places"])
    except DAMAGE as error:
        print(ascii(str(error))[1:-1][:1000])  # noqa: T201


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
