"""The work on a chunk with torch, on a CPU or a GPU, through the same fold."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.ica.contrasts import Contrast
from nearid.ica.projection import Projection
from nearid.optional import require
from nearid.sources.workers import ThreadOwn

__all__ = ["device_rows", "device_workers", "torch_kernel"]

Array = NDArray[np.float64]

#: Numbers that a block on the device may fill: 64 MiB in float32, of no more rows than these, over
#: which sums are still exact enough in float32.
BLOCK_NUMBERS, BLOCK_ROWS = 2**24, 2**14


def device_rows(width: int) -> int:
    """Return how many rows of a device's are worked on at a time.

    Examples
    --------
    >>> device_rows(64), device_rows(4096)
    (16384, 4096)
    """
    return max(1024, min(BLOCK_ROWS, BLOCK_NUMBERS // max(width, 1)))


def is_cpu(device: str) -> bool:
    """Return whether this is no GPU of CUDA, so that rows need not be sent by a queue."""
    return not device.startswith("cuda")


def device_workers(device: str, n_jobs: int) -> int:
    """Return how many threads feed a device: a GPU computes on one's rows as another's are sent.

    Examples
    --------
    >>> device_workers("cuda:0", 1), device_workers("cpu", 1)
    (2, 1)
    """
    return n_jobs if is_cpu(device) else max(n_jobs, 2)


def torch_kernel(
    project: Projection, contrast: Contrast, device: str
) -> Callable[[NDArray[Any]], tuple[Array, Array, Array]]:
    """Return the kernel that maps a chunk of raw rows to its three sums on a torch device.

    Rows reach a GPU through page-locked memory, of which every worker thread has its own, with a
    stream of its own: with two workers one's transfer runs beside the other's products. Products
    are in the type of the rows; float32 ones round as
    ``torch.backends.cuda.matmul.allow_tf32`` says, which torch leaves off (23 bits; with TF32 10).

    Parameters
    ----------
    project : Projection
    contrast : Contrast
    device : str

    Returns
    -------
    callable

    Raises
    ------
    InputError
        If there is no such device.
    MissingExtraError
        If torch is not installed.
    """
    torch = require("torch", extra="torch")
    sums = _SUMS[contrast.name]
    try:
        matrix = torch.from_numpy(project.matrix).to(device)
    except (AssertionError, RuntimeError) as error:  # no such device, or none in this build
        raise InputError(f"device {device!r} cannot be used: {error}") from error
    shift = project.centre if project.centre is not None else project.offset
    shift = torch.from_numpy(np.ascontiguousarray(shift)).to(device)
    sender, step = _Sender(torch, device, matrix), device_rows(max(matrix.shape))

    def block(rows: NDArray[Any]) -> list[Any]:
        x = sender.send(rows)
        y = (x - shift) @ matrix if project.centre is not None else x @ matrix - shift
        g, value, curvature = sums(torch, y)
        return [(g.T @ y).double(), curvature, value]

    def kernel(chunk: NDArray[Any]) -> tuple[Array, Array, Array]:
        with torch.no_grad(), sender.stream():
            total = block(chunk[:step])
            for start in range(step, len(chunk), step):
                part = block(chunk[start : start + step])
                total = [a + b for a, b in zip(total, part, strict=True)]
            cross, curvature, value = (tensor.double().cpu().numpy() for tensor in total)
        return cross, curvature, value

    return kernel


class _Sender:
    """Sends rows to a device; to a GPU through page-locked memory, on the thread's own stream."""

    def __init__(self, torch: Any, device: str, like: Any) -> None:
        self.torch, self.device, self.own = torch, device, ThreadOwn()
        self.torch_type, self.type = like.dtype, like[:0].cpu().numpy().dtype
        if not is_cpu(device):  # the streams below do not wait for what this one has queued
            torch.cuda.synchronize(device)

    def stream(self) -> AbstractContextManager[Any]:
        """Return the context in which this thread's work is queued."""
        if is_cpu(self.device):
            return nullcontext()
        if not hasattr(self.own, "stream"):
            self.own.stream = self.torch.cuda.Stream(self.device)
        stream: AbstractContextManager[Any] = self.torch.cuda.stream(self.own.stream)
        return stream

    def send(self, rows: NDArray[Any]) -> Any:
        """Return the rows on the device, in the kernel's type."""
        if is_cpu(self.device):  # a copy: torch warns of rows that it may not write to
            return self.torch.from_numpy(np.array(rows, dtype=self.type)).to(self.device)
        if not hasattr(self.own, "pinned") or len(self.own.pinned) < len(rows):
            kind = {"dtype": self.torch_type, "pin_memory": True}
            self.own.pinned = self.torch.empty(rows.shape, **kind)
        else:
            self.own.stream.synchronize()  # the last block may still be on its way
        place = self.own.pinned[: len(rows)]
        place.numpy()[:] = rows
        return place.to(self.device, non_blocking=True)


def _total(torch: Any, values: Any) -> Any:
    return values.sum(dim=0, dtype=torch.float64)


def _logcosh(torch: Any, y: Any) -> tuple[Any, Any, Any]:
    g = torch.tanh(y)
    value = y.abs() - torch.log1p(g.abs())
    return g, _total(torch, value), _total(torch, 1 - g * g)


def _exp(torch: Any, y: Any) -> tuple[Any, Any, Any]:
    bell = torch.exp(-0.5 * y * y)
    g = y * bell
    return g, -_total(torch, bell), _total(torch, bell - y * g)


def _cube(torch: Any, y: Any) -> tuple[Any, Any, Any]:
    square = y * y
    return square * y, 0.25 * _total(torch, square * square), 3 * _total(torch, square)


#: For each contrast: g(y), and the column sums of G(y) and g'(y).
_SUMS: dict[str, Callable[[Any, Any], tuple[Any, Any, Any]]] = {
    "logcosh": _logcosh,
    "exp": _exp,
    "cube": _cube,
}
