"""Deconfounding: false gains on labels that mean nothing, and one pass over many rows.

python benchmarks/deconfounding.py ../shared/data/profiles --shuffles 100 --rows 1000000
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from nearid import LatentICA
from nearid.deconfounding import Profiles, attribute_components, evaluate
from nearid.rows import Rows

QUICK = {
    "methods": ["pca", "pca_random", "pca_ica"],
    "classifiers": ["l1"],
    "n_components": 16,
    "n_repeats": 1,
}


def false_gains(folder: Path, n_shuffles: int) -> None:
    """Count how often ICA is said to help on shuffled labels of real plates."""
    frame = pd.read_parquet(folder / "t2d_lipocyte.parquet")
    described = frame.filter(like="Metadata_")
    features = frame.drop(columns=described.columns)
    # principal axes first: shuffling labels leaves them, and 2,898 columns need not be read again
    centred = ((features - features.mean()) / features.std()).to_numpy(dtype=np.float64)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    small = pd.DataFrame(left[:, :64] * singular[:64]).join(described)
    rng = np.random.default_rng(0)
    verdicts: list[str] = []
    for _ in range(n_shuffles):
        shuffled = small.groupby("Metadata_batch")["Metadata_ffa"].transform(rng.permutation)
        found = evaluate(
            small.assign(Metadata_ffa=shuffled),
            batch="Metadata_batch",
            label="Metadata_ffa",
            **QUICK,
        )
        verdicts.append(found.verdict.partition(":")[0])
    print(f"shuffled labels of t2d_lipocyte, {n_shuffles} times:")
    print(pd.Series(verdicts).value_counts().to_string())


def many_rows(n_rows: int, n_columns: int) -> None:
    """Fit, transform and attribute rows that lie in a file."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        shape = (n_rows, n_columns)
        rows = np.lib.format.open_memmap(path, "w+", np.float32, shape)
        mixing = rng.normal(size=(n_columns, n_columns)).astype(np.float32)
        for start in range(0, n_rows, 20_000):
            stop = min(start + 20_000, n_rows)
            rows[start:stop] = rng.laplace(size=(stop - start, n_columns)).astype("f4") @ mixing
        rows.flush()
        del rows
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        table = np.load(path, mmap_mode="r")
        plates = rng.integers(0, 40, n_rows).astype(str)
        metadata = pd.DataFrame({"plate": plates, "gene": rng.integers(0, 100, n_rows).astype(str)})
        began = time.process_time()
        ica = LatentICA(32, replication=False, random_state=0).fit(table)
        fitted = time.process_time()
        attribute_components(
            ica, Profiles(Rows(table), metadata), batch="plate", label="gene", n_permutations=99
        )
        attributed = time.process_time()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{n_rows:,} × {n_columns} float32 from a memory map, 32 components: fit "
        f"{fitted - began:.0f} s, attribution {attributed - fitted:.0f} s of CPU; the peak grew by "
        f"{grown:.0f} MiB (pages of the file included), the rows are "
        f"{n_rows * n_columns * 4 / 2**20:.0f} MiB"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shuffles", type=int, default=100)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=384)
    asked = parser.parse_args()
    many_rows(asked.rows, asked.columns)
    false_gains(asked.folder, asked.shuffles)
