"""Rows that are streamed to a folder, which appears when all of them are there.

The work is done in a hidden folder beside it. Files only ever grow; how far they have come is
written, as one file that takes the place of the last, after they were flushed. What a killed
process wrote beyond that is cut off when the work goes on, so that the same batches follow.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nearid.embed.formats import FORMATS, HEADER_BYTES, ROWS, ids_file, rows_file
from nearid.embed.groups import check_group, row_groups
from nearid.embed.result import (
    LAYOUT,
    MANIFEST,
    Embedding,
    count_not_finite,
    not_finite,
    open_embedding,
    read_manifest,
)
from nearid.errors import InputError
from nearid.io import atomic_path

__all__ = ["Folder", "stream"]

Array = NDArray[Any]

#: Seconds after which what was written is flushed and counted.
CHECKPOINT_SECONDS = 5.0


class Work(Protocol):
    """What gives a sink all rows that it lacks, and returns what must be said."""

    def run(self, sink: Any) -> list[str]:
        """Do the work."""


def stream(work: Work, out: Path, about: Mapping[str, Any], *, format: str) -> Embedding:
    """Do the work, or what is left of it, into a folder, and open that.

    Parameters
    ----------
    work : object with ``run(sink)``
    out : Path
        The folder; must not be there, be empty, or hold the same embedding.
    about : mapping
        What determines the rows, for the manifest.
    format : str

    Raises
    ------
    InputError
        If the folder holds something else, cannot be written, or another process writes it.
    """
    if format not in FORMATS:
        raise InputError(f"format is one of {', '.join(FORMATS)}; got {format!r}")
    out = Path(os.path.abspath(out))
    about = {**about, "format": format, "layout": LAYOUT}
    part = out.with_name(f".{out.name}.part")
    if _is_complete(out, about):
        shutil.rmtree(part, ignore_errors=True)  # of a process that was killed at the very end
        return open_embedding(out)
    try:
        part.mkdir(parents=True, exist_ok=True)
        with _alone(part), Folder(part, _digest(about), format) as folder:
            notices = work.run(folder)
            folder.finish(about, notices)
            with suppress(FileNotFoundError):
                out.rmdir()  # it is empty
            os.rename(part / "rows", out)
    except OSError as error:  # a full disk, a folder that refuses
        raise InputError(f"{out} cannot be written: {error.strerror or error}") from None
    shutil.rmtree(part, ignore_errors=True)
    return open_embedding(out)


class Folder:
    """A sink that appends the rows of every layer to a file of its own.

    Parameters
    ----------
    part : Path
        The folder of the unfinished work.
    digest : str
        Of all that determines the rows: work of another digest is thrown away.
    format : str
    """

    def __init__(self, part: Path, digest: str, format: str) -> None:
        self.part, self.digest, self.format = part, digest, format
        self.rows, self.raw = part / "rows", part / "raw"
        self.files: dict[str, IO[bytes]] = {}
        self.state = self._left_over() or self._afresh()
        self.saved = time.monotonic()

    @property
    def done(self) -> int:
        """How many inputs are done."""
        return int(self.state["done"])

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self.files.values():
            file.close()

    def add(self, rows: Mapping[str, Array], ids: Mapping[str, Sequence[str]], done: int) -> None:
        """Append the rows of a batch, and their ids, of which layers may share a list."""
        groups = row_groups(ids)
        for name, values in rows.items():
            layer = self._layer(name, values, groups)
            self._file(rows_file(name)).write(np.ascontiguousarray(values).data)
            layer["shape"][0] += len(values)
            layer["nonfinite"] += count_not_finite(values)
        for name in {entry["group"] for entry in self.state["layers"].values()}:
            self._file(ids_file(name)).write(f"{json.dumps(ids[name])}\n".encode())
            leader = self.state["layers"][name]
            leader["id_width"] = max(leader["id_width"], *map(len, ids[name]))
        self.state["done"] = done
        if time.monotonic() - self.saved >= CHECKPOINT_SECONDS:
            self.save()

    def save(self) -> None:
        """Flush what was written, then write down how far it goes.

        A killed process loses nothing that was flushed. After a power cut a file may be shorter
        than was written down: the work begins anew then.
        """
        for file in self.files.values():
            file.flush()
        sizes = {name: file.tell() for name, file in self.files.items()}
        self.state["sizes"] = {**self.state["sizes"], **sizes}
        with atomic_path(self.part / "progress.json") as temporary:
            temporary.write_text(json.dumps(self.state))
        self.saved = time.monotonic()

    def finish(self, about: Mapping[str, Any], notices: Sequence[str]) -> None:
        """Turn what was appended into files that readers know, and write the manifest."""
        self.save()
        for file in self.files.values():
            file.close()
        shutil.rmtree(self.rows, ignore_errors=True)  # of an end that was interrupted
        self.rows.mkdir()
        entries = FORMATS[self.format](self.raw, self.rows, self.state["layers"])
        manifest = {**about, "layers": entries, "notices": [*notices, *not_finite(entries)]}
        with atomic_path(self.rows / MANIFEST) as temporary:
            temporary.write_text(json.dumps(manifest, indent=1), encoding="utf-8")

    def _layer(self, name: str, values: Array, groups: Mapping[str, str]) -> dict[str, Any]:
        layers = self.state["layers"]
        if name not in layers:
            shape, dtype = [0, values.shape[1]], str(values.dtype)
            layers[name] = {"shape": shape, "dtype": dtype, "nonfinite": 0}
            layers[name] |= {"group": groups[name], "id_width": 1}
        entry: dict[str, Any] = layers[name]
        check_group(name, entry["group"], groups)
        if str(values.dtype) != entry["dtype"]:
            raise InputError(f"the layer {name!r} returned {values.dtype} after {entry['dtype']}")
        return entry

    def _file(self, name: str) -> IO[bytes]:
        if name not in self.files:
            path = self.raw / name
            self.files[name] = path.open("ab")
            if path.suffix == ROWS and not self.files[name].tell():
                self.files[name].write(bytes(HEADER_BYTES))
        return self.files[name]

    def _left_over(self) -> dict[str, Any] | None:
        """Return how far an earlier process came with this very work, cut to what it counted."""
        with suppress(OSError, ValueError, LookupError, TypeError):
            state = json.loads((self.part / "progress.json").read_text())
            if state["digest"] != self.digest:
                logging.getLogger(__name__).warning(
                    "%s held the unfinished work of other settings, which was thrown away",
                    self.part,
                )
                return None
            paths = {self.raw / name: size for name, size in state["sizes"].items()}
            if all(path.stat().st_size >= size for path, size in paths.items()):
                for path, size in paths.items():
                    os.truncate(path, size)
                return dict(state)
        return None

    def _afresh(self) -> dict[str, Any]:
        for folder in (self.raw, self.rows):
            shutil.rmtree(folder, ignore_errors=True)
        self.raw.mkdir()
        return {"digest": self.digest, "done": 0, "layers": {}, "sizes": {}}


def _is_complete(out: Path, about: Mapping[str, Any]) -> bool:
    """Whether the folder holds just this embedding, or may be written; refuse any other."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    if not (out / MANIFEST).is_file():
        raise InputError(f"{out} is there, and holds no embedding: name another folder")
    held = read_manifest(out)
    other = [key for key in about if held.get(key) != about[key]]
    if other:
        raise InputError(
            f"{out} holds another embedding, which differs in its {' and '.join(other)}; delete "
            f"it, or name another folder"
        )
    return True


def _digest(about: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Hold the folder against other processes; the system lets go when this one ends."""
    with (part / "lock").open("w") as lock:
        with suppress(ImportError):  # Windows has no such locks
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{part} is being written by another process: wait") from None
        yield
