"""Rows beyond memory, on Dask, and at what cost: measured in one run, with the machine as it is.

python benchmarks/scale.py --gigabytes 20
python benchmarks/scale.py --parts same linear --json scale.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nearid import Chunks, LatentICA, Rows, statistical_identifiability
from nearid.ica.contrasts import contrast_named
from nearid.ica.passes import contrast_sums
from nearid.ica.settings import Engine
from nearid.ica.whitening import whitening
from nearid.linalg import random_orthogonal
from nearid.moments import moments
from nearid.rows import as_rows, one_blas_thread
from nearid.sources.dask import spread

WIDTH = 64
PIECE = 50_000

# The rows are read with fromfile, so that what is resident is what is held, and no mapped file.
OUT_OF_CORE = """
import sys, time
import numpy as np
from nearid import Chunks, LatentICA
path, n, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
bytes_read = [0]

def pieces():
    with open(path, "rb") as file:
        while len(piece := np.fromfile(file, np.float32, 16384 * width)):
            bytes_read[0] += piece.nbytes
            yield piece.reshape(-1, width)

begin = time.perf_counter()
ica = LatentICA(random_state=0, replication=False).fit(Chunks(pieces, n, width))
seconds = time.perf_counter() - begin
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(ica.converged_, ica.n_passes_, seconds, int(status["VmHWM"].split()[0]) / 1024, bytes_read[0])
"""


def pieces_of(n: int, width: int, seed: int = 0):
    """Yield mixed Laplace sources, float32, the same for a seed."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((width, width)).astype("f")
    for start in range(0, n, PIECE):
        uniform = rng.random((min(PIECE, n - start), width), dtype=np.float32) - 0.5
        yield (-np.sign(uniform) * np.log1p(-2 * np.abs(uniform) + 1e-7)) @ mixing


def drawn(n: int, width: int) -> np.ndarray:
    return np.concatenate(list(pieces_of(n, width)))


def out_of_core(gigabytes: float) -> list[dict]:
    """Fit rows from a file, in a process of its own, and measure the peak of its memory."""
    n = int(gigabytes * 2**30 / (4 * WIDTH))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.f32"
        with path.open("wb") as file:
            for piece in pieces_of(n, WIDTH):
                file.write(piece.tobytes())
        disk = read_rate(path)
        done = subprocess.run(
            [sys.executable, "-c", OUT_OF_CORE, str(path), str(n), str(WIDTH)],
            capture_output=True,
            text=True,
            check=True,
        )
    converged, passes, seconds, peak, read = done.stdout.split()
    return [
        {
            "rows": n,
            "GB": gigabytes,
            "converged": converged,
            "passes": int(passes),
            "seconds": float(seconds),
            "peak resident MB": float(peak),
            "GB read": int(read) / 2**30,
            "disk GB/s": disk,
            "share of disk": int(read) / 2**30 / disk / float(seconds),
        }
    ]


def read_rate(path: Path, most: int = 4 * 2**30) -> float:
    """Return the GB/s at which a file is read in order, none of it in the page cache."""
    with path.open("rb", buffering=0) as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        place, read = bytearray(2**22), 0
        begin = time.perf_counter()
        while read < most and (got := file.readinto(place)):
            read += got
        return read / 2**30 / (time.perf_counter() - begin)


def one_pass(rows: Rows, n_jobs: int = 1):
    """Return what does one pass of ICA over the rows, the whitening known."""
    known = moments([Rows(rows.read(0, min(20_000, len(rows))))])
    white = whitening(known.mean, known.cov, dtype=rows.dtype)
    turn = random_orthogonal(white.n_components, np.random.default_rng(0))
    engine = Engine(n_jobs)
    return lambda: contrast_sums(rows, white, turn, contrast_named("logcosh"), engine)


def best(works: dict, repeats: int = 3) -> dict[str, float]:
    """Return the least wall time of each, repeats interleaved, after one run that warms up."""
    times = {name: [] for name in works}
    for repeat in range(repeats + 1):
        for name, work in works.items():
            begin = time.perf_counter()
            work()
            if repeat:
                times[name].append(time.perf_counter() - begin)
    return {name: min(values) for name, values in times.items()}


def on_dask(megabytes: float, widths=(64, 128, 256)) -> list[dict]:
    """Compare one pass in memory, on Dask's threads, and on one and two processes."""
    return [row for width in widths for row in passes_on_dask(megabytes, width)]


def passes_on_dask(megabytes: float, width: int) -> list[dict]:
    """Return the times of one pass over rows of this many columns, as many components."""
    n = int(megabytes * 2**20 / (4 * width))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, drawn(n, width))
        held = as_rows(np.load(path))
        works = {
            "in memory": one_pass(held),
            "in memory, 2 threads": one_pass(held, n_jobs=2),
            "Dask, one thread": one_pass(spread(held)),
            "mapped file": one_pass(as_rows(path)),
        }
        with client_of(1) as one, client_of(2) as two:
            for client in (one, two):
                name = f"Dask, {len(client.ncores())} process(es), mapped file"
                works[name] = through(client, one_pass(spread(as_rows(path))))
            times = best(works)
    return [
        {
            "k": width,
            "pass": name,
            "MB": megabytes,
            "seconds": seconds,
            "ratio": seconds / times["in memory"],
        }
        for name, seconds in times.items()
    ]


@contextmanager
def client_of(workers: int):
    """Yield a client of a cluster of processes on this machine, one thread each."""
    from distributed import Client, LocalCluster

    local = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=workers, **local) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def through(client, work):
    """Return the work, done by this client's workers."""
    import dask

    def done():
        with dask.config.set(scheduler=client):
            work()

    return done


