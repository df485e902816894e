"""InfoMEC against the way its authors compute it, in one run: CPU seconds and ratios.

    python benchmarks/metrics.py [--rows 10000] [--repeats 3] [--json results.json]

Six factors with the sizes of Shapes3D, twelve codes that mix them, with noise. The peer restates
the authors' program: for each pair of factor and code, scikit-learn's ``mutual_info_classif``
(a tree for each value of the factor, one over all rows); then the same logistic regressions as
ours. Ours finds chance levels besides, by default; so it is timed with and without them. Jobs are
interleaved in one process with one thread, and the best of the repeats counts.
"""

# ruff: noqa: E402  (threads are counted when numpy is loaded)

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from nearid.metrics import infomec
from nearid.metrics.mutual_information import entropies, jittered, ross_information

SIZES = [10, 10, 10, 8, 4, 15]


def make_codes(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    factors = rng.integers(0, SIZES, size=(n, len(SIZES)))
    mixing = rng.normal(size=(len(SIZES), 12))
    return factors, (factors / SIZES - 0.5) @ mixing + 0.1 * rng.normal(size=(n, 12))


def our_nmi(factors: np.ndarray, codes: np.ndarray) -> np.ndarray:
    noisy = jittered(StandardScaler().fit_transform(codes), np.random.default_rng(0))
    return ross_information(factors, noisy, k=10) / entropies(factors)[:, None]


def their_nmi(factors: np.ndarray, codes: np.ndarray) -> np.ndarray:
    scaled = StandardScaler().fit_transform(codes)
    found = [
        [
            mutual_info_classif(
                code[:, None], s, discrete_features=False, n_neighbors=10, random_state=0
            )[0]
            for code in scaled.T
        ]
        for s in factors.T
    ]
    return np.array(found) / entropies(factors)[:, None]


def their_scores(factors: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """InfoM, InfoE and InfoC; every code here is active."""
    nmi, x = their_nmi(factors, codes), StandardScaler().fit_transform(codes)
    shares = []
    for s in factors.T:
        model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=100, tol=1e-4)
        shares.append(1 - log_loss(s, model.fit(x, s).predict_proba(x)) / np.log(len(np.unique(s))))
    sides = []
    for axis in (0, 1):
        n = nmi.shape[axis]
        share = (nmi.max(axis=axis) / nmi.sum(axis=axis)).mean()
        sides.append((share - 1 / n) / (1 - 1 / n))
    return np.array([sides[0], np.mean(shares), sides[1]])


def our_scores(factors: np.ndarray, codes: np.ndarray, **options: object) -> np.ndarray:
    parts = infomec(factors, codes, random_state=0, **options).parts
    return np.array([parts[name] for name in ("infom", "infoe", "infoc")])


#: What is timed: the job, whose it is, and how.
JOBS: list[tuple[str, str, Callable[..., np.ndarray]]] = [
    ("NMI", "nearid", our_nmi),
    ("NMI", "theirs", their_nmi),
    ("InfoMEC without chance", "nearid", lambda s, z: our_scores(s, z, n_shuffles=0)),
    ("InfoMEC without chance", "theirs", their_scores),
    ("InfoMEC with chance", "nearid", our_scores),
    (
        "InfoMEC, converged, without chance",
        "nearid",
        lambda s, z: our_scores(s, z, n_shuffles=0, variant="converged"),
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    factors, codes = make_codes(arguments.rows)
    seconds: dict[tuple[str, str], float] = {}
    found: dict[tuple[str, str], np.ndarray] = {}
    for _ in range(arguments.repeats):
        for job, whose, run in JOBS:
            begin = time.process_time()
            found[job, whose] = run(factors, codes)
            taken = time.process_time() - begin
            seconds[job, whose] = min(taken, seconds.get((job, whose), np.inf))
    print("| job | nearid | theirs | ratio | greatest difference |")
    print("| --- | --- | --- | --- | --- |")
    rows = []
    for job in dict.fromkeys(job for job, _, _ in JOBS):
        ours, theirs = seconds[job, "nearid"], seconds.get((job, "theirs"))
        row = {"job": job, "nearid": ours, "theirs": theirs}
        if theirs is None:
            print(f"| {job} | {ours:.2f} s | - | - | - |")
        else:
            row["difference"] = float(np.abs(found[job, "nearid"] - found[job, "theirs"]).max())
            print(
                f"| {job} | {ours:.2f} s | {theirs:.2f} s | ×{theirs / ours:.1f} | "
                f"{row['difference']:.0e} |"
            )
        rows.append(row)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
