"""Commands in processes of their own, which a server forks."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def at_once():
    """Run calls at once, each in a process; return how they ended."""
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **quiet},
    ) as server:

        def ask(*calls):
            server.stdin.write(json.dumps(calls) + "\n")
            server.stdin.flush()
            ended = json.loads(server.stdout.readline())
            return [
                SimpleNamespace(returncode=status, stdout=out, stderr=err)
                for status, out, err in ended
            ]

        yield ask
        server.stdin.close()


@pytest.fixture(scope="session")
def nearid(at_once):
    """Run the command line in a process of its own, without progress and notes."""

    def run(folder, *arguments, **given):
        words = ["-q", *map(str, arguments)]
        return at_once({"folder": str(folder), "arguments": words, **given})[0]

    return run
