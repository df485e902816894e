"""CPU time and memory of fitting maps between runs, beside published tools, in one run.

Usage: ``python benchmarks/compare.py [--json FILE] [--repeats 3] [--quick]``

Every contender of a job sees the same arrays, on one thread; repeats are interleaved, so that a
busy machine is busy for all, and the best of each counts.  Ratios matter, not the seconds.

Contenders
----------
floor
    Plain second moments: one product per covariance that the fit needs, in numpy, then the fit.
nearid
    :func:`nearid.moments.moments` once for all runs, then ``fit_moments`` for every pair.
iTuna
    ``ituna.metrics.Permutation`` and ``Affine``, one ``fit`` per pair (without its scores);
    ``pip install ituna==0.1.0``.
netrep's algorithm
    netrep is on no registry, so its published algorithm is restated: centre, then per pair
    ``linear_sum_assignment`` on the cross-products (without signs), or orthogonal Procrustes.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import combinations, permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# They would make BLAS run as on another processor; it reads them when numpy is imported.
for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(variable, None)

import numpy as np  # noqa: E402
from scipy.linalg import orthogonal_procrustes, solve, svd  # noqa: E402
from scipy.optimize import linear_sum_assignment  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from nearid import GROUPS, as_rows, statistical_identifiability  # noqa: E402
from nearid.moments import moments  # noqa: E402

Runs = list[np.ndarray]
#: A contender that took longer than this once is not asked again.
PATIENCE = 8.0


@dataclass(frozen=True)
class Job:
    """One job: its data, the group, the pairs, and who does it."""

    name: str
    n_runs: int
    n_rows: int
    n_columns: int
    group: str
    pairs: str
    contenders: tuple[str, ...]

    def runs(self) -> Runs:
        """Return runs that share their sources, each turned on its own, with some noise."""
        rng = np.random.default_rng(0)
        sources = rng.laplace(size=(self.n_rows, self.n_columns))
        made = []
        for _ in range(self.n_runs):
            turn = np.linalg.qr(rng.standard_normal((self.n_columns,) * 2))[0]
            run = sources @ turn
            for start in range(0, self.n_rows, 10_000):  # the noise is never in memory as a whole
                part = run[start : start + 10_000]
                part += 0.3 * rng.standard_normal(part.shape)
            made.append(run)
        return made

    def pairs_of(self) -> list[tuple[int, int]]:
        """Return the pairs (source, target) of runs to fit."""
        numbers = range(self.n_runs)
        return {
            "ordered": list(permutations(numbers, 2)),
            "unordered": list(combinations(numbers, 2)),
            "one": [(0, 1)],
        }[self.pairs]


FOUR = ("floor", "nearid", "iTuna", "netrep's algorithm")
JOBS = [
    Job(
        "5 x 10,000 x 64, signed permutation, 20 ordered pairs",
        *(5, 10_000, 64, "signed_permutation", "ordered"),
        FOUR,
    ),
    Job(
        "5 x 10,000 x 64, rigid, 10 pairs",
        *(5, 10_000, 64, "rigid", "unordered"),
        ("floor", "nearid", "netrep's algorithm"),
    ),
    Job(
        "5 x 10,000 x 64, affine, 20 ordered pairs",
        *(5, 10_000, 64, "linear", "ordered"),
        ("floor", "nearid", "iTuna"),
    ),
    Job(
        "2 x 100,000 x 256, affine, one direction",
        *(2, 100_000, 256, "linear", "one"),
        ("floor", "nearid", "iTuna"),
    ),
    Job(
        "2 x 100,000 x 256, signed permutation, one direction",
        *(2, 100_000, 256, "signed_permutation", "one"),
        FOUR,
    ),
    Job(
        "2 x 100,000 x 256, all five groups, both directions",
        *(2, 100_000, 256, "ladder", "ordered"),
        ("floor", "nearid"),
    ),
    Job(
        "5 x 10,000 x 64, the whole comparison with ICA, intervals and null",
        *(5, 10_000, 64, "all", "ordered"),
        ("nearid",),
    ),
]


def centred_cross(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the cross-covariance times n."""
    return x.T @ y - len(x) * np.outer(x.mean(axis=0), y.mean(axis=0))


def by_floor(job: Job, runs: Runs) -> None:
    """Compute each covariance once, with one product, and fit."""
    pairs = job.pairs_of()
    cross = {tuple(sorted(pair)) for pair in pairs}
    products = {(i, j): centred_cross(runs[i], runs[j]) for i, j in sorted(cross)}
    if job.group in ("linear", "ladder"):
        needed = {source for source, _ in pairs}
        products |= {(i, i): centred_cross(runs[i], runs[i]) for i in sorted(needed)}
    for i, j in pairs:
        c = products[i, j] if i < j else products[j, i].T
        if job.group in ("linear", "ladder"):
            solve(products[i, i], c, assume_a="pos")
        if job.group in ("rigid", "ladder"):
            svd(c)
        if job.group in ("signed_permutation", "ladder"):
            linear_sum_assignment(-np.abs(c))


def by_nearid(job: Job, runs: Runs) -> None:
    """Fit every pair from joint moments, or make the whole comparison."""
    if job.group == "all":
        statistical_identifiability(runs, random_state=0)
        return
    joint = moments([as_rows(run) for run in runs])
    groups = GROUPS.values() if job.group == "ladder" else [GROUPS[job.group]]
    for source, target in job.pairs_of():
        for group in groups:
            group.fit_moments(joint.pair(source, target))


def by_ituna(job: Job, runs: Runs) -> None:
    """Fit every pair with iTuna's indeterminacy models."""
    from ituna import metrics

    model = {"linear": metrics.Affine, "signed_permutation": metrics.Permutation}[job.group]
    for source, target in job.pairs_of():
        model().fit(runs[source], runs[target])


