"""What a reader must know before trusting a consensus, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nearid.ica.replication import REPLICATES
from nearid.ica.whitening import Whitening
from nearid.identifiability.common_frame import CommonFrame
from nearid.identifiability.consensus_result import View
from nearid.identifiability.runs import RunSummary

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "about_alignment",
    "about_rows",
    "about_scales",
    "about_shared_components",
    "about_views",
]

#: Share of the criterion that a better frame might add, from which that is said.
GAP = 0.01
#: Ratio of scales from which one run counts for much more than another in a rigid mean.
SCALE = 2.0
#: Rows per variate below which canonical correlations are mostly chance.
ROWS_PER_VARIATE = 10
#: Components that a warning lists.
LISTED = 8


def about_rows(common: CommonFrame, n_rows: int) -> Iterator[str]:
    """Say where linear maps have so much room that runs agree on the fitting rows by chance."""
    size = len(common.variance)
    if len(common.rounds) == 1 and n_rows < ROWS_PER_VARIATE * size:
        yield (
            f"{n_rows} fitting rows are few for linear maps to {size} coordinates: on those rows "
            f"the runs agree in part by chance; the held-out figures do not, but better maps may "
            f"exist (n_axes keeps fewer axes of each run)"
        )


def about_scales(runs: Sequence[RunSummary], group: str) -> Iterator[str]:
    """Say where rigid maps let the runs with the largest values speak for all."""
    scales = {run.name: run.scale for run in runs if not run.collapsed}
    least, most = (choose(scales, key=lambda name: scales[name]) for choose in (min, max))
    if group == "rigid" and scales[most] > SCALE * scales[least]:
        yield (
            f"the runs differ in scale, {most} being {scales[most] / scales[least]:.3g} times as "
            f"large as {least}, and rigid maps keep that: the mean is mostly that of the large "
            f'ones; group="similarity" gives all the same weight'
        )


def about_alignment(common: CommonFrame, white: Whitening, n_rows: int) -> Iterator[str]:
    """Say where the frame may not be the best one, or where its last dimensions are arbitrary."""
    if not common.converged:
        yield f"the common frame had not settled after {len(common.rounds) - 1} rounds"
    if common.gap > GAP:
        yield (
            f"the common frame may not be the best one: another could agree by up to "
            f"{common.gap:.0%} more"
        )
    k = white.n_components
    if k < white.rank:
        last, first_out = white.eigenvalues[k - 1], white.eigenvalues[k]
        # the standard error of an eigenvalue λ of n Gaussian rows is λ √(2/n)
        if last - first_out < 1.96 * np.sqrt(2 / n_rows) * np.hypot(last, first_out):
            yield (
                f"the consensus was cut at {k} components, between principal axes of nearly equal "
                f"variance ({last:.3g} and {first_out:.3g}): which directions were kept is partly "
                f"arbitrary"
            )


def about_views(views: Sequence[View]) -> Iterator[str]:
    """Say which runs have nothing in common with the others, and what two runs cannot show."""
    if len(views) == 2:
        yield (
            "with two runs the mean of the others is the other run: which of the two is at fault "
            "where they disagree cannot be told"
        )
    for view in views:
        if not (view.low > view.chance).any():
            yield (
                f"{view.name} reproduces no component better than chance: look at it, or leave it "
                f"out, for it is part of the mean all the same"
            )


def about_shared_components(components: pd.DataFrame) -> Iterator[str]:
    """Say which components ICA would not find again: a direction may be shared, and arbitrary."""
    unsure = components[~components["identifiable"]]
    if len(unsure):
        yield (
            f"{_listed(unsure)} of {len(components)} cannot be told apart by ICA: they are an "
            f"arbitrary rotation of each other, however well the runs reproduce them"
        )
    elusive = components[components["identifiable"] & (components["replication"] < REPLICATES)]
    if len(elusive):
        yield (
            f"{_listed(elusive)} of {len(components)} did not come back from disjoint halves of "
            f"the rows (|correlation| below {REPLICATES:g}): other rows would give other components"
        )


def _listed(rows: pd.DataFrame) -> str:
    numbers = [str(number) for number in rows["component"]]
    more = f" and {len(numbers) - LISTED} more" if len(numbers) > LISTED else ""
    return f"component{'s' if len(numbers) > 1 else ''} {', '.join(numbers[:LISTED])}{more}"
