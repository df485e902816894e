"""The page that says whether a representation is right."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nearid.plots.labels import FRAMES, capital, group_label
from nearid.plots.structural import VERSIONS, matches_figure, scores_figure
from nearid.report.explanations import Headline
from nearid.report.numerals import percent, score
from nearid.report.page import Page, Section
from nearid.report.pictures import picture
from nearid.report.tables import frame_table

if TYPE_CHECKING:
    from nearid.identifiability.structural_result import StructuralIdentifiability

__all__ = ["structural_page"]

#: What is shown of each rung of the ladder, and what it is called.
RUNGS = {
    "frame": "frame",
    "group": "up to",
    "mean": "ε",
    "ci_low": "from",
    "ci_high": "to",
    "null": "chance",
    "relative": "relative",
    "r2": "R²",
    "mcc": "MCC",
}


def structural_page(result: StructuralIdentifiability, *, command: str = "") -> Page:
    """Lay out a structural result as a page.

    Parameters
    ----------
    result : StructuralIdentifiability
    command : str
        The command that made it.

    Returns
    -------
    Page
    """
    return Page(
        title="Is the representation right?",
        headline=_headline(result),
        sections=[_matches(result), _scores(result), _ladder(result)],
        warnings=result.warnings,
        command=command or "nearid.structural_identifiability(…)",
        from_python=not command,
        settings=result.settings,
        method="Structural ε-near-identifiability is its Definition 2.",
    )


def _headline(result: StructuralIdentifiability) -> Headline:
    if result.verdict is not None:
        title = "The representation holds the true factors"
        text = f"Verdict: {result.verdict.replace('_', ' ')}. {capital(result.meaning)}."
        return Headline(title, text + _after_ica(result), "yes")
    text = f"{capital(result.meaning)}.{_after_ica(result)}"
    return Headline("The representation is not the true factors", text, "no")


def _after_ica(result: StructuralIdentifiability) -> str:
    if result.verdict_whitened == "ica":
        return " Whitened and rotated by ICA, which saw no factor, its components are the factors."
    if not np.isfinite(result.ica_efficiency):
        return (
            " ICA efficiency is undefined: the best rotation comes no closer than principal axes."
        )
    low, high = result.ica_efficiency_ci
    interval = f"{percent(result.ica_efficiency)} (95 % interval {percent(low)} to {percent(high)})"
    if result.ica_efficiency <= 0:
        return (
            f" ICA efficiency is {interval}: ICA brings the representation no closer to the "
            f"factors than principal axes do."
        )
    return (
        f" ICA removes {interval} of what the best rotation, which sees the factors, removes "
        f"beyond principal axes."
    )


def _matches(result: StructuralIdentifiability) -> Section:
    columns, match = result.matches["ica"]
    best = ", ".join(
        f"{name} {score(value)}" for name, value in zip(columns, match.correlation, strict=True)
    )
    alt = f"Held-out absolute correlation of each factor with its matched ICA component: {best}."
    text = (
        f"{result.n_components} components were kept without looking at the factors. Each "
        f"coordinate of the factors is matched to one component; rows that light up in several "
        f"places are spread over several components."
    )
    return Section(
        "Which component is which factor", text, [picture(partial(matches_figure, result), alt)]
    )


def _scores(result: StructuralIdentifiability) -> Section:
    if result.scores.empty:
        return Section("Scores", "No metric was asked for.")
    table = result.table().reset_index().rename(columns={k: v[0] for k, v in VERSIONS.items()})
    ica = result.scores[(result.scores["version"] == "ica") & (result.scores["part"] == "value")]
    alt = "Scores after ICA: " + ", ".join(
        f"{row['metric']} {score(row['value'])}" for row in ica.to_dict("records")
    )
    text = (
        "All versions are scored on the same held-out rows. Several metrics do not start at 0: "
        "read each beside its chance level, which is the score of shuffled rows, and beside the "
        "random rotation, which shows what whitening alone brings."
    )
    return Section(
        "Scores",
        text,
        [picture(partial(scores_figure, result), alt + ".")],
        [
            frame_table(table, "Values", n_headers=2),
            frame_table(result.scores, "All numbers", n_headers=3),
        ],
    )


def _ladder(result: StructuralIdentifiability) -> Section:
    rungs = result.ladder[list(RUNGS)]
    labels = [group_label(*rung) for rung in zip(rungs["frame"], rungs["group"], strict=True)]
    rungs = rungs.assign(frame=rungs["frame"].map(FRAMES), group=labels)
    text = (
        "Each map is fitted on one part of the rows and measured on the other, in units of the "
        "factors' diameter; relative is the share of chance."
    )
    formats = {"relative": percent, "r2": score, "mcc": score}
    table = frame_table(rungs, "Ladder", n_headers=2, headings=RUNGS, formats=formats)
    return Section("How far from the factors, up to what", text, tables=[table])
