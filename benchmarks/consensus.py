"""Whether a consensus's components are more stable, and closer to the truth, than one run's.

    python benchmarks/consensus.py ../shared/data/representations

Components are linear maps fitted on one half of the rows; everything printed is measured on the
other half, as |correlation| of components matched one to one, mean and how many are above .9.

*Stable*: two sets of components that were found from disjoint runs, in all ways to draw them:
single runs, two runs side by side (their columns concatenated, which is no alignment at all), and
the consensus of two, up to linear maps also with as many axes of each run as components.  *Left
out*: the consensus of all runs but one, beside the components of that one alone.  *True*: beside
the factors, on mixtures whose factors are known.  All have the same k, but for single runs that
keep every component, of which the k that match best count.
"""

import argparse
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np

from nearid import LatentICA, consensus
from nearid.ica.replication import match

SEED = 0
QUICK = {"holdout": 2, "n_bootstrap": 2, "n_null": 1, "check_replication": False}


def matched(first, second, *, best=None):
    """|correlation| of each column of the first with its partner, or so many of the largest."""
    k = first.shape[1]
    found = np.abs(np.corrcoef(first.T, second.T)[:k, k:])
    return np.sort(found[np.arange(k), match(found)])[::-1][:best]


def alone(runs, halves, k):
    """Components of one run, or of several side by side, on the other half of the rows."""
    fit, measure = halves
    table = np.hstack(runs)
    ica = LatentICA(k, replication=False, random_state=SEED).fit(table[fit])
    return ica.transform(table[measure])


def together(runs, halves, k, *, group, view=None, cut=False):
    """Components of the consensus: of the mean, or as one of its runs alone sees them."""
    fit, measure = halves
    settings = {"group": group, "n_components": k, "n_axes": k if cut else None}
    found = consensus([run[fit] for run in runs], random_state=SEED, **settings, **QUICK)
    if view is not None:
        return found.transform(view, runs[view][measure])
    return found.transform_mean([run[measure] for run in runs])


WAYS = {"side by side": alone} | {
    "consensus, rigid": partial(together, group="rigid"),
    "consensus, linear": partial(together, group="linear"),
    "consensus, linear, k axes": partial(together, group="linear", cut=True),
}


def disjoint(n_runs, size):
    """All unordered pairs of disjoint sets of so many runs."""
    sets = list(combinations(range(n_runs), size))
    return [(a, b) for a, b in combinations(sets, 2) if not {*a} & {*b}]


def stable(runs, halves, k, way, size):
    """Agreement of components that were found from disjoint sets of runs."""
    codes = {
        s: way([runs[m] for m in s], halves, k) for pair in disjoint(len(runs), size) for s in pair
    }
    return [matched(codes[a], codes[b]) for a, b in disjoint(len(runs), size)]


def left_out(runs, halves, k, way):
    """Agreement of the components of all runs but one with those of that one alone."""
    found = []
    for m, run in enumerate(runs):
        others = [other for n, other in enumerate(runs) if n != m]
        found.append(matched(way(others, halves, k), alone([run], halves, k)))
    return found


def cell(values):
    """Mean |correlation|, its range over comparisons, and the mean number above .9."""
    means = [float(v.mean()) for v in values]
    above = np.mean([(v > 0.9).sum() for v in values])
    return f"{np.mean(means):.3f} ({min(means):.3f} to {max(means):.3f}), {above:.1f}"


def halves_of(n):
    order = np.random.default_rng(SEED).permutation(n)
    return np.sort(order[: n // 2]), np.sort(order[n // 2 :])


def mixtures(noise, *, linear, seed, n=4000, k=8, d=16, n_runs=6, own=4):
    """Draw runs that see k shared factors and, each, factors of its own, with noise."""
    rng = np.random.default_rng(seed)
    factors = rng.laplace(size=(n, k)) / np.sqrt(2)
    runs = []
    for _ in range(n_runs):
        nuisance = 0.8 * rng.laplace(size=(n, own)) / np.sqrt(2)
        mixing = np.linalg.qr(rng.standard_normal((d, d)))[0]
        if linear:
            mixing = mixing * rng.uniform(0.3, 2, d) @ np.linalg.qr(rng.normal(size=(d, d)))[0]
        seen = np.hstack([factors, nuisance, np.zeros((n, d - k - own))])
        runs.append((seen + noise * rng.standard_normal(seen.shape)) @ mixing)
    return factors, runs


def real(folder):
    """Five trainings of one network."""
    with np.load(folder / "admet_members.npz") as file:
        runs = [file[f"member_{m}"].astype(np.float64) for m in range(5)]
    halves = halves_of(len(runs[0]))
    print("| k | components of | 1 against 1 | 2 against 2 | all but one against that one |")
    print("| --- | --- | --- | --- | --- |")
    for k in (8, 16, 32):
        codes = [alone([run], halves, k) for run in runs]
        shuffled = [np.random.default_rng(SEED).permutation(code) for code in codes]
        chance = [matched(a, b) for a, b in zip(codes, shuffled, strict=True)]
        print(f"| {k} | chance (shuffled rows) | {cell(chance)} | - | - |")
        print(f"| {k} | single runs | {cell(stable(runs, halves, k, alone, 1))} | - | - |")
        for name, way in WAYS.items():
            two = cell(stable(runs, halves, k, way, 2))
            rest = cell(left_out(runs, halves, k, way))
            print(f"| {k} | {name} | - | {two} | {rest} |", flush=True)


def known():
    """Mixtures of known factors."""
    print("| maps, noise | components of | true factors | stable, disjoint runs |")
    print("| --- | --- | --- | --- |")
    for linear in (False, True):
        for noise in (0.2, 0.5, 1.0):
            report(linear, noise, [mixtures(noise, linear=linear, seed=s) for s in range(3)])


def report(linear, noise, draws):
    """Print the rows of one kind of mixture, over several draws of it."""
    label = f"{'linear' if linear else 'rigid'}, {noise}"
    group = "linear" if linear else "rigid"
    halves = halves_of(len(draws[0][0]))
    measure, k = halves[1], draws[0][0].shape[1]
    cases = {
        "single runs": (alone, 1),
        "single runs, every component": (lambda runs, halves, k: alone(runs, halves, None), 1),
        "six runs side by side": (alone, 6),
        "consensus of two": (partial(together, group=group), 2),
        "consensus of six": (partial(together, group=group), 6),
        "consensus of six, seen by one run": (partial(together, group=group, view=0), 6),
    }
    for name, (way, size) in cases.items():
        true, agree = [], []
        for factors, runs in draws:
            sets = [runs[i : i + size] for i in range(0, len(runs), size)]
            codes = [way(some, halves, k) for some in sets]
            true += [matched(factors[measure], found) for found in codes]
            agree += [matched(a, b, best=k) for a, b in combinations(codes, 2)]
        if size == 6:  # disjoint sets have three each
            both = [[way(r[:3], halves, k), way(r[3:], halves, k)] for _, r in draws]
            agree = [matched(a, b) for a, b in both]
        print(f"| {label} | {name} | {cell(true)} | {cell(agree)} |", flush=True)


def main():
    """Print two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="Where admet_members.npz is.")
    folder = parser.parse_args().folder
    known()
    print()
    real(folder)


if __name__ == "__main__":
    main()
