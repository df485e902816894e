"""Crops of drawn cells a second, on one core.

    python benchmarks/cells.py [--cells 2000] [--repeats 5] [--json results.json]

A crop has four channels. Sizes take turns in one process with one thread, and the best CPU time of
the repeats counts: other work on the machine slows a repeat, and never speeds one.
"""

# ruff: noqa: E402  (threads are counted when numpy is loaded)

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import time
from pathlib import Path

import numpy as np

from nearid.datasets.cell_images import BIOLOGICAL, TECHNICAL, render

SIZES = (24, 32, 40, 64)


def seconds(size: int, n: int) -> float:
    """Return the CPU time of drawing n cells."""
    rng = np.random.default_rng(0)
    biology = rng.standard_normal((n, len(BIOLOGICAL)))
    technical = rng.standard_normal((n, len(TECHNICAL)))
    started = time.process_time()
    render(biology, technical, size=size, random_state=rng)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description="Crops of drawn cells a second.")
    parser.add_argument("--cells", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    taken: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(asked.repeats):
        for size in SIZES:
            taken[size].append(seconds(size, asked.cells))
    found = {str(size): asked.cells / min(times) for size, times in taken.items()}
    for size, rate in found.items():
        print(f"{size:>4} x {size} x 4: {rate:8.0f} crops a second")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
