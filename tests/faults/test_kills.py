"""A few of the kills that ``make nightly`` does by the hundred."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_outputs_are_old_or_complete_and_a_second_call_ends_the_same():
    some = "compare:1,fit:4,embed:4,reproduce:1"
    call = [sys.executable, "-m", "tests.faults", "--command", some]
    done = subprocess.run(call, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("; 0 wrong;") == 4
