"""The disentanglement experiment from training to page, as one result."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from nearid.errors import InputError
from nearid.experiments.disentanglement import (
    CONTROLS,
    RECIPES,
    SCALES,
    Choice,
    Settings,
    choose_all,
    measure,
    train_all,
    train_cached_model,
)
from nearid.experiments.jobs import Progress
from nearid.experiments.scenes import Scenes, prepare
from nearid.experiments.traversals import traverse
from nearid.plain import records
from nearid.report.disentanglement import disentanglement_page
from nearid.report.page import Page

__all__ = ["Disentanglement", "reproduce_disentanglement"]

#: What models are called in tables, in their order.
TITLES = {name: recipe.title for name, recipe in RECIPES.items()} | CONTROLS
SCORES = ("infom", "infoe", "infoc", "mcc")


@dataclass(frozen=True, eq=False)
class Disentanglement:
    """Scores of every model, seed and version of the codes.

    Parameters
    ----------
    scores : DataFrame
        Columns ``model, seed, version, n_components, unexplained``, scores and their chance.
    grids : DataFrame
        Replication by number of components and solver, from which they were chosen.
    traversals : mapping of str to ndarray
        Images along the components of the first auto-encoder, by version.
    settings : mapping
    """

    scores: pd.DataFrame
    grids: pd.DataFrame
    traversals: Mapping[str, NDArray[np.float64]]
    settings: Mapping[str, object]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before trusting the numbers."""
        told = [
            "hues are circles and no intervals: two components hold each, and InfoC is below 1 "
            "even where all is as it should be"
        ]
        if self.settings["scale"] == "ci":
            told.append("the scale ci is there to test the code: nothing is trained to its end")
        if self.scores.groupby("model")["seed"].nunique().max() < 2:
            told.append("with one seed nothing replicates: all live components were kept")
        if self.scores.groupby("model")["seed"].nunique().max() < 3:
            told.append("with fewer than 3 seeds the intervals say little")
        return tuple(told)

    @property
    def means(self) -> pd.DataFrame:
        """Means over seeds, with Student's 95 % intervals (nan for a single run)."""
        rows = []
        for (model, version), part in self.scores.groupby(["model", "version"], sort=False):
            row: dict[str, Any] = {"model": model, "version": version, "runs": len(part)}
            for name in SCORES:
                values = part[name].to_numpy(dtype=float)
                mean, half = _interval(values)
                row |= {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}
            rows.append(row | {"n_components": int(part["n_components"].iloc[0])})
        return pd.DataFrame(rows)

    def to_frame(self) -> pd.DataFrame:
        """Return a row per model, seed and version."""
        return self.scores.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the pictures as plain values, ready for JSON."""
        return {
            "settings": dict(self.settings),
            "warnings": list(self.warnings),
            "scores": records(self.scores),
            "means": records(self.means),
            "choice": records(self.grids),
        }

    def summary(self) -> str:
        """Return the means as text for a terminal."""
        shown = self.means[["model", "version", "runs", "n_components", *SCORES]]
        text = shown.replace({"model": TITLES}).round(3).to_string(index=False)
        return "\n".join([text, "", *(f"warning: {warning}" for warning in self.warnings)])

    def page(self, *, command: str = "") -> Page:
        """Return the report as a page.

        Parameters
        ----------
        command : str, default ""
            What made it.
        """
        return disentanglement_page(
            self.scores,
            self.means,
            self.grids,
            titles=TITLES,
            traversals=self.traversals,
            warnings=self.warnings,
            command=command,
            settings=self.settings,
        )


def reproduce_disentanglement(
    *,
    scale: str = "cpu",
    cache_dir: str | os.PathLike[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    n_jobs: int = 1,
    n_seeds: int = 3,
    dataset: str = "scenes3d",
    models: Sequence[str] = tuple(RECIPES),
    first_seed: int = 0,
    progress: Progress | None = None,
) -> Disentanglement:
    """Train models on images of known factors, and score their codes before and after ICA.

    Parameters
    ----------
    scale : {"ci", "cpu", "paper"}
    cache_dir : path, optional
        Where trainings are kept: a killed one goes on, a finished one is read.
    data_dir : path, optional
        Not needed: the images are rendered.
    n_jobs : int, default 1
        Trainings side by side, each on one thread.
    n_seeds : int, default 3
    dataset : str, default "scenes3d"
    models : sequence of str
        Of ``ae, beta_vae, beta_tcvae, bioae, qlae``.
    first_seed : int, default 0
        The seeds are this one and those that follow.
    progress : callable, optional
        Called with how many trainings are done, of how many, and which was the last.

    Returns
    -------
    Disentanglement

    Raises
    ------
    InputError
        If an argument is not as described.
    MissingExtraError
        If torch is not installed.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, Theorem 3.
    """
    if scale not in SCALES:
        raise InputError(f"scale must be one of {', '.join(SCALES)}; got {scale!r}")
    if n_seeds < 1:
        raise InputError(f"n_seeds is a number of runs, from 1; got {n_seeds!r}")
    settings = SCALES[scale]
    scenes = prepare(
        dataset,
        size=settings.size,
        n_train=settings.n_train,
        n_fresh=settings.n_fresh,
        n_axes=settings.n_axes,
    )
    seeds = range(first_seed, first_seed + n_seeds)
    folder = nullcontext(cache_dir) if cache_dir is not None else tempfile.TemporaryDirectory()
    with folder as place:
        runs = train_all(
            scenes,
            settings,
            models=models,
            seeds=seeds,
            cache_dir=place,
            n_jobs=n_jobs,
            progress=progress,
        )
        choices = choose_all(runs)
        traversals = _traversals(choices, scenes, settings, place)
    scores = measure(choices, scenes, settings)
    grids = [choice.grid.assign(model=name) for name, choice in choices.items()]
    told = {"scale": scale, "dataset": dataset, "models": list(models), "seeds": list(seeds)}
    return Disentanglement(
        scores, pd.concat(grids, ignore_index=True), traversals, told | asdict(settings)
    )


def _traversals(
    choices: Mapping[str, Choice], scenes: Scenes, settings: Settings, place: Any
) -> dict[str, NDArray[np.float64]]:
    """Decode along the components of the first auto-encoder, before and after ICA."""
    if "ae" not in choices:
        return {}
    first, fitted = choices["ae"].runs[0], choices["ae"].fitted[0]
    model = train_cached_model("ae", scenes.train, settings, place, first.seed)
    return {name: traverse(model, scenes, first.fresh, fitted, name) for name in ("pca", "ica")}


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return float(values.mean()) if len(values) else float("nan"), float("nan")
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(half)
