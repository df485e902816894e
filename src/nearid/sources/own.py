"""What a worker keeps from chunk to chunk, and never sends."""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["ThreadOwn"]


class ThreadOwn(threading.local):
    """Attributes of each thread's own, none of which travel to another process.

    Examples
    --------
    >>> import pickle
    >>> own = ThreadOwn()
    >>> own.buffer = "here"
    >>> hasattr(pickle.loads(pickle.dumps(own)), "buffer")
    False
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel empty."""
        return ThreadOwn, ()