def by_netrep(job: Job, runs: Runs) -> None:
    """Fit every pair as netrep's PermutationMetric and LinearMetric(alpha=1) do."""
    centred = [run - run.mean(axis=0) for run in runs]
    pairs = {tuple(sorted(pair)) for pair in job.pairs_of()}  # its metrics are symmetric
    for source, target in pairs:
        if job.group == "rigid":
            orthogonal_procrustes(centred[source], centred[target])
        else:
            linear_sum_assignment(centred[source].T @ centred[target], maximize=True)


CONTENDERS: dict[str, Callable[[Job, Runs], None]] = {
    "floor": by_floor,
    "nearid": by_nearid,
    "iTuna": by_ituna,
    "netrep's algorithm": by_netrep,
}


def narrowed(job: Job, contender: str) -> tuple[slice, float]:
    """Return the columns that a contender is given, and by how much its time is multiplied.

    iTuna's signed permutation is a loop over pairs of columns: where there are too many, it gets a
    part of the columns, and its time is multiplied by the share of the pairs that it did not see.
    """
    if contender == "iTuna" and job.group == "signed_permutation" and job.n_columns > 64:
        return slice(0, 64), (job.n_columns / 64) ** 2
    return slice(None), 1.0


def installed(contender: str) -> bool:
    """Whether a contender can be asked."""
    if contender != "iTuna":
        return True
    try:
        metadata.version("ituna")
    except metadata.PackageNotFoundError:
        return False
    return True


def cpu_seconds(job: Job, runs: Runs, repeats: int) -> dict[str, float]:
    """Return the best CPU seconds of each contender, over interleaved repeats."""
    best: dict[str, float] = {}
    for _ in range(repeats):
        for contender in filter(installed, job.contenders):
            if best.get(contender, 0.0) > PATIENCE:
                continue
            columns, factor = narrowed(job, contender)
            given = [np.ascontiguousarray(run[:, columns]) for run in runs]
            start = time.process_time()
            CONTENDERS[contender](job, given)
            spent = (time.process_time() - start) * factor
            best[contender] = min(best.get(contender, np.inf), spent)
    return best


def extra_memory(position: int, folder: str, contender: str) -> float:
    """Return the MB that a contender needs beyond its input, measured in a process of its own."""
    command = [sys.executable, __file__, "--measure", str(position), folder, contender]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure_memory(job: Job, folder: str, contender: str) -> float:
    """Return by how many MB the peak of this process grows while the contender works."""
    tiny = replace(job, n_rows=300, n_columns=4)
    CONTENDERS[contender](tiny, tiny.runs())  # loads what it needs
    columns, _ = narrowed(job, contender)
    paths = sorted(Path(folder).glob("*.npy"))
    given = [np.load(path)[:, columns] for path in paths]  # which leaves no higher peak behind
    before = peak_mb()
    CONTENDERS[contender](job, given)
    return peak_mb() - before


def peak_mb() -> float:
    """Return the largest resident size of this process.

    Linux counts the peak of the parent into ru_maxrss; VmHWM begins with the process.
    """
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [x for x in status.read_text().splitlines() if x.startswith("VmHWM")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(position: int, repeats: int) -> dict[str, Any]:
    """Measure one job."""
    job = JOBS[position]
    runs = job.runs()
    seconds = cpu_seconds(job, runs, repeats)
    with TemporaryDirectory() as folder:
        for i, run in enumerate(runs):
            np.save(f"{folder}/{i}.npy", run)
        memory = {name: extra_memory(position, folder, name) for name in seconds}
    scaled = [name for name in seconds if narrowed(job, name)[1] != 1]
    return {
        "job": job.name,
        "cpu_seconds": seconds,
        "extra_mb": memory,
        "extrapolated": scaled,
        "not_installed": [name for name in job.contenders if name not in seconds],
    }


def cell(record: dict[str, Any], contender: str) -> str:
    """Return one cell of the table."""
    if contender in record["not_installed"]:
        return "not installed"
    seconds = record["cpu_seconds"].get(contender)
    if seconds is None:
        return "-"
    about = "≈ " if contender in record["extrapolated"] else ""
    ratio = seconds / record["cpu_seconds"]["nearid"]
    return f"{about}{seconds:.3g} s (×{ratio:.2g}), {record['extra_mb'][contender]:.0f} MB"


def table(records: list[dict[str, Any]]) -> str:
    """Return the results as Markdown."""
    head = ["job", *CONTENDERS]
    lines = [head, ["---"] * len(head)]
    lines += [[record["job"], *(cell(record, name) for name in CONTENDERS)] for record in records]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> dict[str, str]:
    """Say where this ran, and with which versions."""
    info = Path("/proc/cpuinfo")
    models = [
        line.partition(":")[2].strip()
        for line in (info.read_text().splitlines() if info.exists() else [])
        if line.startswith("model name")
    ]
    names = ["nearid", "numpy", "scipy", "scikit-learn", *(["ituna"] if installed("iTuna") else [])]
    versions = {name: metadata.version(name) for name in names}
    cpu = models[0] if models else platform.processor() or platform.machine()
    return {"processor": cpu, "python": platform.python_version(), **versions}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the results there")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="leave out the jobs of 100,000 rows")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with threadpool_limits(limits=1):
        if arguments.measure:
            position, folder, contender = arguments.measure
            print(measure_memory(JOBS[int(position)], folder, contender))
            return
        chosen = [i for i, job in enumerate(JOBS) if not (arguments.quick and job.n_rows > 10_000)]
        records = [measure(position, arguments.repeats) for position in chosen]
    print(table(records))
    found = {"machine": machine(), "results": records}
    print("\n" + ", ".join(f"{key} {value}" for key, value in found["machine"].items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
