"""The work on a chunk with torch, on a CPU or a GPU, through the same fold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.ica.contrasts import Contrast
from nearid.ica.projection import Projection
from nearid.optional import require

__all__ = ["torch_kernel"]

Array = NDArray[np.float64]

#: Rows on the device at a time; sums over so many are still exact enough in float32.
DEVICE_ROWS = 2**16


def torch_kernel(
    project: Projection, contrast: Contrast, device: str
) -> Callable[[NDArray[Any]], tuple[Array, Array, Array]]:
    """Return the kernel that maps a chunk of raw rows to its three sums on a torch device.

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

    def block(rows: NDArray[Any]) -> list[Any]:
        x = torch.from_numpy(np.array(rows, dtype=project.matrix.dtype)).to(device)
        y = (x - shift) @ matrix if project.centre is not None else x @ matrix - shift
        g, value, curvature = sums(torch, y)
        return [(g.T @ y).double(), curvature, value]

    def kernel(chunk: NDArray[Any]) -> tuple[Array, Array, Array]:
        with torch.no_grad():
            total = block(chunk[:DEVICE_ROWS])
            for start in range(DEVICE_ROWS, len(chunk), DEVICE_ROWS):
                part = block(chunk[start : start + DEVICE_ROWS])
                total = [a + b for a, b in zip(total, part, strict=True)]
        cross, curvature, value = (tensor.double().cpu().numpy() for tensor in total)
        return cross, curvature, value

    return kernel


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
