"""Files of which HDF5's C library crashes or hangs are refused before this process opens them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from nearid.errors import InputError

__all__ = ["check_survived"]

WALK = Path(__file__).with_name("hdf5_walk.py")

#: Seconds for a walk through any file, and bytes of a larger one for which there is one more.
SECONDS, BYTES_PER_SECOND = 5.0, 10_000_000


def check_survived(path: Path, places: list[str]) -> None:
    """Raise InputError if another process that reads the file dies of it, or does not come back.

    What is damaged such that HDF5 notices it passes: reading it raises an exception. So does
    everything where no other process can be started.

    Parameters
    ----------
    path : Path
        An HDF5 file.
    places : list of str
        What will be read of it: data sets and groups at the top or one below, or globs of them.
    """
    if getattr(sys, "frozen", False) or not sys.executable:  # no interpreter, but an application
        return
    seconds = SECONDS + path.stat().st_size / BYTES_PER_SECOND
    told = {"path": os.fspath(path), "places": places, "seconds": seconds, "sys_path": sys.path}
    try:
        ended = _walked([sys.executable, "-I", os.fspath(WALK), json.dumps(told)], seconds)
    except OSError:
        return
    if ended is not None:
        raise InputError(
            f"{path} is damaged: HDF5, the library that reads it, {ended}; copy it again from "
            f"where it came from, or write it again (h5repack may save a part of it)"
        )


def _walked(command: list[str], seconds: float) -> str | None:
    """Return what became of the other process, or None if it came to its end."""
    none, pipe = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(command, stdin=none, stdout=pipe, stderr=none) as walker:
        try:
            begun = walker.stdout is not None and walker.stdout.readline()
            status = walker.wait(
                seconds
            )  # the clock runs from here: a slow start is not the file's
        except subprocess.TimeoutExpired:
            return f"did not come to an end of it in {seconds:.0f} s"
        finally:
            walker.kill()
    return f"crashes on it (status {status})" if begun and status else None
