"""Coverage: how often a 95 % interval holds the number that it is about."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

from nearid.deconfounding.intervals import mean_over_batches
from nearid.groups import GROUPS
from nearid.identifiability import statistical, statistical_identifiability
from nearid.identifiability.agreement import measure_agreement, sums_of
from nearid.identifiability.evidence import measure_frame, split
from nearid.identifiability.ladder import fit_rungs, native_frame, whitened_frame
from nearid.identifiability.percentiles import percentile_interval
from nearid.identifiability.residuals import residual_norms
from nearid.identifiability.runs import split_rows
from nearid.identifiability.structural_scores import score_versions
from nearid.identifiability.verdict import efficiencies_frame
from nearid.linalg import random_orthogonal
from nearid.rows import Rows
from tests.calibration.draws import rows_of, two_runs, two_runs_of_wells

__all__ = [
    "agreement",
    "batches",
    "efficiency",
    "errors",
    "errors_of_wells",
    "overall",
    "structural",
]

#: Fresh rows per held-out row, on which the truth is measured.
FRESH = 20
N_BOOTSTRAP = 200


def _measured(seen, fresh, rng: np.random.Generator, *, ica: bool, frame_of: str, units=None):
    """Measure two runs as the library does, and the same maps on fresh rows."""
    rows = [Rows(x, name=f"{m}") for m, x in enumerate(seen)]
    study = split(rows, *split_rows(len(rows[0]), 0.5, rng, units), 1, units)
    frame = native_frame(study.train_moments, tuple(GROUPS))
    if frame_of == "whitened":
        whitened = statistical._whiten(study, None)
        fits = statistical._rotate(study, whitened, rng) if ica else {}
        frame = whitened_frame(
            [w.mean for w in whitened],
            [w.matrix.T for w in whitened],
            ica=[fit.unmixing @ fit.whitening.inverse for fit in fits.values()] or None,
            n_random=1,
            rng=rng,
        )
    bags = study.bags(N_BOOTSTRAP, rng)
    found = measure_frame(study, frame, [study.shuffled(rng)], bags)
    [pair] = [pair for pair in found.pairs if (pair.source, pair.target) == (0, 1)]
    rungs = list(fit_rungs(frame, frame.moments(study.train_moments), 0, 1))
    norms = residual_norms([Rows(x) for x in fresh], frame, rungs, 0, 1, 1)
    delta = found.diameters[1].value
    return found, pair, norms.mean(axis=0) / delta


def errors(shape: str, n: int, d: int, seed: int) -> dict[str, bool]:
    """Say for each rung whether the interval of ε holds the mean of the same map on fresh rows."""
    rng = np.random.default_rng([seed, n, d])
    covered = {}
    for name in ("native", "whitened"):
        runs = two_runs(shape, (n, FRESH * n // 2), d, rng)
        found, pair, truth = _measured(*runs, rng, ica=False, frame_of=name)
        low, high = percentile_interval(pair.resampled, pair.errors[:, 0], n_units=pair.n_units)
        for rung, a, b, t in zip(found.rungs, low, high, truth, strict=True):
            covered[f"ε, {name}, {rung}"] = bool(a <= t <= b)
    return covered


def errors_of_wells(
    n_wells: int, n_cells: int, d: int, by_unit: bool, seed: int
) -> dict[str, bool]:
    """Say the same of cells in wells, which are held out and drawn as wells, or as if alone."""
    rng = np.random.default_rng([seed, n_wells, n_cells, d])
    runs = two_runs_of_wells((n_wells, FRESH * n_wells // 2), n_cells, d, rng)
    units = np.repeat(np.arange(n_wells), n_cells) if by_unit else None
    found, pair, truth = _measured(*runs, rng, ica=False, frame_of="native", units=units)
    low, high = percentile_interval(pair.resampled, pair.errors[:, 0], n_units=pair.n_units)
    covered = zip(found.rungs, low, high, truth, strict=True)
    return {f"ε, native, {rung}": bool(a <= t <= b) for rung, a, b, t in covered}


def efficiency(n: int, d: int, seed: int) -> dict[str, bool]:
    """Say whether the interval of the ICA efficiency holds that of the same maps on fresh rows."""
    rng = np.random.default_rng([seed, n, d])
    runs = two_runs("laplace", (n, FRESH * n // 2), d, rng)
    found, _, truth = _measured(*runs, rng, ica=True, frame_of="whitened")
    told = efficiencies_frame(found, ["0", "1"])
    row = told[told["source"] == "0"].iloc[0]
    p, i, r = (truth[found.rungs.index(k)] for k in ("signed_permutation", "ica", "rigid"))
    if np.isnan(row["efficiency"]):  # nothing to remove: no interval is given
        return {}
    return {"ICA efficiency": bool(row["ci_low"] <= (p - i) / (p - r) <= row["ci_high"])}


def batches(n_batches: int, n: int, d: int, seed: int) -> dict[str, tuple[float, float, float]]:
    """Return the mean AUROC over held-out batches, and the ends of its interval.

    Batches differ by where they lie and by how far apart their classes are; the direction between
    the classes' means is learned on all batches but one. What the interval is about is the expected
    score of this design, which the mean of many such results is.
    """
    rng = np.random.default_rng([seed, n_batches, n, d])
    positive = np.arange(n) % 2 == 0
    tables = []
    for _ in range(n_batches):
        apart = np.eye(d)[0] + 0.4 * rng.standard_normal(d)
        tables.append(rng.standard_normal(d) + rows_of("gaussian", n, d, rng))
        tables[-1][positive] += apart
    moved = np.array([x[positive].mean(axis=0) - x[~positive].mean(axis=0) for x in tables])
    scores = [
        roc_auc_score(positive, x @ np.delete(moved, b, axis=0).mean(axis=0))
        for b, x in enumerate(tables)
    ]
    found = mean_over_batches(np.array(scores), test_share=1 / (n_batches - 1))
    return {"AUROC, mean over batches": (found.value, found.low, found.high)}


def agreement(n_runs: int, n: int, d: int, seed: int) -> dict[str, bool]:
    """Say whether the interval of a run's agreement with the others holds that on fresh rows."""
    rng = np.random.default_rng([seed, n_runs, n, d])
    z = rows_of("laplace", n * (1 + FRESH), d, rng)
    runs = [z + 0.5 * rows_of("gaussian", len(z), d, rng) for _ in range(n_runs)]
    frame = whitened_frame(
        [np.zeros(d)] * n_runs, [np.eye(d)] * n_runs, ica=None, n_random=1, rng=rng
    )
    seen, fresh = [Rows(x[:n]) for x in runs], [Rows(x[n:]) for x in runs]
    found = measure_agreement(seen, frame, n_bootstrap=N_BOOTSTRAP, n_null=1, n_jobs=1, rng=rng)
    truth = sums_of(fresh, frame, 1).correlation()[0, 0]
    return {"agreement of a component": bool(found.low[0, 0] <= truth <= found.high[0, 0])}


