"""A torch tensor, on whatever device it lies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Tensor"]

Array = NDArray[Any]


class Tensor:
    """Rows of a torch tensor, of which a chunk at a time leaves its device.

    Parameters
    ----------
    tensor : torch.Tensor
        bfloat16, which NumPy lacks, is widened to float32 as it is read.

    Examples
    --------
    >>> import torch
    >>> Tensor(torch.ones(4, 2, dtype=torch.bfloat16))[:2].dtype
    dtype('float32')
    """

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor.detach()
        self._widen = str(tensor.dtype) == "torch.bfloat16"
        #: Type of the numbers.
        self.dtype: np.dtype[Any] = self._read(self.tensor[:0]).dtype

    @property
    def moves(self) -> bool:
        """Whether reading copies: from another device, or to another type."""
        return self._widen or self.tensor.device.type != "cpu"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return tuple(self.tensor.shape)

    def __getitem__(self, index: Any) -> Array:
        """Read a slice, or rows in any order and with repeats."""
        if not isinstance(index, slice):
            index = np.asarray(index).tolist()
        return self._read(self.tensor[index])

    def _read(self, part: Any) -> Array:
        return np.asarray((part.float() if self._widen else part).cpu())
