"""Read damaged files in a process of its own, and say how each ended.

``python -m tests.fuzz.worker FORMAT FOLDER SEED FIRST STOP`` prints a line per file: its number,
the kilobytes of memory it took at most, the seconds, and ``read``, ``refused`` or what went wrong.
A process of its own, because a C library that crashes or hangs can be stopped in no other way.
"""

import contextlib
import faulthandler
import os
import resource
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from tests.fuzz.subjects import GUILTY, SUBJECTS

#: After so many seconds a file counts as a hang, and the process ends.
PATIENCE = 10
#: Memory that a file may take: so many times its size, and so much more. Addresses that are only
#: reserved, as by threads and by arrays that are not filled yet, are no memory: of them there may
#: be more, and what asks for still more gets none.
TIMES, MORE, RESERVED = 4, 100_000_000, 2**30
#: What no reading of data may do, by the names of Python's audit events.
FORBIDDEN = ("pickle.find_class", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")
FORBIDDEN += ("os.fork", "socket.connect", "socket.getaddrinfo", "os.remove", "os.rename")
FORBIDDEN += ("os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.truncate")


#: What the kernel says of this process, and where it is told to count peaks anew.
STATUS = os.open("/proc/self/status", os.O_RDONLY)
PEAKS = os.open("/proc/self/clear_refs", os.O_WRONLY)


class Guard:
    """Notes, while it is armed, what reading may not do: run code, write, or reach a network."""

    def __init__(self):
        self.armed, self.seen = False, None
        sys.addaudithook(self.hook)

    def hook(self, event, arguments):
        if not self.armed:
            return
        writes = event == "open" and _writes(arguments)
        runs = event == "exec" and _is_given(arguments[0]) and not _importing()
        if (event in FORBIDDEN and not _walks(event, arguments)) or writes or runs:
            self.seen = f"{event} {arguments[:2]}"[:200]


def _walks(event, arguments):
    """Whether this starts nothing but the process that tries what HDF5 survives."""
    from nearid.io.hdf5 import WALK

    return event == "subprocess.Popen" and arguments[1][:-1] == [sys.executable, "-I", str(WALK)]


def _is_given(code):
    return getattr(code, "co_filename", "") == "<string>"


def _importing():
    """Whether a module is being imported, which may execute what it likes."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _writes(arguments):
    path, mode, flags = arguments
    if isinstance(path, str) and path.endswith((".pyc", "/dev/null")):
        return False
    wanted = isinstance(mode, str) and set(mode) & set("wax+")
    return bool(wanted) or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def kilobytes(*names):
    """Return numbers of ``/proc/self/status``."""
    lines = os.pread(STATUS, 8192, 0).decode().splitlines()
    held = dict(line.split(":", 1) for line in lines)
    return [int(held[name].split()[0]) for name in names]


def forget_peak():
    """Have the kernel count the peak of memory anew; where it does not, the peak only grows."""
    with contextlib.suppress(OSError):
        os.pwrite(PEAKS, b"5", 0)


@contextlib.contextmanager
def bounded(n_bytes, mapped):
    """Let the process map so many bytes more than it has, and no further."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = mapped * 1024 + n_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def outcome(read, path, guard):
    """Read all of it, and say how that ended."""
    from nearid.errors import InputError

    guard.seen, guard.armed = None, True
    try:
        read(path)
    except InputError as error:
        said = str(error)
        ended = "refused" if said and "\n" not in said else f"said not one line: {said!r}"
    except BaseException as error:
        ended = f"escaped: {type(error).__name__}: {error}"
    else:
        ended = "read"
    finally:
        guard.armed = False
    return f"forbidden: {guard.seen}" if guard.seen else ended


def measured(read, path, guard):
    """Return kilobytes, seconds and the outcome of one file."""
    size = (
        path.stat().st_size
        if path.is_file()
        else sum(inside.stat().st_size for inside in path.rglob("*") if inside.is_file())
    )
    forget_peak()
    (before, mapped), begun = kilobytes("VmRSS", "VmSize"), time.perf_counter()
    with bounded(TIMES * size + RESERVED, mapped):
        ended = outcome(read, path, guard)
    seconds, taken = time.perf_counter() - begun, max(0, kilobytes("VmHWM")[0] - before)
    if taken * 1024 > TIMES * size + MORE:
        ended = f"memory: {taken} kB for a file of {size} bytes; {ended}"
    return taken, seconds, " ".join(ended.split())


def main(name, folder, seed, first, stop):
    """Read the mutations from ``first`` to ``stop``; the numbers below those of bases are bases."""
    warnings.simplefilter("error")
    faulthandler.enable()
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # C libraries print on their own
    subject, folder = (SUBJECTS | GUILTY)[name], Path(folder)
    bases = sorted((folder / "bases").iterdir())
    guard = Guard()
    for base in bases:
        if not base.name.startswith("hostile"):
            subject.read(base)  # imports what it needs, and must be read
    for number in range(int(first), int(stop)):
        rng = np.random.default_rng([int(seed), number])
        path = subject.damaged(bases, number, folder / "damaged", rng)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)  # ends the process, in C code too
        taken, seconds, ended = measured(subject.read, path, guard)
        signal.setitimer(signal.ITIMER_REAL, 0)
        ascii_line = ended.encode("ascii", "backslashreplace").decode()
        print(number, taken, f"{seconds:.3f}", ascii_line, file=told, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