def structural(n: int, d: int, seed: int) -> dict[str, tuple[float, float, float]]:
    """Return scores of codes beside factors, and the ends of their intervals."""
    rng = np.random.default_rng([seed, n, d])
    factors = rng.uniform(size=(n, d))
    mixing = np.eye(d) + 0.3 * np.random.default_rng(0).standard_normal((d, d))  # one encoder
    codes = factors @ mixing
    codes += 0.1 * rng.standard_normal((n, d))
    found, _ = score_versions(
        factors,
        factors,
        {"codes": codes},
        names=[f"f{j}" for j in range(d)],
        settings={"metrics": ["mcc", "r2"]},
        random_state=np.random.default_rng(seed),
    )
    values = found[found["part"] == "value"].set_index("metric")
    return {
        name: tuple(values.loc[name, ["value", "ci_low", "ci_high"]].to_numpy(dtype=float))
        for name in values.index
    }


def overall(n_runs: int, n: int, d: int, seed: int) -> dict[str, tuple[float, float, float]]:
    """Return the mean ε over pairs of runs, and the ends of its interval.

    Runs are drawn from a population of trainings, each with a noise of its own; what the interval
    is about is the mean over pairs of that population, which the mean of many such results is.
    """
    rng = np.random.default_rng([seed, n_runs, n, d])
    z = rows_of("gaussian", n, d, rng)
    runs = [
        z @ random_orthogonal(d, rng)
        + 0.3 * rng.lognormal(sigma=0.5) * rows_of("gaussian", n, d, rng)
        for _ in range(n_runs)
    ]
    told = statistical_identifiability(
        runs, groups=["rigid"], ica=False, n_null=1, n_random=1, random_state=seed
    ).overall
    row = told[(told["frame"] == "native")].iloc[0]
    return {"ε, mean over pairs": (row["mean"], row["ci_low"], row["ci_high"])}
