"""What each worker has: a thread of BLAS, and memory of its own that it never sends."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["ThreadOwn", "one_blas_thread"]


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


def one_blas_thread() -> AbstractContextManager[Any]:
    """Hold BLAS to one thread while the context lasts.

    Chunks and k × k blocks are too small to be shared out: BLAS threads that wait for each other
    cost more than they bring, and on a busy machine ten times as much.  Workers share the cores.

    Examples
    --------
    >>> import numpy as np
    >>> with one_blas_thread():
    ...     product = np.eye(2) @ np.eye(2)
    """
    limited: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limited


@cache
def _libraries() -> ThreadpoolController:
    """Look for the BLAS libraries once: that takes longer than many a chunk."""
    return ThreadpoolController()
