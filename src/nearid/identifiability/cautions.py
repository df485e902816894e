"""What a reader must know before trusting the numbers, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.identifiability.evidence import FrameEvidence, Study
from nearid.identifiability.runs import RunSummary
from nearid.identifiability.verdict import NOTHING_TO_FIND, NOTHING_TO_REMOVE, undefined_pairs

if TYPE_CHECKING:
    import pandas as pd

    from nearid.ica.fitting import Fit

__all__ = [
    "about_components",
    "about_diameters",
    "about_ica",
    "about_runs",
    "about_scales",
    "about_units",
]

#: Two runs whose similarity map stretches by more than this are said to differ by a scale.
SCALE = 1.05
#: With fewer held-out units than this an interval rests on too few.
FEW_UNITS = 10
#: ICA estimates k(k−1)/2 angles; with fewer rows than this many per component it cannot.
ROWS_PER_COMPONENT = 10


def about_runs(runs: Sequence[RunSummary], study: Study) -> Iterator[str]:
    """Say which runs have collapsed, lost dimensions, differ in width, or have too few rows."""
    for run in runs:
        if run.collapsed:
            yield (
                f"{run.name} has collapsed: every row is the same; it is excluded from the verdict"
            )
    lost = [run for run in runs if not run.collapsed and run.rank < run.n_columns]
    if lost:
        listed = ", ".join(f"{run.name} has rank {run.rank} of {run.n_columns}" for run in lost)
        yield f"dimensions are lost to constant or dependent columns: {listed}"
    widths = {run.name: run.n_columns for run in runs}
    if len(set(widths.values())) > 1:
        listed = ", ".join(f"{name} {width}" for name, width in widths.items())
        yield (
            f"the runs differ in width ({listed}): rigid maps are partial isometries and signed "
            f"permutations partial matchings; the two directions of a pair are different questions"
        )
    n_train, widest = len(study.train[0]), max(widths.values())
    if n_train <= widest:
        yield (
            f"N = {n_train} fitting rows for D = {widest} columns: linear maps are not determined "
            f"by so few rows, and their held-out error says more about N than about the runs"
        )


def about_units(study: Study) -> Iterator[str]:
    """Say on how many units the result rests, or that rows look as if they came in units."""
    if study.train_units is not None:
        fitting, n_test = len(np.unique(study.train_units)), study.n_independent
        few = ": so few say little of units in general" if n_test < FEW_UNITS else ""
        yield f"rows come in {fitting + n_test} units, of which {n_test} are held out{few}"
        return
    shared = _shared_wells(study.test[0].metadata)
    if shared:
        yield (
            f"several rows share a {' and a '.join(shared)}: if they are not independent, the "
            f"intervals are too short; pass unit={','.join(shared)!r}"
        )


def _shared_wells(metadata: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return the columns of well and plate, if any of the rows have those in common."""
    import pandas as pd

    named = {str(name): column for name, column in metadata.items()}
    wells = [name for name in named if name.lower().endswith("well")][:1]
    plates = [name for name in named if name.lower().endswith("plate")][:1]
    if not wells:
        return []
    columns = [*plates, *wells]
    pairs = pd.DataFrame({name: named[name] for name in columns})
    return columns if bool(pairs.duplicated().any()) else []


def about_scales(native: FrameEvidence, names: Sequence[str], tolerance: float) -> Iterator[str]:
    """Say where two runs are the same but for a scale."""
    if "similarity" not in native.rungs:
        return
    rung = native.rungs.index("similarity")
    for pair in native.pairs:
        same = pair.errors[rung, 0] <= tolerance * pair.null[rung]
        if same and pair.source < pair.target and abs(np.log(pair.scale)) > np.log(SCALE):
            larger, smaller = (
                (pair.target, pair.source) if pair.scale > 1 else (pair.source, pair.target)
            )
            yield (
                f"{names[larger]} and {names[smaller]} differ by a scale of "
                f"{float(f'{max(pair.scale, 1 / pair.scale):.3g}')}"
            )


def about_diameters(evidence: Sequence[FrameEvidence], names: Sequence[str]) -> Iterator[str]:
    """Say where the diameter is only known to lie in a range."""
    for found in evidence:
        for name, delta in zip(names, found.diameters, strict=True):
            if delta.upper > 1.001 * delta.value:
                yield (
                    f"the diameter of {name} ({found.frame.name}) was sought among its 8,192 "
                    f"outermost rows: it is at least {delta.value:.4g} and at most "
                    f"{delta.upper:.4g}, so errors may be up to "
                    f"{1 - delta.value / delta.upper:.0%} smaller than shown"
                )


def about_ica(fits: Mapping[int, Fit], names: Sequence[str], n_rows: int) -> Iterator[str]:
    """Say which runs' ICA has not converged, is short of rows, or met Gaussian components."""
    for m, fit in fits.items():
        k = len(fit.unmixing)
        if not fit.converged:
            yield (
                f"ICA of {names[m]} has not converged after {fit.n_passes} passes: "
                f"{fit.angles.max():.2g} rad are still to go"
            )
        gaussian = int(fit.components.gaussian.sum())
        if gaussian > 1:
            yield (
                f"{names[m]}: {gaussian} of {k} ICA components are Gaussian as far as the contrast "
                f"can see; their directions are arbitrary within the block they span, so that "
                f"agreement after ICA is no verdict"
            )
    if fits:
        k = max(len(fit.unmixing) for fit in fits.values())
        if n_rows < ROWS_PER_COMPONENT * k:
            yield (
                f"{n_rows} fitting rows are few for ICA of {k} components: ask for fewer "
                f"(n_components), or give more rows"
            )


def about_components(
    components: pd.DataFrame, efficiencies: pd.DataFrame, pairs: pd.DataFrame
) -> Iterator[str]:
    """Say how many matches are ambiguous, and where ICA efficiency is undefined."""
    for (frame, group), part in components.groupby(["frame", "group"], sort=False):
        ambiguous = part["ambiguous"].mean()
        if ambiguous > 0.1:
            named = _frame_and_group(str(frame), str(group))
            yield (
                f"{ambiguous:.0%} of the matched coordinates ({named}) are ambiguous: another "
                f"partner fits as well (tied, duplicated or unrelated coordinates)"
            )
    counts = undefined_pairs(efficiencies, pairs)
    for undefined, reason in zip(counts, (NOTHING_TO_REMOVE, NOTHING_TO_FIND), strict=True):
        if undefined:
            yield (
                f"ICA efficiency is undefined for {undefined} of {len(efficiencies)} ordered "
                f"pairs: {reason}"
            )


def _frame_and_group(frame: str, group: str) -> str:
    shown = {"native": "own coordinates"}.get(frame, frame)
    return f"{shown}, {'ICA' if group == 'ica' else group.replace('_', ' ')}"
