"""What the factors say of codes whose rotation was chosen before: scores, cells, subspaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.experiments.disentanglement import Settings, Trained
from nearid.experiments.disentanglement_choice import Choice
from nearid.experiments.jobs import Task, side_by_side
from nearid.experiments.rotations import Versions, attainable_rotation
from nearid.experiments.scenes import Scenes
from nearid.identifiability.factors import embed_factors
from nearid.metrics.all_metrics import all_metrics
from nearid.metrics.infomec import infomec
from nearid.metrics.registry import METRICS
from nearid.metrics.subspace_infom import subspace_infom
from nearid.metrics.subspaces import energy_information, subspaces

__all__ = ["ROWS", "Measured", "measure", "score_names"]

Array = NDArray[np.float64]
Rows = list[dict[str, Any]]

#: The slow metrics see the first of the fresh images alone: so many.
ROWS = {"dci": 1000, "sap": 2000, "explicitness": 2000, "betavae_score": 2000}
#: These compare numbers: hues and angles are coordinates of a circle for them, names indicators.
OF_COORDINATES = ("mcc", "r2")
FURTHER: dict[str, Mapping[str, Any]] = {
    "dci": {"learner": "random_forest"},
    "betavae_score": {"n_train": 500, "n_eval": 500},
}


@dataclass(frozen=True, eq=False)
class Measured:
    """What was found of all runs.

    Parameters
    ----------
    scores : DataFrame
        Columns ``model, seed, version, n_components, unexplained``, and each score and its chance.
    grids : DataFrame
        Of each model the grid of its choice, with ``infom`` and ``infoe``, means over runs. They
        were found after the choice, which does not know them.
    subspaces : DataFrame
        A row per run and group of its ICA components: ``model, seed, components, information,
        factor, nmi, subspace_infom, chance_subspace_infom``.
    """

    scores: pd.DataFrame
    grids: pd.DataFrame
    subspaces: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Case:
    """A run, every way to rotate it, and which was chosen."""

    run: Trained
    cells: Sequence[Versions]
    chosen: int
    groups: Sequence[Sequence[int]]
    labelled: Array | None

    @property
    def fitted(self) -> Versions:
        return self.cells[self.chosen]


@dataclass(frozen=True, eq=False)
class _Truth:
    """Factors of the fresh images, as classes and as coordinates, and of some for training."""

    names: tuple[str, ...]
    classes: NDArray[np.int64]
    coordinates: Array
    labelled: NDArray[np.int64]


def score_names(metrics: Sequence[str]) -> list[str]:
    """Return the columns of scores that metrics lead to.

    Examples
    --------
    >>> score_names(["mig"])
    ['infom', 'infoe', 'infoc', 'mig']
    """
    return ["infom", "infoe", "infoc", *(name for name in metrics if name != "infomec")]


def measure(
    choices: Mapping[str, Choice],
    scenes: Scenes,
    settings: Settings,
    *,
    metrics: Sequence[str] = tuple(METRICS),
    attainable: str | None = "ae",
    n_jobs: int = 1,
) -> Measured:
    """Score every run raw, whitened, rotated at random and by ICA, on fresh images.

    Parameters
    ----------
    choices : mapping of str to Choice
    scenes : Scenes
    settings : Settings
    metrics : sequence of str
        Of :data:`nearid.metrics.METRICS`; InfoMEC always.
    attainable : str or None
        The model whose best rotation is climbed to with labels.
    n_jobs : int, default 1
        Runs side by side.

    Returns
    -------
    Measured
    """
    labelled = slice(0, settings.n_label)
    truth = _Truth(
        scenes.names,
        scenes.fresh_factors,
        _coordinates(scenes),
        scenes.train_factors[labelled],
    )
    cases: dict[Task, _Case] = {}
    for name, choice in choices.items():
        climbs = name == attainable and settings.n_label > 0
        for place, run in enumerate(choice.runs):
            cases[name, run.seed] = _Case(
                replace(run, train=run.train[:0]),  # it is sent to other processes
                [cell.fitted[place] for cell in choice.cells],
                choice.chosen,
                subspaces(choice.fitted[place].codes(run.train, "ica")),
                run.train[labelled] if climbs else None,
            )
    job = partial(_measure_one, cases, truth, [name for name in METRICS if name in metrics])
    if n_jobs > 1:
        found = list(side_by_side(job, list(cases), n_jobs=n_jobs, progress=None).values())
    else:
        found = [job(task) for task in cases]
    scores, cells, groups = (
        pd.DataFrame([row for part in parts for row in part]) for parts in zip(*found, strict=True)
    )
    return Measured(scores, _grids(choices, cells), groups)


def _coordinates(scenes: Scenes) -> Array:
    return embed_factors(
        scenes.fresh_factors.astype(np.float64),
        scenes.names,
        periods=dict(scenes.periods),
        nominal=scenes.nominal,
    ).values


def _grids(choices: Mapping[str, Choice], cells: pd.DataFrame) -> pd.DataFrame:
    means = cells.groupby(["model", "cell"], as_index=False)[["infom", "infoe"]].mean()
    grids = [choice.grid.assign(model=name) for name, choice in choices.items()]
    return pd.concat(grids, ignore_index=True).merge(means, on=["model", "cell"], how="left")


def _measure_one(
    cases: Mapping[Task, _Case], truth: _Truth, metrics: Sequence[str], task: Task
) -> tuple[Rows, Rows, Rows]:
    case = cases[task]
    run = case.run
    codes = {"raw": run.fresh}
    codes |= {name: case.fitted.codes(run.fresh, name) for name in case.fitted.rotations}
    if case.labelled is not None:
        rotation = attainable_rotation(case.fitted.white.apply(case.labelled), truth.labelled)
        codes["attainable"] = case.fitted.white.apply(run.fresh) @ rotation.T
    key: dict[str, Any] = {"model": run.model, "seed": run.seed}
    scores = [
        key
        | {"version": version, "n_components": table.shape[1], "unexplained": run.unexplained}
        | _scores(truth, table, metrics, run.seed)
        for version, table in codes.items()
    ]
    cells = [key | {"cell": n} | _cell(truth, run, own) for n, own in enumerate(case.cells)]
    return scores, cells, [key | row for row in _subspaces(truth, case)]


def _scores(truth: _Truth, codes: Array, metrics: Sequence[str], seed: int) -> dict[str, float]:
    whole = infomec(truth.classes, codes, random_state=seed)
    kept: dict[str, float] = {}
    for part in ("infom", "infoe", "infoc"):
        kept |= {name: _number(whole.parts.get(name)) for name in (part, f"chance_{part}")}
    for name in metrics:
        if name == "infomec":
            continue
        rows = slice(0, ROWS.get(name))
        factors = truth.coordinates if name in OF_COORDINATES else truth.classes
        [score] = all_metrics(
            factors[rows], codes[rows], names=[name], random_state=seed, settings=_further(name)
        ).values()
        kept |= {name: _number(score.value), f"chance_{name}": _number(score.chance)}
    return kept


def _further(name: str) -> dict[str, Mapping[str, Any]]:
    return {name: FURTHER[name]} if name in FURTHER else {}


def _cell(truth: _Truth, run: Trained, fitted: Versions) -> dict[str, float]:
    found = infomec(
        truth.classes, fitted.codes(run.fresh, "ica"), n_shuffles=0, random_state=run.seed
    )
    return {name: _number(found.parts[name]) for name in ("infom", "infoe")}


def _subspaces(truth: _Truth, case: _Case) -> Rows:
    """Say what each group of components tells of; training latents alone have grouped them."""
    codes = case.fitted.codes(case.run.fresh, "ica")
    score = subspace_infom(truth.classes, codes, groups=case.groups, random_state=case.run.seed)
    information, nmi = energy_information(codes), score.parts["nmi"]
    rows = []
    for group, told in zip(case.groups, nmi.T, strict=True):
        inside = information[np.ix_(group, group)]
        rows.append(
            {
                "components": "+".join(map(str, group)),
                "information": float(inside.max()) if len(group) > 1 else float("nan"),
                "factor": truth.names[int(told.argmax())],
                "nmi": float(told.max()),
                "subspace_infom": _number(score.value),
                "chance_subspace_infom": _number(score.chance),
            }
        )
    return rows


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
