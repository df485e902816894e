"""ICA against its peers: CPU seconds on one thread, in one interleaved run, at equal quality.

    python benchmarks/ica.py [--cases small|large|all] [--json results.json]

Every solver of a case sees the same data with the same seeds, in turn, so that a busy machine slows
all of them. A solver's answer counts as good where each identifiable component correlates by more
than .999 with the optimum of its own basin, found by going on from that answer to 1e-4 rad. For
network features only the components count that replicate on disjoint halves.
"""

# ruff: noqa: E402  (threads are counted when NumPy is loaded)

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ.pop("OPENBLAS_CORETYPE", None)

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from picard import picard
from sklearn.decomposition import FastICA

from nearid.ica import LatentICA, solve, whitening
from nearid.ica.components import describe
from nearid.ica.contrasts import CONTRASTS
from nearid.ica.passes import contrast_sums
from nearid.ica.replication import REPLICATES
from nearid.ica.settings import Engine
from nearid.linalg import polar_factor
from nearid.moments import moments
from nearid.rows import Rows

#: Passes that the search for the optimum may take.
REFERENCE_PASSES = 600


def sources(kind: str, n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    laplace = rng.laplace(size=(n, k)).astype(np.float32)
    if kind == "mixed":
        laplace[:, k // 2 :] = rng.uniform(-2, 2, size=(n, k - k // 2))
    return laplace


def relu_features(n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """Features of a random two-layer ReLU network on Laplace inputs."""
    first = rng.standard_normal((k, 2 * k)) / np.sqrt(k)
    second = rng.standard_normal((2 * k, k)) / np.sqrt(2 * k)
    hidden = np.maximum(rng.laplace(size=(n, k)) @ first + 0.1 * rng.standard_normal(2 * k), 0)
    return np.maximum(hidden @ second + 0.3 * rng.standard_normal(k), 0).astype(np.float32)


def table(kind: str, n: int, k: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "relu":
        return relu_features(n, k, rng)
    mixing = rng.standard_normal((k, k)).astype(np.float32)
    return np.concatenate(
        [sources(kind, min(50_000, n - start), k, rng) @ mixing for start in range(0, n, 50_000)]
    )


def fit_nearid(X: np.ndarray, seed: int, **options: Any) -> tuple[np.ndarray, int]:
    ica = LatentICA(X.shape[1], replication=False, random_state=seed, **options).fit(X)
    return ica.components_, ica.n_passes_


def fit_sklearn(X: np.ndarray, seed: int) -> tuple[np.ndarray, int]:
    ica = FastICA(X.shape[1], whiten="unit-variance", max_iter=500, random_state=seed).fit(X)
    return ica.components_, ica.n_iter_


def fit_picard(X: np.ndarray, seed: int) -> tuple[np.ndarray, int]:
    whitener, rotation, _, steps = picard(
        X.T, ortho=True, extended=True, max_iter=500, random_state=seed, return_n_iter=True
    )
    return rotation @ whitener, int(steps)


Fitter = Callable[[np.ndarray, int], tuple[np.ndarray, int]]
SOLVERS: dict[str, tuple[type, Fitter]] = {
    "nearid (NumPy)": (np.float32, lambda X, seed: fit_nearid(X, seed, compiled=False)),
    "nearid (numba)": (np.float32, lambda X, seed: fit_nearid(X, seed, compiled=True)),
    "scikit-learn float32": (np.float32, fit_sklearn),
    "scikit-learn float64": (np.float64, fit_sklearn),
    "picard float64": (np.float64, fit_picard),
}


@dataclass
class Case:
    """Data on which all solvers run."""

    name: str
    kind: str
    n: int
    k: int
    repeats: int
    picard: bool = True
    mapped: bool = False


SMALL = [
    Case("Laplace", "laplace", 20_000, 64, 5),
    Case("mixed", "mixed", 20_000, 64, 5),
    Case("ReLU features", "relu", 20_000, 64, 3),
]
LARGE = [
    Case("mixed, k = 128", "mixed", 100_000, 128, 2),
    Case("mixed, k = 256", "mixed", 100_000, 256, 1, picard=False),
    Case("mixed, mapped file", "mixed", 1_000_000, 64, 1, picard=False, mapped=True),
]


@dataclass
class Result:
    """What one solver did on one case, a number for each seed."""

    case: str
    solver: str
    seconds: list[float] = field(default_factory=list)
    iterations: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    counted: int = 0


def quality(X: np.ndarray, unmixing: np.ndarray, counted: np.ndarray | None) -> tuple[int, int]:
    """Return how many of the components that count are not at their optimum, and how many count."""
    rows = Rows(X)
    known = moments([rows])
    white = whitening(known.mean, known.cov, dtype=X.dtype, n_components=len(unmixing))
    start = polar_factor(unmixing @ white.inverse)
    best = solve(rows, white, start=start, tolerance=1e-4, max_passes=REFERENCE_PASSES)
    if counted is None:
        counting = describe(best.sums, CONTRASTS["logcosh"]).identifiable
    else:
        near = np.abs(best.matrix @ white.matrix @ known.cov @ counted.T)
        counting = near.max(axis=1) > REPLICATES
    close = np.abs(start @ best.matrix.T).max(axis=0)
    return int((close[counting] < 0.999).sum()), int(counting.sum())


def run(case: Case, folder: Path) -> list[Result]:
    X: np.ndarray = table(case.kind, case.n, case.k, seed=1)
    if case.mapped:
        np.save(folder / "rows.npy", X)
        X = np.load(folder / "rows.npy", mmap_mode="r")
    counted = None
    if case.kind == "relu":
        ica = LatentICA(case.k, random_state=0).fit(X)
        counted = ica.components_[ica.components_report_["replication"] > REPLICATES]
    chosen = {name: s for name, s in SOLVERS.items() if case.picard or "picard" not in name}
    results = {name: Result(case.name, name) for name in chosen}
    fit_nearid(X[:2_000], 0, compiled=True)  # compiles
    for seed in range(case.repeats):
        for name, (dtype, fit) in chosen.items():
            data = X if X.dtype == dtype else X.astype(dtype)
            start = time.process_time()
            unmixing, steps = fit(data, seed)
            results[name].seconds.append(time.process_time() - start)
            results[name].iterations.append(steps)
            below, results[name].counted = quality(X, unmixing, counted)
            results[name].below.append(below)
    return list(results.values())


def show(case: Case, results: list[Result]) -> None:
    ours = {r.solver: np.median(r.seconds) for r in results if "nearid" in r.solver}
    print(f"\n### {case.name}, N = {case.n:,}, k = {case.k}\n")
    print("| solver | CPU s (median) | × NumPy | × numba | iterations | below .999 | of |")
    print("|---|---|---|---|---|---|---|")
    for r in results:
        seconds = float(np.median(r.seconds))
        ratios = " | ".join(f"{seconds / base:.2f}" for base in ours.values())
        steps, below = (", ".join(map(str, values)) for values in (r.iterations, r.below))
        print(
            f"| {r.solver} | {seconds:.3f} | {ratios} | {steps} | {below} | {r.counted} |",
            flush=True,
        )


def fastest(work: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def throughput(k: int) -> dict[str, float]:
    """Return the speed of a pass as a part of this machine's sgemm on the same two products."""
    n = 2**25 // k
    X = table("laplace", n, k, seed=0)
    rows = Rows(X)
    known = moments([rows])
    white = whitening(known.mean, known.cov, dtype=X.dtype)
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((k, k)))[0]
    square, out = rotation.astype(np.float32), np.empty((4_096, k), np.float32)
    times = {"sgemm": 2 * fastest(lambda: np.matmul(X[:4_096], square, out=out), 50) * n / 4_096}
    for name, compiled in (("NumPy", False), ("numba", True)):
        engine = Engine(compiled=compiled)
        times[name] = fastest(
            lambda engine=engine: contrast_sums(
                rows, white, rotation, CONTRASTS["logcosh"], engine
            ),
            5,
        )
    return {name: times["sgemm"] / times[name] for name in ("NumPy", "numba")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", choices=["small", "large", "all"], default="small")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    speeds = {}
    print("### A pass, as a part of sgemm\n\n| k | NumPy | numba |\n|---|---|---|")
    for k in (64, 128, 256, 512):
        speeds[k] = throughput(k)
        print(f"| {k} | {speeds[k]['NumPy']:.2f} | {speeds[k]['numba']:.2f} |", flush=True)
    found: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for case in {"small": SMALL, "large": LARGE, "all": SMALL + LARGE}[options.cases]:
            results = run(case, Path(folder))
            show(case, results)
            found += results
    if options.json:
        content = {"pass": speeds, "results": [asdict(result) for result in found]}
        options.json.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
