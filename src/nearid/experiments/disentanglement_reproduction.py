"""The disentanglement experiment from training to page, as one result."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.experiments.disentanglement import (
    CONTROLS,
    RECIPES,
    SCALES,
    Settings,
    train_all,
    train_cached_model,
)
from nearid.experiments.disentanglement_choice import Choice, choose_all
from nearid.experiments.disentanglement_measure import ROWS, measure, score_names
from nearid.experiments.disentanglement_tables import (
    attainable_shares,
    interval,
    means,
    metric_means,
    regrets,
)
from nearid.experiments.jobs import Progress
from nearid.experiments.scales import NOT_TRAINED, scale_named
from nearid.experiments.scenes import Scenes, prepare
from nearid.experiments.traversals import traverse
from nearid.metrics.registry import METRICS
from nearid.models.runs import kept_in
from nearid.plain import records
from nearid.report.disentanglement import disentanglement_page
from nearid.report.page import Page

__all__ = ["Disentanglement", "reproduce_disentanglement"]

#: What models are called in tables, in their order.
TITLES = {name: recipe.title for name, recipe in RECIPES.items()} | CONTROLS
#: The metrics of the scale ci, if none are asked for: the others take minutes.
QUICK = ("infomec", "mig", "modularity", "irs", "mcc", "r2", "hoyer_sparsity", "compactness")
#: What a terminal shows, if it was asked for.
SHOWN = ("infom", "infoe", "infoc", "mcc", "dci", "mig")


@dataclass(frozen=True, eq=False)
class Disentanglement:
    """Scores of every model, seed and version of the codes.

    Parameters
    ----------
    scores : DataFrame
        Columns ``model, seed, version, n_components, unexplained``, scores and their chance.
    grids : DataFrame
        Replication by number of components and solver, from which they were chosen, beside the
        InfoM and InfoE that were found afterwards.
    subspaces : DataFrame
        Groups of ICA components that belong together, and the factor that each tells most of.
    traversals : mapping of str to ndarray
        Images along the components of the first auto-encoder, by version.
    settings : mapping
    """

    scores: pd.DataFrame
    grids: pd.DataFrame
    subspaces: pd.DataFrame
    traversals: Mapping[str, NDArray[np.float64]]
    settings: Mapping[str, Any]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before trusting the numbers."""
        told = []
        if circular := self.settings["circular"]:
            told.append(
                f"circles and no intervals: {', '.join(circular)}; two components hold each, and "
                f"InfoC is below 1 even where all is as it should be"
            )
        few = [f"{name} {n}" for name, n in ROWS.items() if name in self.scores]
        few = [text for text in few if int(text.split()[1]) < self.settings["n_fresh"]]
        if few:
            told.append(f"slow metrics saw the first of the fresh images alone: {', '.join(few)}")
        if self.settings["scale"] == "ci":
            told.append(NOT_TRAINED)
        if self.scores.groupby("model")["seed"].nunique().max() < 2:
            told.append("with one seed nothing replicates: all live components were kept")
        if self.scores.groupby("model")["seed"].nunique().max() < 3:
            told.append("with fewer than 3 seeds the intervals say little")
        return tuple(told)

    @property
    def means(self) -> pd.DataFrame:
        """Means over seeds, with Student's 95 % intervals (nan for a single run)."""
        return means(self.scores, [name for name in SHOWN if name in self.scores])

    @property
    def metrics(self) -> pd.DataFrame:
        """Means, intervals and chance levels of every metric: a row for each of a version."""
        return metric_means(self.scores, score_names(self.settings["metrics"]))

    @property
    def regrets(self) -> pd.DataFrame:
        """Of each model the chosen cell, the one that labels would choose, and the difference."""
        return regrets(self.grids)

    @property
    def attainable(self) -> pd.DataFrame:
        """Of each run the share of the InfoM that a rotation found with labels reaches."""
        return attainable_shares(self.scores)

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
            "metrics": records(self.metrics),
            "choice": records(self.grids),
            "regret": records(self.regrets),
            "attainable": records(self.attainable),
            "subspaces": records(self.subspaces),
        }

    def summary(self) -> str:
        """Return the means as text for a terminal, and how ICA stands to what labels allow."""
        means = self.means
        plain = [name for name in means if not str(name).endswith(("_low", "_high"))]
        shown = means[plain].replace({"model": TITLES}).round(3)
        lines = [shown.to_string(index=False), ""]
        lines += [_told_regret(row) for row in self.regrets.to_dict("records")]
        return "\n".join(
            [*lines, *self._shares(), "", *(f"warning: {warning}" for warning in self.warnings)]
        )

    def _shares(self) -> list[str]:
        found = self.attainable
        if not len(found):
            return []
        told = []
        for name, what in (
            ("share", "of the InfoM of the best rotation that labels find"),
            ("share_above_random", "of its gain over a random rotation"),
        ):
            mean, half = interval(found[name])
            told.append(f"{mean:.1%} ± {half:.1%} {what}")
        return [f"ICA of AE has {' and '.join(told)}; lowest InfoM {found['ica'].min():.3f}"]

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
            metrics=self.metrics,
            regrets=self.regrets,
            attainable=self.attainable,
            subspaces=self.subspaces,
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
    n_seeds: int = 1,
    dataset: str = "scenes3d",
    models: Sequence[str] = tuple(RECIPES),
    first_seed: int = 0,
    metrics: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Disentanglement:
    """Train models on images of known factors, and score their codes before and after ICA.

    Parameters
    ----------
    scale : {"ci", "cpu", "paper"}
    cache_dir : path, optional
        Where trainings are kept: a killed one goes on, a finished one is read.
    data_dir : path, optional
        Where the files of data sets are that are not rendered: ``coil20`` alone needs it.
    n_jobs : int, default 1
        Trainings side by side, each on one thread.
    n_seeds : int, default 1
    dataset : str, default "scenes3d"
        Of :data:`nearid.experiments.scenes.DATA`.
    models : sequence of str
        Of ``ae, beta_vae, beta_tcvae, bioae, qlae``.
    first_seed : int, default 0
        The seeds are this one and those that follow.
    metrics : sequence of str, optional
        Of :data:`nearid.metrics.METRICS`, and InfoMEC always; by default all, at the scale ``ci``
        the quick ones.
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
    settings = scale_named(scale, SCALES)
    if n_seeds < 1:
        raise InputError(f"n_seeds is a number of runs, from 1; got {n_seeds!r}")
    if metrics is None:
        metrics = QUICK if scale == "ci" else tuple(METRICS)
    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        raise InputError(f"metrics must be some of {', '.join(METRICS)}; got {unknown[0]!r}")
    scenes = prepare(
        dataset,
        size=settings.size,
        n_train=settings.n_train,
        n_fresh=settings.n_fresh,
        n_axes=settings.n_axes,
        data_dir=data_dir,
    )
    seeds = range(first_seed, first_seed + n_seeds)
    with kept_in(cache_dir) as place:
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
    found = measure(choices, scenes, settings, metrics=metrics, n_jobs=n_jobs)
    told = {"scale": scale, "dataset": dataset, "models": list(models), "seeds": list(seeds)}
    told |= {"metrics": list(metrics), "circular": list(scenes.periods)}
    return Disentanglement(
        found.scores, found.grids, found.subspaces, traversals, told | asdict(settings)
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


def _told_regret(row: Mapping[Any, Any]) -> str:
    return (
        f"{TITLES[row['model']]}: chosen {_cell(row)}, InfoM {row['infom']:.3f}; the oracle's "
        f"choice, shown apart: {_cell(row, 'best_')}, {row['best_infom']:.3f}; regret "
        f"{row['regret']:.3f}"
    )


def _cell(row: Mapping[Any, Any], prefix: str = "") -> str:
    dropped, solver = row[f"{prefix}dropped"], row[f"{prefix}solver"]
    return f"all live components ({solver})" if not dropped else f"{dropped} fewer ({solver})"
