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
        How components and solver were chosen.
    titles : mapping of str to str
        What models are called.
    traversals : mapping of str to ndarray
        Images along the components of one auto-encoder, by version.
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
        _traversals(traversals),
        _choice(grids.replace(named)),
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
    others = {
        titles[model]: float(value)
        for (model, version), value in table.items()
        if version == "raw" and model not in ("ae", "pixels", "untrained")
    }
    parts = [f"The auto-encoder’s InfoM is {score(table['ae', 'raw'])} as it is, "]
    parts.append(f"{score(table['ae', 'pca'])} along principal axes and {score(own)} after ICA.")
    if ("ae", "attainable") in table:
        best = float(table["ae", "attainable"])
        parts.append(
            f" A rotation that sees labels reaches {score(best)}: ICA has {percent(own / best)}."
        )
    best_other = max(others.values(), default=float("nan"))
    text = f"{CLAIM} {''.join(parts)}"
    if own > max(best_other, float(table["ae", "pca"])):
        title = "ICA makes the plain auto-encoder the most modular of the models"
        return Headline(title, text, "yes")
    return Headline("ICA does not make the auto-encoder the most modular model here", text, "no")


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
            frame_table(scores, "Every run", n_headers=3),
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


def _choice(grids: pd.DataFrame) -> Section:
    text = (
        "Replication is the mean |correlation| of matched axes between seeds on fresh images. The "
        "number of components is at most that of the latent directions with more than a thousandth "
        "of the largest variance."
    )
    shown: Any = grids[["model", "n_components", "solver", "replication", "chosen"]]
    return Section("How components were chosen", text, tables=[frame_table(shown, "Grid")])
