"""``python -m tests.fuzz --files 200000 --format all``: damaged files, read until something breaks.

Prints a row per format: how many files were read and refused, the slowest, the most memory, and
what broke; the exit status is 1 if anything did. ``--keep DIR`` keeps the files that broke it, and
``--only NUMBER`` makes and reads one again.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.subjects import GUILTY, SUBJECTS, available

ROOT = Path(__file__).parents[2]
#: One thread, and allocators that map no more than is asked for: memory is what is measured.
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
QUIET |= {"ARROW_DEFAULT_MEMORY_POOL": "system", "PYTHONHASHSEED": "0"}


@dataclass
class Tally:
    """How the files of a format ended."""

    name: str
    files: int = 0
    counts: Counter = field(default_factory=Counter)
    most_kilobytes: int = 0
    slowest: float = 0.0
    seconds: float = 0.0
    broken: dict = field(default_factory=dict)

    def add(self, number, taken, seconds, ended):
        """Count a file."""
        kind = ended.partition(":")[0]
        self.files += 1
        self.counts[kind] += 1
        self.most_kilobytes = max(self.most_kilobytes, taken)
        self.slowest = max(self.slowest, seconds)
        if kind not in ("read", "refused"):
            self.broken.setdefault(ended, number)

    @property
    def died(self):
        """How many files ended the process."""
        return self.counts["died"]


def shortest_folder():
    """Return where files cost least: in memory, where the system has such a place."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def fuzz(name, files, seed=0, first=0, keep=None):
    """Read so many damaged files of a format; a process that died is started again after it."""
    subject, tally, begun = (SUBJECTS | GUILTY)[name], Tally(name), time.perf_counter()
    with tempfile.TemporaryDirectory(dir=shortest_folder()) as place:
        folder = Path(place)
        (folder / "bases").mkdir()
        subject.make(folder / "bases")
        number = first
        while number < first + files:
            command = [sys.executable, "-m", "tests.fuzz.worker", name, place, str(seed)]
            number = follow(command, number, first + files, tally, folder, keep)
        left = {path.name for path in folder.iterdir()} - {"bases", "damaged"}
        if left:
            tally.broken[f"written: {sorted(left)}"] = -1
    tally.seconds = time.perf_counter() - begun
    return tally


def follow(command, number, stop, tally, folder, keep):
    """Run a worker until it ends; return the number to go on with."""
    with tempfile.TemporaryFile("w+") as complaints:
        worker = subprocess.Popen(
            [*command, str(number), str(stop)],
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            cwd=ROOT,
            env={**os.environ, **QUIET},
        )
        for line in worker.stdout:
            at, taken, seconds, ended = line.rstrip("\n").split(" ", 3)
            before = len(tally.broken)
            tally.add(int(at), int(taken), float(seconds), ended)
            if keep and len(tally.broken) > before:
                kept(folder, tally.name, int(at), command, keep)
            number = int(at) + 1
        if worker.wait() == 0:
            return number
        complaints.seek(0)
        said = complaints.read()
    hung = worker.returncode == -signal.SIGALRM
    if not hung and worker.returncode > 0:
        raise RuntimeError(f"the worker of {tally.name} failed at {number}: {said[-2000:]}")
    where = [line.strip() for line in said.splitlines() if "src/nearid" in line][:1]
    tally.add(number, 0, 0.0, f"{'hung' if hung else 'died'}: {-worker.returncode} {where}")
    if keep:
        kept(folder, tally.name, number, command, keep)
    return number + 1


def kept(folder, name, number, command, keep):
    """Copy what broke the reader; a worker may be ahead, so the file is made again."""
    import numpy as np

    seed = int(command[-1])
    again = folder / "again"
    path = SUBJECTS[name].damaged(
        sorted((folder / "bases").iterdir()), number, again, np.random.default_rng([seed, number])
    )
    target = Path(keep) / f"{name}-{seed}-{number}{''.join(path.suffixes[-2:])}"
    target.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if path.is_dir() else shutil.copyfile)(path, target)
    shutil.rmtree(again)


def row(tally):
    """Return what is printed of a format."""
    rate = tally.files / max(tally.seconds, 1e-9)
    counts = ", ".join(f"{count} {kind}" for kind, count in tally.counts.most_common())
    head = f"{tally.name:12} {tally.files:7} files {rate:7.0f}/s  slowest {tally.slowest:.2f} s"
    lines = [f"{head}  most {tally.most_kilobytes / 1024:.0f} MB  {counts}"]
    lines += [f"    {number}: {ended[:300]}" for ended, number in list(tally.broken.items())[:20]]
    return "\n".join(lines)


def main():
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--format", default="all", help=f"all, or of {', '.join(SUBJECTS)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", help="folder for the files that broke a reader")
    parser.add_argument("--json", help="file for the numbers")
    given = parser.parse_args()
    names = available() if given.format == "all" else given.format.split(",")
    tallies = []
    for name in names:
        files = (
            max(1, given.files // SUBJECTS[name].one_of) if given.format == "all" else given.files
        )
        tallies.append(fuzz(name, files, given.seed, given.first, given.keep))
        print(row(tallies[-1]), flush=True)  # noqa: T201
    if given.json:
        held = [{**vars(tally), "counts": dict(tally.counts)} for tally in tallies]
        Path(given.json).write_text(json.dumps(held, indent=1))
    return 1 if any(tally.broken for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
