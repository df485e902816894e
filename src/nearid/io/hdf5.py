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
    """Raise if another process that reads the file meets damage, dies of it or does not come back.

    This process opens no file then of which HDF5 says that it is damaged: after that, too, it may
    crash. Where no other process can be started, everything passes.

    Parameters
    ----------
    path : Path
        An HDF5 file.
    places : list of str
        What will be read of it: data sets and groups at the top or one below, or globs of them.

    Raises
    ------
    InputError
        If HDF5 crashes on the file, or is not done with it in time.
    OSError
        What HDF5 says of damage that it notices.
    """
    if getattr(sys, "frozen", False) or not sys.executable:  # no interpreter, but an application
        return
    seconds = SECONDS + path.stat().st_size / BYTES_PER_SECOND
    told = {"path": os.fspath(path), "places": places, "seconds": seconds, "sys_path": sys.path}
    try:
        died, said = _walked([sys.executable, "-I", os.fspath(WALK), json.dumps(told)], seconds)
    except OSError:
        return
    if died:
        raise InputError(
            f"{path} is damaged: HDF5, the library that reads it, {died}; copy it again from "
            f"where it came from, or write it again (h5repack may save a part of it)"
        )
    if said:
        raise OSError(said)


def _walked(command: list[str], seconds: float) -> tuple[str, str]:
    """Return how the other process died, and what it said of damage; empty if it did not."""
    none, pipe = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(command, stdin=none, stdout=pipe, stderr=none, text=True) as walker:
        assert walker.stdout is not None
        try:
            begun = walker.stdout.readline()
            status = walker.wait(seconds)  # from here on: a slow start is not the file's
        except subprocess.TimeoutExpired:
            return f"did not come to an end of it in {seconds:.0f} s", ""
        finally:
            walker.kill()
        said = walker.stdout.read().strip()
    return f"crashes on it (status {status})" if begun and status else "", said