def same_answer(n: int = 60_000, width: int = 16) -> list[dict]:
    """Fit the same rows in other chunks, with other workers, on other backends."""
    import dask.array as da

    x = drawn(n, width)
    expected = LatentICA(random_state=0, replication=False).fit(x)
    fits = {
        "3 threads": ({"n_jobs": 3}, x),
        "Chunks of 1,000": (
            {},
            Chunks(lambda: (x[i : i + 1000] for i in range(0, n, 1000)), *x.shape),
        ),
        "Dask, partitions of 1,000": ({}, da.from_array(x, chunks=(1000, -1))),
        "Dask, partitions of 7,777": ({"n_jobs": 2}, da.from_array(x, chunks=(7777, 5))),
        "NumPy, not numba": ({"compiled": False}, x),
        "numba": ({"compiled": True}, x),
        "torch, CPU": ({"device": "cpu"}, x),
        "float64": ({}, x.astype("d")),
    }
    found = []
    for name, (settings, rows) in fits.items():
        ica = LatentICA(random_state=0, replication=False, **settings).fit(rows)
        # directions are compared in whitened space: y' = C y, C the correlations
        cosines = np.abs(np.einsum("kd,dk->k", ica.components_, expected.mixing_))
        angle = float(np.arccos(np.clip(cosines, -1, 1)).max())
        found.append({"fit": name, "max angle (rad)": angle, "passes": ica.n_passes_})
    return found


def linear(sizes=(4_000, 40_000, 400_000, 4_000_000)) -> list[dict]:
    """Time one pass over three decades of rows beside what the cost model says."""
    largest = drawn(max(sizes), WIDTH)
    rate = sgemm_rate(WIDTH)
    times = best({n: one_pass(Rows(largest[:n])) for n in sizes}, repeats=5)
    found = []
    for n, seconds in times.items():
        flops = 2 * n * WIDTH * (WIDTH + WIDTH)
        found.append(
            {
                "rows": n,
                "seconds a pass": seconds,
                "Gflop": flops / 1e9,
                "GB read": n * WIDTH * 4 / 1e9,
                "sgemm Gflop/s": rate / 1e9,
                "share of sgemm": flops / rate / seconds,
                "ns a row": seconds / n * 1e9,
            }
        )
    slope = np.polyfit(np.log(list(times)), np.log(list(times.values())), 1)[0]
    return [row | {"slope": float(slope)} for row in found]


def sgemm_rate(width: int) -> float:
    """Return the flops a second of products of 1,024 rows by a square matrix, on one thread."""
    rng = np.random.default_rng(0)
    block = rng.standard_normal((1024, width)).astype("f")
    turn = random_orthogonal(width, rng).astype("f")
    out = np.empty_like(block)
    often = max(1, int(4e9 / (2 * 1024 * width**2)))

    def product():
        with one_blas_thread():
            for _ in range(often):
                np.matmul(block, turn, out=out)

    return often * 2 * 1024 * width**2 / best({"sgemm": product})["sgemm"]


def wide(widths=(16, 32, 64, 128, 256, 512)) -> list[dict]:
    """Time one pass at several widths, as many components as columns, 128 MB of rows each."""
    found = []
    for width in widths:
        rows = Rows(drawn(2**25 // width, width))
        times = best({jobs: one_pass(rows, n_jobs=jobs) for jobs in (1, 2)})
        flops = 2 * len(rows) * width * (width + width)
        rate = sgemm_rate(width)
        found.append(
            {
                "D = k": width,
                "rows": len(rows),
                "seconds a pass": times[1],
                "Gflop": flops / 1e9,
                "sgemm Gflop/s": rate / 1e9,
                "share of sgemm": flops / rate / times[1],
                "2 threads": times[1] / times[2],
            }
        )
    return found


def many(counts=(2, 4, 8, 16), n: int = 20_000, width: int = 32) -> list[dict]:
    """Time a comparison of several representations of the same rows."""
    rng = np.random.default_rng(0)
    rows = drawn(n, width)
    runs = [rows @ random_orthogonal(width, rng).astype("f") for _ in range(max(counts))]
    times = best({m: lambda m=m: statistical_identifiability(runs[:m]) for m in counts}, repeats=1)
    return [
        {
            "M": m,
            "pairs": m * (m - 1) // 2,
            "seconds": seconds,
            "ms a representation": seconds / m * 1e3,
            "ms a pair": seconds / (m * (m - 1) / 2) * 1e3,
        }
        for m, seconds in times.items()
    ]


def table(rows: list[dict]) -> str:
    """Return a Markdown table."""
    heads = list(rows[0])
    lines = [f"| {' | '.join(heads)} |", f"| {' | '.join('---' for _ in heads)} |"]
    for row in rows:
        cells = (f"{v:.3g}" if isinstance(v, float) else f"{v}" for v in row.values())
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


PARTS = {
    "memory": lambda given: out_of_core(given.gigabytes),
    "dask": lambda given: on_dask(given.megabytes),
    "same": lambda given: same_answer(),
    "linear": lambda given: linear(),
    "wide": lambda given: wide(),
    "many": lambda given: many(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2.0, help="of the file out of core")
    parser.add_argument("--megabytes", type=float, default=256.0, help="of the pass on Dask")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} before this run, float32 × {WIDTH}")
    found = {}
    for name in given.parts:
        found[name] = PARTS[name](given)
        print(f"\n{name}\n\n{table(found[name])}", flush=True)
    if given.json:
        given.json.write_text(json.dumps({"load": load, "parts": found}, indent=1))


if __name__ == "__main__":
    main()
