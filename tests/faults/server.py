"""Runs commands in forked processes: what they import is imported once, here.

Reads a line of JSON for each request, a list of calls that run at once, and answers with a line: a
list of status, output and errors.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
from pathlib import Path

from tests.faults.commands import preload

#: The user without rights.
NOBODY = 65534


def call(given):
    """Run one call in this process, which ends with it."""
    os.chdir(given["folder"])
    os.environ["XDG_CACHE_HOME"] = given["folder"]
    sys.path.insert(0, given["folder"])
    sys.dont_write_bytecode = True
    if given.get("limit"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (given["limit"], given["limit"]))
    if given.get("nobody") and os.getuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    if "code" in given:
        exec(given["code"], {"arguments": given["arguments"]})
        return
    from nearid.cli import main

    sys.argv = ["nearid", *given["arguments"]]
    main()


def fork(given, out, err):
    """Fork a process for a call; return its id."""
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        call(given)
        status = 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(status)


def answer(calls):
    """Run calls at once; return how each ended and what it said."""
    with contextlib.ExitStack() as stack:
        files = [
            [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(2)] for _ in calls
        ]
        children = [fork(given, *pair) for given, pair in zip(calls, files, strict=True)]
        ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        for pair in files:
            for file in pair:
                file.seek(0)
        return [
            [status, *(file.read() for file in pair)]
            for status, pair in zip(ended, files, strict=True)
        ]


def main():
    """Answer requests until there are no more."""
    preload()
    os.chdir(Path(__file__).parents[2])
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
