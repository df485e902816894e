"""Where texts come from: the lines of a file, a column of Parquet, or a list; read a few at a time.

Each has ``len``, ``read(start, stop)``, ``ids(start, stop)``, ``fingerprint()`` and ``notices``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.frames import shared_texts
from nearid.io.location import check_file, closest, listing, parsing, split_location
from nearid.io.parquet import footer_limits

__all__ = ["Column", "Lines", "Listed", "Strings", "open_strings"]

#: How many texts are looked at at a time, where all are.
BLOCK = 4096


class Strings(Protocol):
    """Texts in an order, each with an id."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What was left out."""

    def __len__(self) -> int:
        """Return the number of texts."""

    def read(self, start: int, stop: int) -> list[str]:
        """Read some texts."""

    def ids(self, start: int, stop: int) -> list[str]:
        """Return the ids of some texts."""


def open_strings(given: Any) -> Strings:
    """Return the texts of a file (its lines), of ``FILE.parquet::COLUMN``, or of a sequence.

    Raises
    ------
    InputError
        If it is none of these, or is not text.
    """
    if not isinstance(given, str | os.PathLike):
        texts = list(given)
        if not all(isinstance(text, str) for text in texts):
            raise InputError("expected texts; got a sequence of something else")
        return Listed(texts)
    path, key = split_location(given)
    if path.suffix.lower() == ".parquet":
        if key is None:
            raise InputError(f"{path}: name the column of the texts, as in {path.name}::text")
        return open_column(path, key)
    if key is not None:
        raise InputError(f"{path} has lines, and no columns: leave out ::{key}")
    return open_lines(path)


def digest(strings: Strings) -> str:
    """Return a digest of texts and ids."""
    found = hashlib.sha256()
    for start in range(0, len(strings), BLOCK):
        stop = min(start + BLOCK, len(strings))
        for name, text in zip(strings.ids(start, stop), strings.read(start, stop), strict=True):
            found.update(f"{len(name)} {name} {len(text)} {text}".encode("utf-8", "surrogatepass"))
    return found.hexdigest()


