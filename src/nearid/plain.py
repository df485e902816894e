"""Values and frames in the types that JSON knows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["plain", "records"]


def plain(value: Any) -> Any:
    """Return a value, and all within it, in types that JSON knows; nan and infinity become None.

    Examples
    --------
    >>> plain({"a": np.float32(0.5), "b": (np.nan, np.int64(3)), "c": np.array([True])})
    {'a': 0.5, 'b': [None, 3], 'c': [True]}
    """
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as plain dictionaries.

    Examples
    --------
    >>> import pandas as pd
    >>> records(pd.DataFrame({"a": [1.0, np.nan]}))
    [{'a': 1.0}, {'a': None}]
    """
    return [plain(row) for row in frame.to_dict(orient="records")]
