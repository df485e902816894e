"""How many ICA components of real networks replicate, and the ICA efficiency on those alone.

    python benchmarks/replication.py ../shared/data/representations

Every run is whitened and rotated by ICA on one half of the rows.  A component replicates when two
fits of disjoint quarters, started independently, agree on it to |correlation| > .9.  On the other
half, every rung's map between two runs is applied, and its residual is looked at along the target's
replicating components only: so permutation, ICA and rigid are compared in one space, and what
cannot be identified does not count.  Errors are root mean squares, from held-out moments.
"""

import argparse
from itertools import permutations
from pathlib import Path

import numpy as np

from nearid import LatentICA
from nearid.ica import whitening
from nearid.ica.replication import REPLICATES
from nearid.identifiability.evidence import split
from nearid.identifiability.ladder import fit_rungs, whitened_frame
from nearid.identifiability.runs import split_rows
from nearid.io import read
from nearid.rows import from_table

SETS = {"admet_members.npz::member_*": (16, 32, 64), "cifar_resnets.npz::resnet*": (16, 32, 64)}
SEED = 0


def rotation(run, white, k):
    """ICA of one run as a rotation of its whitened coordinates, and which components replicate."""
    ica = LatentICA(k, random_state=SEED).fit(run)
    replicates = ica.components_report_["replication"].to_numpy() > REPLICATES
    return ica.components_ @ white.inverse, replicates


def restricted_error(rung, pair, axes):
    """Root mean square of a rung's held-out residual along some axes of the target."""
    m = rung.matrix
    residual = pair.target_cov + m.T @ pair.source_cov @ m
    crossed = m.T @ pair.cross_cov
    residual = residual - crossed - crossed.T
    return float(np.sqrt(np.trace(axes @ residual @ axes.T)))


def efficiency(errors):
    """(ε_perm − ε_ICA) / (ε_perm − ε_rigid)."""
    permutation, ica, rigid = (errors[g] for g in ("signed_permutation", "ica", "rigid"))
    return (permutation - ica) / (permutation - rigid)


def measure(runs, k):
    """Return counts of replicating components and mean errors, on all and on those alone."""
    study = split(runs, *split_rows(len(runs[0]), 0.5, np.random.default_rng(SEED)), 1)
    joint = study.train_moments
    blocks = [joint.block(m) for m in range(len(runs))]
    white = [
        whitening(joint.mean[b], joint.cov[b, b], dtype=run.dtype, n_components=k)
        for b, run in zip(blocks, study.train, strict=True)
    ]
    found = [rotation(run, w, k) for run, w in zip(study.train, white, strict=True)]
    frame = whitened_frame(
        [w.mean for w in white],
        [w.matrix.T for w in white],
        ica=[turn for turn, _ in found],
        n_random=1,
        rng=np.random.default_rng(SEED),
    )
    fits, held_out = frame.moments(joint), frame.moments(study.test_moments)
    everything, alone = [], []
    for source, target in permutations(range(len(runs)), 2):
        turn, replicates = found[target]
        pair = held_out.pair(source, target)
        rungs = {rung.group: rung for rung in fit_rungs(frame, fits, source, target)}
        everything.append({g: restricted_error(r, pair, turn) for g, r in rungs.items()})
        if replicates.any():
            axes = turn[replicates]
            alone.append({g: restricted_error(r, pair, axes) for g, r in rungs.items()})
    return [int(r.sum()) for _, r in found], everything, alone


def main():
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="Where admet_members.npz and cifar_resnets.npz are."
    )
    folder = parser.parse_args().folder
    print("| runs | k | replicate, per run | efficiency | of replicating (perm, ICA, rigid) |")
    print("| --- | --- | --- | --- | --- |")
    for name, sizes in SETS.items():
        runs = [from_table(table) for table in read(folder / name)]
        for k in sizes:
            counts, everything, alone = measure(runs, k)
            mean = {g: np.mean([e[g] for e in alone]) for g in alone[0]} if alone else None
            shown = "none replicates"
            if mean is not None:
                errors = ", ".join(f"{mean[g]:.3f}" for g in ("signed_permutation", "ica", "rigid"))
                shown = f"{np.mean([efficiency(e) for e in alone]):.2f} ({errors})"
            listed = ", ".join(map(str, counts))
            every = np.mean([efficiency(e) for e in everything])
            print(f"| {name} | {k} | {listed} | {every:.2f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
