"""The page on Theorem 3: models before and after ICA, with what must be known to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.plots.disentanglement import models_figure, traversals_figure
from nearid.plots.structural import VERSIONS
from nearid.report.explanations import Headline
from nearid.report.numerals import percent, score
from nearid.report.page import Page, Section
from nearid.report.pictures import picture
from nearid.report.tables import frame_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["disentanglement_page"]

CLAIM = (
    "Theorem 3: a plain auto-encoder whose decoder is nearly isometric holds independent factors "
    "up to a rotation, and ICA, which sees no factor, finds the rotation. Number of components "
    "and solver were chosen by how well the axes replicate between seeds, before any factor was "
    "looked at; weight decay and penalties were fixed beforehand."
)


def disentanglement_page(
    scores: pd.DataFrame,
    summary: pd.DataFrame,
    grids: pd.DataFrame,
    *,
    titles: Mapping[str, str],
    traversals: Mapping[str, NDArray[np.float64]],
    metrics: pd.DataFrame,
    regrets: pd.DataFrame,
    attainable: pd.DataFrame,
    subspaces: pd.DataFrame,
    warnings: Sequence[str] = (),
    command: str = "",
    settings: Mapping[str, object] | None = None,
) -> Page:
    """Lay out the experiment as a page.

    Parameters
    ----------
    scores : DataFrame
        A row per model, seed and version.
    summary : DataFrame
        A row per model and version: means over seeds and their intervals.
    grids : DataFrame
        How components and solver were chosen, and the InfoM that was found afterwards.
    titles : mapping of str to str
        What models are called.
    traversals : mapping of str to ndarray
        Images along the components of one auto-encoder, by version.
    metrics : DataFrame
        A row per model, version and metric: its mean, interval and chance.
    regrets : DataFrame
        A row per model: the cell that was chosen beside the one that labels would choose.
    attainable : DataFrame
        A row per run: the share that ICA has of the InfoM of a rotation found with labels.
    subspaces : DataFrame
        A row per run and group of components.
    warnings : sequence of str
    command : str
    settings : mapping

    Returns
    -------
    Page
    """
    named = {"model": dict(titles), "version": {k: label for k, (label, _) in VERSIONS.items()}}
    sections = [
        _scores(scores, summary.replace(named), titles),
        _metrics(metrics.replace(named)),
        _traversals(traversals),
        _attainable(attainable.replace(named)),
        _subspaces(subspaces.replace(named)),
        _choice(grids.replace(named), regrets.replace(named)),
    ]
    return Page(
        "Reproduction: disentanglement",
        _headline(summary, titles),
        [section for section in sections if section is not None],
        warnings=warnings,
        command=command,
        settings=settings or {},
        libraries=["torch"],
        method="That ICA recovers independent factors is its Theorem 3.",
    )


def _headline(summary: pd.DataFrame, titles: Mapping[str, str]) -> Headline:
    table = {(row["model"], row["version"]): row["infom"] for row in summary.to_dict("records")}
    if ("ae", "ica") not in table:
        return Headline("No plain auto-encoder was trained", CLAIM, "unknown")
    own = float(table["ae", "ica"])
    others, rotated = (
        {
            titles[model]: float(value)
            for (model, version), value in table.items()
            if version == wanted and model not in ("ae", "pixels", "untrained")
        }
        for wanted in ("raw", "ica")
    )
    parts = [f"The auto-encoder’s InfoM is {score(table['ae', 'raw'])} as it is, "]
    parts.append(f"{score(table['ae', 'pca'])} along principal axes and {score(own)} after ICA.")
    if ("ae", "attainable") in table:
        best = float(table["ae", "attainable"])
        parts.append(
            f" A rotation that sees labels reaches {score(best)}: ICA has {percent(own / best)}."
        )
    ahead = [f"{name} ({score(value)})" for name, value in rotated.items() if value > own]
    if ahead:
        parts.append(f" After ICA as well, higher: {', '.join(ahead)}.")
    best_other = max(others.values(), default=float("nan"))
    text = f"{CLAIM} {''.join(parts)}"
    if own > max(best_other, float(table["ae", "pca"])):
        title = "ICA makes the plain auto-encoder more modular than the others are by themselves"
        return Headline(title, text, "yes")
    title = "ICA does not make the auto-encoder more modular than the others are by themselves"
    return Headline(title, text, "no")


def _scores(scores: pd.DataFrame, summary: pd.DataFrame, titles: Mapping[str, str]) -> Section:
    ica = summary[summary["version"] == VERSIONS["ica"][0]]
    told = ", ".join(f"{row['model']} {score(row['infom'])}" for row in ica.to_dict("records"))
    text = (
        "InfoM asks that each code tell of one factor, InfoC that each factor be held by one code, "
        "InfoE that the factors can be read off. None starts at 0: the ticks are the scores "
        "of shuffled rows, and the random rotation shows what whitening alone brings. InfoE must "
        "stand beside InfoM, for few components are easily modular."
    )
    return Section(
        "Models",
        text,
        [picture(partial(models_figure, scores, titles), f"InfoM after ICA: {told}.")],
        [
            frame_table(summary, "Means over seeds, with 95 % intervals", n_headers=2),
            frame_table(scores[_brief(scores)], "Every run", n_headers=3),
        ],
    )


def _brief(scores: pd.DataFrame) -> list[str]:
    """Return the columns that InfoMEC needs; the file has the others."""
    named = ["model", "seed", "version", "n_components", "unexplained"]
    parts = ("infom", "infoe", "infoc")
    return [*named, *parts, *(f"chance_{part}" for part in parts)]


def _metrics(metrics: pd.DataFrame) -> Section:
    """Show every metric in a table of one row a version, and one column a metric."""
    keys = ["model", "version"]
    cells = metrics.assign(
        cell=[
            f"{score(row['mean'])} ± {score(row['high'] - row['mean'])} ({score(row['chance'])})"
            for row in metrics.to_dict("records")
        ]
    )
    wide = cells.pivot_table(index=keys, columns="metric", values="cell", aggfunc="first")
    order = list(dict.fromkeys(zip(metrics["model"], metrics["version"], strict=True)))
    names = list(dict.fromkeys(metrics["metric"]))
    shown = wide.reindex(order)[names].reset_index()
    text = (
        "Each cell is the mean over seeds, ± half of its 95 % interval, and in brackets the mean "
        "of shuffled rows. They disagree, for they ask different questions: see the definitions in "
        "nearid.metrics. DCI is that of random forests, another score than that of boosted trees. "
        "Hoyer’s sparsity sees no factor. IRS, SAP and the scores of FactorVAE and β-VAE depend "
        "on scale, which whitening changes."
    )
    return Section(
        "Every metric", text, tables=[frame_table(shown, "Mean ± interval (chance)", n_headers=2)]
    )


def _attainable(attainable: pd.DataFrame) -> Section | None:
    if not len(attainable):
        return None
    text = (
        "The attainable rotation is climbed to with labels, in the same whitened coordinates, and "
        "scored on fresh images as all others are. The last column leaves out what a random "
        "rotation brings: (ICA − random) / (attainable − random)."
    )
    headings = {"share": "ICA / attainable", "share_above_random": "above random"}
    formats = {"share": percent, "share_above_random": percent}
    table = frame_table(
        attainable, "InfoM of each run", n_headers=2, headings=headings, formats=formats
    )
    return Section("ICA beside the best rotation", text, tables=[table])


def _subspaces(subspaces: pd.DataFrame) -> Section:
    text = (
        "A circle, such as a hue, takes two components that no rotation can part: they are not "
        "correlated, but the energy of one fixes that of the other. Pairs are found from training "
        "latents by the information between energies, cut at its widest gap, and no factor is "
        "asked for. Only then is it said what each group tells most of. Subspace InfoM takes a "
        "group as one code: it is another index than InfoM, and not to be compared with it."
    )
    ica = subspaces[subspaces["information"].notna()]
    return Section(
        "Components that belong together",
        text,
        tables=[
            frame_table(ica, "Groups of more than one component", n_headers=3),
            frame_table(
                subspaces.drop_duplicates(["model", "seed"])[
                    ["model", "seed", "subspace_infom", "chance_subspace_infom"]
                ],
                "Subspace InfoM",
                n_headers=2,
            ),
        ],
    )


def _traversals(traversals: Mapping[str, NDArray[np.float64]]) -> Section | None:
    if not traversals:
        return None
    k, steps = next(iter(traversals.values())).shape[:2]
    drawn = picture(
        partial(traversals_figure, traversals),
        f"{steps} decoded images along each of {k} components, before and after ICA.",
        caption="One component a row, moved from −1.7 to 1.7 standard deviations; all else is left "
        "as it is in one fresh image. A hue is a circle, and takes two components.",
    )
    return Section("What components do", "", [drawn])


def _choice(grids: pd.DataFrame, regrets: pd.DataFrame) -> Section:
    text = (
        "Replication is the mean |correlation| of matched axes between seeds on fresh images, and "
        "alone decides. A latent direction is live that has more than a thousandth of the largest "
        "variance and comes before the spectrum first falls to a tenth. InfoM and InfoE of all "
        "cells were found after the choice, which does not know them; regret is what the oracle’s "
        "choice, shown apart, would have gained."
    )
    columns = ["model", "dropped", "n_components", "solver", "replication", "chosen"]
    shown: Any = grids[[*columns, "infom", "infoe"]]
    return Section(
        "How components were chosen",
        text,
        tables=[frame_table(shown, "Grid"), frame_table(regrets, "The oracle’s choice apart")],
    )
