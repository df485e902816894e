"""``python -m tests.faults --kills 200 --command all``: kill commands, and call them again.

Prints a row per command; the exit status is 1 if an output was neither old nor complete, or if the
second call did not end with the same bytes.
"""

import argparse
import sys
import tempfile
import time

import numpy as np

from tests.faults.commands import COMMANDS, preload
from tests.faults.killing import Trials


def main():
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument(
        "--command", default="all", help=f"all, or of {', '.join(COMMANDS)}; NAME:KILLS"
    )
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    names = list(COMMANDS) if given.command == "all" else given.command.split(",")
    preload()
    failed = False
    for asked in names:
        name, _, count = asked.partition(":")
        kills = int(count or given.kills)
        rng, begun, killed, wrong = np.random.default_rng(given.seed), time.perf_counter(), 0, []
        with tempfile.TemporaryDirectory() as place:
            trials = Trials(name, place)
            for number in range(kills):
                dead, found = trials.trial(number, rng)
                killed += dead
                wrong += found
        print(  # noqa: T201
            f"{name:10} {kills} trials, {killed} killed in time, of {trials.moments} moments "
            f"and {trials.seconds:.2f} s; {len(wrong)} wrong; {time.perf_counter() - begun:.0f} s",
            *[f"    {line}" for line in wrong[:20]],
            sep="\n",
            flush=True,
        )
        failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
