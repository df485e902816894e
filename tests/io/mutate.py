"""Read seeded mutations of a file, in a process of its own: ``mutate.py BASE FIRST STOP``.

Prints one line per mutation: its number, and ``read``, ``refused`` or the exception that escaped.
A process of its own, because a C library that crashes or hangs can be stopped in no other way.
"""

import faulthandler
import shutil
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np

#: After so many seconds a mutation counts as a hang, and the process ends.
PATIENCE = 10


def mutate(base, number):
    """Change one to four bytes of the file, or of one file of the folder."""
    rng = np.random.default_rng(number)
    target = base.with_name(f"mutated{''.join(base.suffixes)}")
    if base.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(base, target)
        files = sorted(path for path in target.rglob("*") if path.is_file())
        changed = files[rng.integers(len(files))]
    else:
        changed = Path(shutil.copyfile(base, target))
    content = bytearray(changed.read_bytes())
    for _ in range(rng.integers(1, 5)):
        content[rng.integers(len(content))] = rng.integers(256)
    changed.write_bytes(content)
    return target


def outcome(path):
    """Read all of it, and say how that ended."""
    from nearid import io
    from nearid.errors import InputError

    try:
        for table in io.read(path):
            np.asarray(table.values[:])
    except InputError as error:
        return "refused" if "\n" not in str(error) else "said more than one line"
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace("\n", " ")
    return "read"


def main(base, first, stop):
    """Read the mutations from ``first`` to ``stop``."""
    warnings.simplefilter("error")
    with suppress(ImportError):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, resource.RLIM_INFINITY))
    outcome(base)  # imports what it needs
    for number in range(int(first), int(stop)):
        path = mutate(Path(base), number)
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        print(number, outcome(path), flush=True)  # noqa: T201
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(*sys.argv[1:])
