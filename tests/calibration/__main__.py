"""Run all simulations, and write what came out as a page with figures.

python -m tests.calibration --simulations 500 --jobs 2
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import beta, kstest

from tests.calibration import intervals, verdicts
from tests.calibration.draws import SHAPES
from tests.calibration.page import write_page

#: Rows and columns of the errors' settings; the last two are the nightly's alone.
SIZES = ((200, 4), (200, 32), (2000, 4), (2000, 32), (2000, 128), (20_000, 4))
NIGHTLY = {(2000, 128), (20_000, 4)}
#: Units, and rows of each.
UNITS = ((20, 20), (60, 20), (200, 10))
NOISES = (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.16)


def within(value: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Clopper and Pearson)."""
    hits = round(value * count)
    low = beta.ppf(0.025, hits, count - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, count - hits) if hits < count else 1.0
    return float(low), float(high)


def shares(found: Sequence[Mapping[str, bool]], setting: str) -> list[dict[str, Any]]:
    """Return how often each thing was so."""
    names = dict.fromkeys(name for one in found for name in one)
    rows = []
    for name in names:
        said = [one[name] for one in found if name in one]
        low, high = within(float(np.mean(said)), len(said))
        rows.append(
            {"what": name, "setting": setting, "share": float(np.mean(said)), "n": len(said)}
            | {"low": low, "high": high}
        )
    return rows


def covered(
    found: Sequence[Mapping[str, tuple[float, float, float]]],
) -> list[dict[str, bool]]:
    """Say for each simulation whether its interval holds the mean of all simulations' values."""
    truth = {name: np.mean([one[name][0] for one in found]) for name in found[0]}
    return [
        {name: bool(low <= truth[name] <= high) for name, (_, low, high) in one.items()}
        for one in found
    ]


def coverage(run: Callable[..., list[Any]], *, nightly: bool) -> list[dict[str, Any]]:
    """Return the coverage of every interval at every setting."""
    rows = []
    for n, d in SIZES:
        if nightly or (n, d) not in NIGHTLY:
            for shape in SHAPES:
                found = run(partial(intervals.errors, shape, n, d))
                told = shares(found, f"{shape}, {n:,} × {d}")
                rows += [row for row in told if "random" not in row["what"]]
                logging.info("%s, %s × %s", shape, n, d)
    rows += shares(run(partial(intervals.efficiency, 2000, 4)), "laplace, 2,000 × 4")
    for m in (2, 3, 5):
        rows += shares(run(partial(intervals.agreement, m, 200, 4)), f"{m} runs, 200 × 4")
    for m in (3, 5, 10):
        found = covered(run(partial(intervals.overall, m, 200, 4)))
        rows += shares(found, f"{m} runs, 200 × 4")
    for m in (3, 5, 9, 30):
        found = covered(run(partial(intervals.batches, m, 48, 5)))
        rows += shares(found, f"{m} batches of 48 × 5")
    rows += shares(covered(run(partial(intervals.structural, 500, 4))), "500 × 4")
    return rows


def false_verdicts(run: Callable[..., list[Any]]) -> list[dict[str, Any]]:
    """Return how often independent runs were called the same."""
    rows = []
    for shape in SHAPES:
        for n, d in ((200, 4), (500, 16)):
            found = run(partial(verdicts.independent, shape, n, d))
            rows += shares(found, f"{shape}, {n:,} × {d}")
    return rows


def of_units(run: Callable[..., list[Any]]) -> list[dict[str, Any]]:
    """Return the coverage, and the false verdicts of ICA, where rows come in units.

    With the units given and, beside it, as if every row stood for itself.
    """
    rows = []
    for n, each in UNITS:
        for by_unit in (True, False):
            how = "unit given" if by_unit else "not given"
            setting = f"{n} units of {each} × 4, {how}"
            rows += shares(run(partial(intervals.errors_of_wells, n, each, 4, by_unit)), setting)
            rows += shares(run(partial(verdicts.of_wells, n, each, 4, by_unit), least=5), setting)
    return rows


def power(run: Callable[..., list[Any]]) -> list[dict[str, Any]]:
    """Return how often the true group was the verdict, by the noise between the runs."""
    rows = []
    for group in ("identity", "signed_permutation", "rigid", "linear"):
        for noise in NOISES:
            found = run(partial(verdicts.noisy, group, noise, 200, 4), least=5)
            rows += [row | {"noise": noise} for row in shares(found, "laplace, 200 × 4")]
    return rows


def uniform(run: Callable[..., list[Any]]) -> list[dict[str, Any]]:
    """Compare p-values under the null with the uniform distribution."""
    rows = []
    for name, job in (
        ("permutations of a batch within labels", partial(verdicts.p_of_permutations, 120)),
        ("mean over 5 batches", partial(verdicts.p_of_batches, 5)),
        ("mean over 30 batches", partial(verdicts.p_of_batches, 30)),
    ):
        values = np.array(run(job))
        # permutation p-values are multiples of 1/200: half a step is no departure
        test = kstest(values, "uniform")
        rows.append(
            {"what": name, "n": len(values), "distance": float(test.statistic)}
            | {"p": float(test.pvalue), "below .05": float((values <= 0.05).mean())}
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--nightly", action="store_true", help="the largest settings as well")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with ProcessPoolExecutor(asked.jobs) as pool:

        def run(job: Callable[[int], Any], least: int = 1) -> list[Any]:
            count = max(1, asked.simulations // least)
            return list(pool.map(job, range(count), chunksize=max(1, count // 20)))

        found = {
            "coverage": coverage(run, nightly=asked.nightly),
            "false": false_verdicts(run),
            "units": of_units(run),
            "power": power(run),
            "uniform": uniform(run),
        }
    told = f"--simulations {asked.simulations}" + " --nightly" * asked.nightly
    (asked.out / "calibration.json").write_text(json.dumps(found, indent=1) + "\n")
    write_page(found, asked.out, command=f"python -m tests.calibration {told}")


if __name__ == "__main__":
    main()
