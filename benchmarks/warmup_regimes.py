"""The warm-up on images under several settings: where outputs agree, and what predicts the errors.

    python benchmarks/warmup_regimes.py [SEED ...]

A row per regime, data set and seed (default 3), with the share of pairs whose outputs agree, and
rank correlations over pairs: of √(2L+L²) with the rigid error, the same given the outputs'
disagreement, of that disagreement with the error, and of the first over the pairs that agree.
Each row takes one to three minutes on one core. MNIST is looked for in NEARID_DATA.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from nearid.experiments import Warmup, image_warmup
from nearid.experiments.pairs import PREMISE
from nearid.experiments.warmup_images import IMAGE_SCALES

CPU = IMAGE_SCALES["cpu"]

#: Every third slope, without .9, at which the decoders' constants are largest.
FOUR = replace(CPU, alphas=(0.1, 0.4, 0.7, 1.0))

REGIMES = {
    "cpu": CPU,
    "cpu, width 128": replace(CPU, width=128),
    "four slopes": FOUR,
    "four slopes, no stretch": replace(FOUR, stretch=0.0),
    "four slopes, stretch .7": replace(FOUR, stretch=0.7),
    "four slopes, orthogonal": replace(FOUR, start="orthogonal"),
}


def row(found: Warmup) -> list[float]:
    rigid = found.correlations.query("error == 'rigid'").set_index("predictor")
    within = (found.pairs["disagreement"] <= PREMISE).mean()
    measured = rigid.loc["predicted", ["spearman", "given_disagreement", "within_premise"]]
    plain, given, inside = measured.astype(float)
    return [within, plain, given, float(rigid.loc["disagreement", "spearman"]), inside]


def main(seeds: list[int]) -> None:
    headings = ["agree", "spearman", "partial", "disagr.", "within"]
    print(f"{'regime':<26}{'data':<9}{'seed':<5}" + "".join(f"{h:>9}" for h in headings))
    for name, settings in REGIMES.items():
        for data in ("mnist", "fashion"):
            for seed in seeds:
                found = image_warmup(data=data, scale=settings, random_state=seed)
                numbers = "".join(f"{value:9.2f}" for value in row(found))
                print(f"{name:<26}{data:<9}{seed:<5}{numbers}", flush=True)


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [3])
