"""An array of bytes out of a MATLAB file of version 5.

SciPy reads these files too, but a changed byte in a tag ends its process by a segmentation fault.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearid.datasets.files import check_file, parsing
from nearid.errors import InputError

__all__ = ["MAGIC", "read_bytes_array"]

MAGIC = b"MATLAB 5.0 MAT-file"
WHAT = "a MATLAB file of version 5"

#: Codes of elements: numbers, matrices and what is packed.
INT8, UINT8, INT32, UINT32, MATRIX, PACKED = 1, 2, 5, 6, 14, 15

#: Codes of matrices of double and uint8, in the lowest byte of their flags; complex and logical
#: ones have more. MATLAB writes doubles that are bytes as bytes.
CLASS_DOUBLE, CLASS_UINT8, CLASS_AND_KIND = 6, 9, 0x0AFF

#: Bytes that a matrix may have beside its numbers.
HEADER = 4096


def read_bytes_array(path: Path, name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read a variable of bytes: of class uint8, or of class double where the file holds bytes.

    No other class is interpreted.

    Parameters
    ----------
    path : Path
    name : str
    shape : tuple of int
        What is expected: no more is unpacked than such an array takes.

    Returns
    -------
    ndarray of uint8, of that shape

    Raises
    ------
    InputError
        If the file is damaged, or has no such variable.

    Examples
    --------
    >>> import scipy.io, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "x.mat"
    ...     scipy.io.savemat(path, {"im": np.arange(6, dtype="u1").reshape(2, 3)})
    ...     read_bytes_array(path, "im", (2, 3)).tolist()
    [[0, 1, 2], [3, 4, 5]]
    """
    check_file(path, WHAT, magic=MAGIC)
    names = []
    with parsing(path, WHAT), path.open("rb") as stream:
        raw = stream.read()
        if raw[126:128] != b"IM":
            raise ValueError("it is not little-endian")
        for matrix in _matrices(raw, limit=math.prod(shape) + HEADER):
            parts = _elements(matrix)
            flags, dimensions = _next(parts, UINT32), _next(parts, INT32)
            names.append(_next(parts, INT8).decode("ascii"))
            if names[-1] == name:
                kind = _check_kind(flags, dimensions, shape, path)
                stored, content = next(parts, (None, b""))
                if stored != UINT8:
                    raise InputError(
                        f"{path}: expected bytes of shape {shape}; {name} is of class {kind}, and "
                        f"its numbers are not stored as bytes; is it the file of another data set?"
                    )
                return _numbers(content, shape)
    raise InputError(f"{path} has no {name}; it holds {', '.join(names)[:200] or 'nothing'}")


def _matrices(raw: bytes, limit: int) -> Iterator[bytes]:
    """Yield the contents of matrices, of those that are packed no more than the limit."""
    for code, content in _elements(raw[128:]):
        if code == PACKED:
            unpacker = zlib.decompressobj()
            inside = unpacker.decompress(content, limit)
            if len(inside) < limit and not unpacker.eof:
                raise ValueError("a packed variable is cut short")
            code, content = struct.unpack_from("<I", inside)[0], inside[8:]
        if code == MATRIX:
            yield content


def _elements(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the code and content of each element: a tag of eight bytes, then padded content.

    Up to four bytes of content may be in the tag itself; packed content is not padded.
    """
    at = 0
    while at < len(raw):
        code, length = struct.unpack_from("<II", raw, at)
        start = at + 8
        if code >> 16:
            code, length, start = code & 0xFFFF, code >> 16, at + 4
        if length > (4 if start == at + 4 else len(raw) - start):
            raise ValueError(f"an element of {length} bytes is cut short")
        yield code, raw[start : start + length]
        end = start + length
        at = end if code == PACKED else end + -end % 8


def _next(parts: Iterator[tuple[int, bytes]], code: int) -> bytes:
    found, content = next(parts, (None, b""))
    if found != code:
        raise ValueError("a matrix does not have the parts that it should")
    return content


def _check_kind(flags: bytes, dimensions: bytes, shape: tuple[int, ...], path: Path) -> int:
    kind = int(np.frombuffer(flags, "<u4")[0])
    found = tuple(np.frombuffer(dimensions, "<i4").tolist())
    if found != shape or kind & CLASS_AND_KIND not in (CLASS_UINT8, CLASS_DOUBLE):
        raise InputError(
            f"{path}: expected bytes of shape {shape} (class {CLASS_UINT8}); got class "
            f"{kind & 0xFF} of shape {found}; is it the file of another data set?"
        )
    return kind & 0xFF


def _numbers(content: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if len(content) != math.prod(shape):
        raise ValueError(f"{len(content)} of {math.prod(shape)} bytes are there")
    return np.frombuffer(content, np.uint8).reshape(shape, order="F")
