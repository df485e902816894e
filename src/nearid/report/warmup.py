"""The warm-up of Theorem 1 as a page: what the theorem predicts, beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nearid.plots.warmup import plane_figure, predicted_figure, tightness_figure
from nearid.report.explanations import Headline
from nearid.report.numerals import number, percent, score
from nearid.report.page import Page, Section
from nearid.report.pictures import Picture, picture
from nearid.report.tables import Table, frame_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["warmup_page"]

METHOD = "The bound of errors by the decoders’ constants is its Theorem 1."

CLAIM = (
    "Theorem 1: where two trainings reconstruct alike, their representations agree up to a rigid "
    "map and an error of at most c_D·√(2L + L²) diameters, 1 + L being the decoders’ bi-Lipschitz "
    "constant. c_D is not known, so what is tested is the order: pairs with a larger predicted "
    "error must have a larger measured one."
)

PREDICTORS = {
    "predicted": "√(2L+L²), median over latents",
    "predicted_max": "√(2L+L²), maximum",
    "disagreement": "outputs’ disagreement",
}
CORRELATIONS = {"spearman": "rank correlation", "given_disagreement": "partial"}

MEASURES = ["predicted", "rigid", "similarity", "disagreement", "tightness"]
HEADINGS = {
    "alpha": "slope α",
    "predicted": "predicted √(2L+L²)",
    "predicted_max": "predicted, by the maximum",
    "rigid": "rigid error",
    "similarity": "similarity error",
    "disagreement": "outputs’ disagreement",
    "tightness": "bound / error",
    "premise": "‖X⁺‖e",
}


def warmup_page(
    pairs: pd.DataFrame,
    correlations: pd.DataFrame,
    *,
    premise: float,
    warnings: Sequence[str] = (),
    command: str = "",
    settings: Mapping[str, object] | None = None,
) -> Page:
    """Lay out the warm-up: a headline, and a section for each data set.

    Parameters
    ----------
    pairs : DataFrame
        A row per ordered pair, with the columns ``data``, ``seed``, ``L_sim`` and those of
        ``nearid.experiments.Warmup.pairs``.
    correlations : DataFrame
        Rank correlations, with the columns ``data``, ``seed``, ``predictor``, ``error``,
        ``spearman``, ``spearman_low`` and ``spearman_high``.
    premise : float
        Share of the outputs' variance by which runs may disagree.
    warnings : sequence of str, default ()
    command : str, default ""
    settings : mapping of str to object, optional

    Returns
    -------
    Page
    """
    sections = [
        _section(
            name, pairs[pairs["data"] == name], correlations[correlations["data"] == name], premise
        )
        for name in dict.fromkeys(pairs["data"])
    ]
    return Page(
        "Reproduction: the warm-up of Theorem 1",
        _headline(pairs, correlations, premise),
        sections,
        warnings=warnings,
        command=command,
        settings=settings or {},
        libraries=["torch"],
        method=METHOD,
    )


def _headline(pairs: pd.DataFrame, correlations: pd.DataFrame, premise: float) -> Headline:
    """Count the ensembles that can test the theorem, and those of them that bear it out."""
    asked = correlations.query("predictor == 'predicted' and error == 'rigid'")
    low = asked.set_index(["data", "seed"])["spearman_low"]
    worst = pairs.groupby(["data", "seed"])["disagreement"].max()
    tests = low[worst.reindex(low.index) <= premise]
    borne_out = int((tests > 0).sum())
    text = (
        f"{CLAIM} In {len(tests)} of {len(low)} ensembles all outputs agree to within "
        f"{percent(premise)} of their variance, which the theorem presupposes"
    )
    if len(tests) == len(low):
        text += "."
    else:
        text += "; in the others it says nothing of some pairs, and no correlation tests it."
    if tests.empty:
        return Headline("No ensemble meets the premise, so nothing was tested", text, "unknown")
    text += (
        f" The rank correlation of prediction and rigid error has an interval above 0 in "
        f"{borne_out} of those {len(tests)}."
    )
    if borne_out == len(tests):
        title = "Where outputs agree, the decoder’s constant ranks the errors between trainings"
        return Headline(title, text, "yes")
    title = "The decoder’s constant does not rank the errors of every ensemble"
    return Headline(title, text, "unknown" if borne_out else "no")


def _section(name: str, pairs: pd.DataFrame, correlations: pd.DataFrame, premise: float) -> Section:
    tables = [_correlation_table(correlations), _medians(pairs), _pairs(pairs)]
    asked = correlations[correlations["predictor"] == "predicted"]
    notes = {
        str(error): f"rank correlation {_ranks(rows)}" for error, rows in asked.groupby("error")
    }
    words = _words(pairs, correlations, premise)
    return Section(name, words, _pictures(pairs, premise, notes), tables)


def _words(pairs: pd.DataFrame, correlations: pd.DataFrame, premise: float) -> str:
    asked = correlations[correlations["error"] == "rigid"].set_index("predictor")
    parts = [
        f"Over all pairs, the rank correlation with the rigid error is "
        f"{_ranks(asked.loc[['predicted']])} for the prediction, and "
        f"{_ranks(asked.loc[['disagreement']])} for the outputs’ disagreement."
    ]
    silent = pairs[pairs["disagreement"] > premise]
    if silent.empty:
        parts.append(
            f"The premise holds: no pair’s outputs disagree by more than {percent(premise)} of "
            f"their variance (at most {percent(pairs['disagreement'].max())})."
        )
    else:
        slopes = ", ".join(f"{alpha:g}" for alpha in sorted(set(silent["alpha"])))
        parts.append(
            f"The premise fails for {len(silent)} of {len(pairs)} pairs, at the slopes {slopes}: "
            f"their outputs disagree by more than {percent(premise)} of the variance, so the two "
            f"decoders do not describe the same data, and the theorem says nothing of them."
        )
    return "\n\n".join(parts)


def _ranks(rows: pd.DataFrame) -> str:
    """Write the rank correlation of one seed with its interval, of several as their range."""
    found = rows["spearman"]
    if len(rows) > 1:
        return f"{score(found.min())} to {score(found.max())} over {len(rows)} seeds"
    return _interval(rows.to_dict("records")[0], "spearman")


def _interval(row: Mapping[Any, Any], name: str) -> str:
    if not np.isfinite(row[name]):
        return score(row[name])
    low, high = score(row[f"{name}_low"]), score(row[f"{name}_high"])
    return f"{score(row[name])} (95 % CI {low} to {high})"


def _pictures(pairs: pd.DataFrame, premise: float, notes: Mapping[str, str]) -> list[Picture]:
    share = float((pairs["disagreement"] <= premise).mean())
    bounded = pairs["tightness"][np.isfinite(pairs["tightness"])]
    spread = f"rigid error {number(pairs['rigid'].min())} to {number(pairs['rigid'].max())}"
    typical = number(bounded.median()) if len(bounded) else "no"
    return [
        picture(
            partial(plane_figure, pairs, premise=premise),
            f"{len(pairs)} pairs by L_sim, {number(pairs['L_sim'].min())} to "
            f"{number(pairs['L_sim'].max())}, and disagreement of the outputs; {spread}. "
            f"{percent(share)} lie below the line of {percent(premise)}.",
            caption="If the theorem is what governs the errors, colour follows the horizontal axis "
            "below the line. If it follows the vertical one, the outputs’ disagreement does.",
        ),
        picture(
            partial(predicted_figure, pairs, premise=premise, notes=notes),
            f"Measured over predicted error of {len(pairs)} pairs; prediction "
            f"{number(pairs['predicted'].min())} to {number(pairs['predicted'].max())}, {spread}; "
            f"rigid: {notes['rigid']}.",
            caption="Points that rise to the right support the theorem; crosses do not count.",
        ),
        picture(
            partial(tightness_figure, pairs),
            f"The explicit bound exists for {len(bounded)} of {len(pairs)} pairs, and is a median "
            f"{typical} times the error.",
            caption="The bound of Procrustes errors by inner products (Arias-Castro, Javanmard & "
            "Pelletier, 2020) holds without a constant that is unknown, where ‖X⁺‖e ≤ 1/√2. 1 is "
            "tight.",
        ),
    ]


def _correlation_table(correlations: pd.DataFrame) -> Table:
    frame = correlations[["seed", "predictor", "error"]].assign(
        predictor=correlations["predictor"].replace(PREDICTORS),
        **{
            heading: [_interval(row, name) for row in correlations.to_dict("records")]
            for name, heading in CORRELATIONS.items()
        },
    )
    caption = (
        "Spearman’s rank correlation over ordered pairs, with 95 % intervals over runs; partial: "
        "with the outputs’ disagreement held fixed"
    )
    return frame_table(frame, caption, n_headers=3)


def _medians(pairs: pd.DataFrame) -> Table:
    frame = pairs.groupby("alpha")[MEASURES].median().reset_index()
    formats = {"alpha": "{:g}".format, "disagreement": percent}
    caption = "Medians over the pairs of each slope"
    return frame_table(frame, caption, headings=HEADINGS, formats=formats)


def _pairs(pairs: pd.DataFrame) -> Table:
    frame = pairs.drop(columns="data")
    formats = {"alpha": "{:g}".format, "disagreement": percent}
    caption = "Every ordered pair; errors and bounds as shares of the target’s diameter"
    return frame_table(frame, caption, n_headers=4, headings=HEADINGS, formats=formats)
