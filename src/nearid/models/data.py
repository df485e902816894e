"""What models are trained on: numbers, or tokens, as a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from nearid.errors import InputError
from nearid.optional import require

__all__ = ["as_data", "takes_tokens"]


def takes_tokens(model: Any) -> bool:
    """Tell whether a model is trained on numbers of tokens."""
    return bool(getattr(model, "takes_tokens", False))


def as_data(data: Any, *, tokens: bool = False) -> Any:
    """Return data as a float32 tensor on the CPU; tokens stay int64, if there may be any.

    Raises
    ------
    InputError
        If there are none, or they are no finite floating numbers.
    """
    torch = require("torch", extra="torch")
    # a copy only where torch cannot share the memory: read-only, or with strides it does not know
    given = data.detach().cpu().numpy() if hasattr(data, "detach") else data
    array = torch.from_numpy(np.require(given, requirements=["C", "W"]))
    named = tokens and array.dtype == torch.int64
    if not array.dtype.is_floating_point and not named:
        raise InputError(
            f"training data are floating numbers; got {array.dtype}: scale images, e.g. to [0, 1]"
        )
    if array.ndim < 2 or not array.numel():
        raise InputError(f"training data have the shape (n, …); got {tuple(array.shape)}")
    if not array.isfinite().all():
        bad = int((~array.isfinite()).sum())
        raise InputError(f"the training data hold {bad} NaN or infinite values; drop those rows")
    return array if named else array.float()
