"""The most memory that a process holds while a block runs."""

from __future__ import annotations

import os
import threading
from pathlib import Path


class Peak:
    """Resident memory in bytes, at the start and at most, sampled every millisecond.

    Parameters
    ----------
    with_files : bool, default True
        Whether pages of mapped files count, which the system may take back.
    """

    def __init__(self, *, with_files: bool = True) -> None:
        self.with_files = with_files

    def __enter__(self) -> Peak:
        self.start = self.most = self.resident()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def resident(self) -> int:
        """Return what the process holds now."""
        pages, shared = map(int, Path("/proc/self/statm").read_text().split()[1:3])
        return (pages if self.with_files else pages - shared) * os.sysconf("SC_PAGE_SIZE")

    def watch(self) -> None:
        """Sample until told to stop."""
        while not self.done.wait(0.001):
            self.most = max(self.most, self.resident())

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()
        self.most = max(self.most, self.resident())
