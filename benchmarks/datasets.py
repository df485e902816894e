"""Images a second on one core of the data sets that are drawn, not read.

    python benchmarks/datasets.py [--images 8192] [--batch 256] [--repeats 5] [--json results.json]

Uniformly drawn images, in batches as training asks for them. The floor gathers batches of the same
shape from images in memory, which is what a data set costs that has been read in full. Jobs are
interleaved in one process with one thread, and the best CPU time of the repeats counts; what the
first image takes (for the scenes: rendering all 480 geometries) is told apart.
"""

# ruff: noqa: E402  (threads are counted when numpy is loaded)

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nearid.datasets import FactorDataset, scenes3d, sprites

Reader = Callable[[np.ndarray], np.ndarray]

#: Images in memory that the floor gathers from.
HELD = 4_096


def one_shape(dataset: FactorDataset, shape: int, index: np.ndarray) -> np.ndarray:
    """Replace the shape of every image."""
    classes = dataset.factors(index)
    classes[:, dataset.factor_names.index("shape")] = shape
    return dataset.index(classes)


def make_jobs(images: int) -> dict[str, tuple[Reader, np.ndarray]]:
    """Return how each job reads, and the indices that it is given."""
    rng = np.random.default_rng(0)
    scenes, drawn = scenes3d(64), sprites()
    anywhere = rng.integers(drawn.n_images, size=images)
    jobs: dict[str, tuple[Reader, np.ndarray]] = {
        "scenes3d(64)": (scenes.images, rng.integers(scenes.n_images, size=images)),
        "sprites()": (drawn.images, anywhere),
    }
    for shape, name in enumerate(("squares", "ellipses", "hearts")):
        jobs[f"sprites(), {name} alone"] = (drawn.images, one_shape(drawn, shape, anywhere))
    for channels in (3, 1):
        held = rng.integers(256, size=(HELD, 64, 64, channels), dtype=np.uint8)
        index = rng.integers(HELD, size=images)
        jobs[f"floor: 64 x 64 x {channels} from memory"] = (held.__getitem__, index)
    return jobs


def seconds(read: Reader, index: np.ndarray, batch: int) -> float:
    begin = time.process_time()
    for start in range(0, len(index), batch):
        read(index[start : start + batch])
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=8_192)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    jobs = make_jobs(arguments.images)
    first = {name: seconds(read, index[:1], 1) for name, (read, index) in jobs.items()}
    best = dict.fromkeys(jobs, np.inf)
    for _ in range(arguments.repeats):
        for name, (read, index) in jobs.items():
            best[name] = min(best[name], seconds(read, index, arguments.batch))
    rows = [
        {"job": name, "images_per_second": arguments.images / best[name], "first": first[name]}
        for name in jobs
    ]
    print("| job | images a second | first image |")
    print("| --- | --- | --- |")
    for row in rows:
        rate = round(row["images_per_second"], -3)
        print(f"| {row['job']} | {rate:,.0f} | {row['first']:.4f} s |")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
