"""When ICA helps on plates that were held out, and what of a screen it finds.

python benchmarks/microscopy.py --parts map control          # drawn plates, perfect features
python benchmarks/microscopy.py --parts tables --data ../shared/data
"""

# ruff: noqa: E402  (threads are counted when numpy is loaded)

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nearid.datasets import oracle, screen
from nearid.deconfounding import evaluate
from nearid.experiments.microscopy import Protocol, held_out_scores
from nearid.experiments.microscopy_profiles import TABLES, read_table
from nearid.experiments.microscopy_purity import purity_scores
from nearid.experiments.microscopy_verdict import gain

SEEDS = (20, 21, 22)
SCREEN: dict[str, Any] = {
    "n_plates": 30,
    "n_perturbations": 6,
    "n_wells": 3,
    "n_controls": 6,
    "n_cells": 8,
    "penetrance": 0.25,
    "effect": 4.0,
    "batch": 1.0,
    "size": None,
}
PROTOCOL = Protocol(
    n_random=1, classifiers=("l1", "top3"), methods=("pca", "pca_random", "pca_ica")
)
#: One thing is changed at a time.
CHANGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("as in the reproduction", {}, {}),
    *(
        (f"penetrance {p}, same mean", {"penetrance": p, "effect": 1 / p}, {})
        for p in (0.1, 0.5, 1)
    ),
    *((f"batch {b:g}", {"batch": b}, {}) for b in (0.0, 2.0)),
    *((f"{n} wells to train on", {}, {"budget": n}) for n in (4, 16, 32)),
    *((f"{k} components", {}, {"n_components": k}) for k in (8, 16, 24)),
]


def at_point(task: tuple[int, int]) -> pd.DataFrame:
    """Score one world at one point of the map."""
    number, seed = task
    _, changed, asked = CHANGES[number]
    table = screen(**SCREEN | changed, random_state=seed).table
    protocol = replace(PROTOCOL, **asked)
    scores = held_out_scores(oracle(table, random_state=seed), table, protocol, seed=seed)
    return scores.assign(world=seed, point=number)


def drawn_map(jobs: int) -> list[dict[str, Any]]:
    """Compare ICA with PCA and a random rotation, one change of the screen at a time."""
    tasks = [(number, seed) for number in range(len(CHANGES)) for seed in SEEDS]
    with ProcessPoolExecutor(jobs) as pool:
        scores = pd.concat(pool.map(at_point, tasks))
    rows = []
    for number, (name, _, _) in enumerate(CHANGES):
        here = scores[scores["point"] == number]
        for level in PROTOCOL.levels:
            row: dict[str, Any] = {"what": name, "level": level}
            for classifier in PROTOCOL.classifiers:
                told: dict[str, Any] = {"classifier": classifier, "level": level}
                row[f"{classifier}: ICA"] = f"{gain(here, 'pca_ica', None, **told).value:.3f}"
                for reference in ("pca", "pca_random"):
                    found = gain(here, "pca_ica", reference, **told)
                    shown = f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
                    row[f"{classifier}: − {reference}"] = shown
            rows.append(row)
    return rows


def gaussian_plates() -> list[dict[str, Any]]:
    """Show what ICA finds where phenotypes are Gaussian: the plates' space, not single factors."""
    rows = []
    for n_plates, n_cells in ((30, 8), (300, 2)):
        drawn = screen(
            **SCREEN | {"n_plates": n_plates, "n_cells": n_cells, "phenotype": "gaussian"},
            random_state=SEEDS[0],
        )
        features = oracle(drawn.table, random_state=SEEDS[0])
        found = purity_scores(features, drawn.table, Protocol(18), seed=0)
        means = found.groupby("method", sort=False)[["seen", "unseen"]].mean()
        rows += [{"plates": n_plates} | row for row in means.reset_index().to_dict("records")]
    return rows


def tables(folder: Path) -> list[dict[str, Any]]:
    """Try on real profiles what might help: fewer or more components, controls, drops."""
    rows = []
    for name, control in (("t2d_lipocyte", "0"), ("pediatric_cancer_atlas", "U2-OS")):
        frame, study = read_table(name, folder), TABLES[name]
        methods = ["base", "pca", "pca_random", "pca_ica", "ica_controls", "pca_ica_drop", "nap"]
        for k in (8, 16, 32, 64):
            found = evaluate(
                frame.assign(**{study.label: frame[study.label].astype(str)}),
                batch=study.batch,
                label=study.label,
                control=control,
                methods=methods,
                classifiers=("l1",),
                n_components=k,
                scaling="standard",
                n_repeats=3,
            )
            means = found.summary().set_index("method")["auroc"]
            row = {"table": name, "components": k} | means.round(3).to_dict()
            better = found.difference("pca_ica", "pca", classifier="l1")
            row["ICA − PCA"] = f"{better.value:+.3f} [{better.low:+.3f}, {better.high:+.3f}]"
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=["map", "control", "tables"])
    parser.add_argument("--data", type=Path, default=os.environ.get("NEARID_DATA"))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    parts = {
        "map": lambda: drawn_map(asked.jobs),
        "control": gaussian_plates,
        "tables": lambda: tables(asked.data),
    }
    found = {}
    for name in asked.parts:
        found[name] = parts[name]()
        frame = pd.DataFrame(found[name])
        print(f"\n{name}\n\n{frame.replace(np.nan, '').to_string(index=False)}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
