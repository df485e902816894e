"""How many components and which solver: the cell whose axes replicate best between seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from nearid.experiments.disentanglement import Trained
from nearid.experiments.rotations import Versions, live_components, replication, versions

__all__ = ["SOLVERS", "Cell", "Choice", "choose", "choose_all"]

SOLVERS = ("nearid", "jade")
#: Live components that may be given up.
GIVEN_UP = 2


@dataclass(frozen=True, eq=False)
class Cell:
    """One way to rotate the latents of a model's runs.

    Parameters
    ----------
    dropped : int
        How many of each run's live components are left out, those of least variance.
    solver : str
    fitted : sequence of Versions
        Of each run.
    replication : float
        Between seeds, on fresh images; nan with one run.
    """

    dropped: int
    solver: str
    fitted: Sequence[Versions]
    replication: float


@dataclass(frozen=True, eq=False)
class Choice:
    """How a model's latents are rotated, chosen without a look at the factors.

    Parameters
    ----------
    runs : sequence of Trained
        Of one model.
    cells : sequence of Cell
        All that were tried.
    chosen : int
        The place of the one that was taken.
    """

    runs: Sequence[Trained]
    cells: Sequence[Cell]
    chosen: int

    @property
    def fitted(self) -> Sequence[Versions]:
        """What was chosen, for each run."""
        return self.cells[self.chosen].fitted

    @property
    def grid(self) -> pd.DataFrame:
        """Columns ``cell, dropped, n_components`` (mean of runs), ``solver, replication, chosen``.

        No factor was looked at for any of them.
        """
        rows = [
            {
                "cell": number,
                "dropped": cell.dropped,
                "n_components": sum(len(own.white.matrix) for own in cell.fitted) / len(self.runs),
                "solver": cell.solver,
                "replication": cell.replication,
                "chosen": number == self.chosen,
            }
            for number, cell in enumerate(self.cells)
        ]
        return pd.DataFrame(rows)


def choose_all(runs: Sequence[Trained]) -> dict[str, Choice]:
    """Choose for each model by itself."""
    names = dict.fromkeys(run.model for run in runs)
    return {name: choose([run for run in runs if run.model == name]) for name in names}


def choose(runs: Sequence[Trained]) -> Choice:
    """Choose the number of components and the solver by replication between seeds.

    Each run has as many components as live latent directions, less the same number in all runs, up
    to two. Of these numbers and the solvers the pair is taken whose ICA axes replicate best on
    fresh images. With one run nothing can replicate: all live components are kept.
    """
    live = [live_components(run.train) for run in runs]
    cells = [
        _cell(runs, live, dropped, solver)
        for dropped in range(min(GIVEN_UP, max(0, min(live) - 2)) + 1)
        for solver in SOLVERS
    ]
    best = 0
    if len(runs) > 1:
        best = max(range(len(cells)), key=lambda place: cells[place].replication)
    return Choice(runs, cells, best)


def _cell(runs: Sequence[Trained], live: Sequence[int], dropped: int, solver: str) -> Cell:
    fitted = [
        versions(run.train, n_components=max(2, k - dropped), solver=solver, random_state=run.seed)
        for run, k in zip(runs, live, strict=True)
    ]
    codes = [own.codes(run.fresh, "ica") for own, run in zip(fitted, runs, strict=True)]
    value = replication(codes) if len(runs) > 1 else float("nan")
    return Cell(dropped, solver, fitted, value)