@dataclass(frozen=True, eq=False)
class Listed:
    """Texts in memory; their ids are their numbers."""

    texts: Sequence[str]
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.texts)

    def read(self, start: int, stop: int) -> list[str]:
        """Return some texts."""
        return list(self.texts[start:stop])

    def ids(self, start: int, stop: int) -> list[str]:
        """Return the ids of some texts."""
        return [str(row) for row in range(start, stop)]


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines of a file, but for empty ones; the id of a line is its number, from 0.

    Parameters
    ----------
    path : Path
    starts, lengths : ndarray of int64, shape (n,)
        Where each line lies, in bytes.
    numbers : ndarray of int64, shape (n,)
    notices : tuple of str
    """

    path: Path
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    numbers: NDArray[np.int64]
    notices: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.starts)

    def read(self, start: int, stop: int) -> list[str]:
        """Read some lines."""
        lines = []
        with parsing(self.path, "a text file"), self.path.open("rb") as stream:
            for row in range(start, stop):
                stream.seek(self.starts[row])
                raw = stream.read(self.lengths[row])
                try:
                    lines.append(raw.decode("utf-8"))
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"{self.path}, line {self.numbers[row]} (from 0) is not UTF-8: {error}"
                    ) from None
        return lines

    def ids(self, start: int, stop: int) -> list[str]:
        """Return the ids of some lines."""
        return [str(number) for number in self.numbers[start:stop]]


def open_lines(path: Path) -> Lines:
    """Find the lines of a file."""
    check_file(path, "a text file")
    with parsing(path, "a text file"), path.open("rb") as stream:
        mark = 3 if stream.read(3) == b"\xef\xbb\xbf" else 0  # says that it is UTF-8
        stream.seek(mark)
        spans = np.array(list(_spans(stream, mark)), dtype=np.int64).reshape(-1, 2)
    kept = np.flatnonzero(spans[:, 1])
    if not len(kept):
        raise InputError(f"{path} has no line that is not empty")
    empty = len(spans) - len(kept)
    notices = (f"{path}: lines that are empty were left out: {empty}",) if empty else ()
    return Lines(path, spans[kept, 0], spans[kept, 1], kept, notices)


def _spans(stream: Iterable[bytes], position: int) -> Iterator[tuple[int, int]]:
    """Yield where each line begins and how long it is, zero if there is nothing but space."""
    for line in stream:
        yield position, len(line.rstrip(b"\r\n")) if line.strip() else 0
        position += len(line)


@dataclass(frozen=True, eq=False)
class Column:
    """A column of text of a Parquet file; the ids are those of pandas' index, or the row numbers.

    Parameters
    ----------
    path : Path
    name : str
    bounds : ndarray of int64, shape (row groups + 1,)
        Where each row group begins.
    row_ids : ndarray, shape (n,), optional
    """

    path: Path
    name: str
    bounds: NDArray[np.int64]
    row_ids: NDArray[Any] | None
    notices: tuple[str, ...] = ()
    held: dict[int, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.bounds[-1])

    def read(self, start: int, stop: int) -> list[str]:
        """Read some texts."""
        first = int(np.searchsorted(self.bounds, start, side="right")) - 1
        last = int(np.searchsorted(self.bounds, stop, side="left")) - 1
        texts = [text for group in range(first, last + 1) for text in self._group(group)]
        offset = int(self.bounds[first])
        return texts[start - offset : stop - offset]

    def _group(self, group: int) -> list[str]:
        if group not in self.held:
            if len(self.held) > 1:  # batches go on from one row group into the next
                self.held.pop(min(self.held))
            texts = _texts_of(self.path, self.name, group)
            promised = int(self.bounds[group + 1] - self.bounds[group])
            if len(texts) != promised:
                raise InputError(
                    f"{self.path} is damaged: a row group holds {len(texts)} rows, and promises "
                    f"{promised}"
                )
            self.held[group] = texts
        return self.held[group]

    def ids(self, start: int, stop: int) -> list[str]:
        """Return the ids of some rows."""
        if self.row_ids is None:
            return [str(row) for row in range(start, stop)]
        return [str(name) for name in self.row_ids[start:stop]]


def open_column(path: Path, name: str) -> Column:
    """Find a column of text in a Parquet file."""
    with _parquet(path):
        return _column(path, name)


def _column(path: Path, name: str) -> Column:
    file = _opened(path)
    schema, groups = file.schema_arrow, file.metadata
    if name not in schema.names:
        raise InputError(
            f"{path} has no column {name!r}{closest(name, schema.names)}; it has "
            f"{listing(schema.names)}"
        )
    if str(schema.field(name).type) not in ("string", "large_string", "string_view"):
        raise InputError(f"{path}::{name} holds {schema.field(name).type}: expected text")
    sizes = [groups.row_group(group).num_rows for group in range(groups.num_row_groups)]
    if min(sizes, default=0) < 0:
        raise InputError(f"{path} is damaged: a row group promises {min(sizes)} rows")
    if not sum(sizes):
        raise InputError(f"{path} has no rows")
    return Column(path, name, np.cumsum([0, *sizes]), _index_of(file))


def _index_of(file: Any) -> NDArray[Any] | None:
    from nearid.io.parquet import index_name

    name = index_name(file.schema_arrow)
    if name is None:
        return None
    found: NDArray[Any] = file.read(columns=[name], use_pandas_metadata=False)[name].to_numpy()
    if len(np.unique(found.astype(str))) < len(found):
        raise InputError(f"the index {name} names several rows alike: ids must be unique")
    return found


def _texts_of(path: Path, name: str, group: int) -> list[str]:
    with _parquet(path):
        file = _opened(path, [name])
        frame = file.read_row_group(group, columns=[name], use_pandas_metadata=False)
        texts = shared_texts(frame[name])
    if any(text is None for text in texts):
        raise InputError(f"{path}::{name} has missing texts: drop those rows first")
    return [text for text in texts if text is not None]


@contextmanager
def _parquet(path: Path) -> Iterator[None]:
    import pyarrow as pa

    with parsing(path, "a Parquet file", pa.ArrowException, ValueError, LookupError):
        yield


def _opened(path: Path, texts: Sequence[str] = ()) -> Any:
    import pyarrow.parquet as pq

    check_file(path, "a Parquet file")
    with _parquet(path):
        return pq.ParquetFile(path, read_dictionary=list(texts), **footer_limits(path))
