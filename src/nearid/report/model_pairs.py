"""The page on pairs of models: efficiencies with every control, beside the published figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from nearid.plots.model_pairs import depth_figure, efficiencies_figure, models_by_depth
from nearid.report.explanations import Headline
from nearid.report.numerals import percent, score
from nearid.report.page import Page, Section
from nearid.report.pictures import picture
from nearid.report.tables import frame_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["model_pairs_page"]

CLAIM = (
    "Intermediate layers of masked auto-encoders, supervised networks and language models are near "
    "the same up to a rigid or linear map, and ICA of each run by itself removes a part of what is "
    "left of it. The number of components, the layer that stands for a model and what is removed "
    "were fixed beforehand."
)
HEADINGS = {
    "removed": "less means of",
    "n_components": "k",
    "efficiency_low": "from",
    "efficiency_high": "to",
    "replicating": "shared > .9",
    "canonical": "canonical",
    "canonical_above": "these > .9",
    "dependable": "within",
    "super_gaussian": "super-Gaussian",
    "efficiency_dependable": "along these",
    "white_permutation": "PCA axes",
    "white_random": "random axes",
    "white_ica": "ICA",
    "white_rigid": "rigid",
    "white_linear": "linear",
    "mean_native": "the mean",
    "mean_white": "the mean",
    "dependable_efficiency": "along dependable",
}
KEYS = ["model", "state", "removed"]
LAYERED = ["model", "layer", "state", "removed"]
CONTROLS = ["n_components", "efficiency", "efficiency_low", "efficiency_high", "replicating"]
CONTROLS += ["canonical", "canonical_above", "dependable", "efficiency_dependable"]
CONTROLS += ["super_gaussian", "unconverged"]
NATIVE = ["permutation", "rigid", "similarity", "linear", "mean_native"]
WHITE = ["white_random", "white_permutation", "white_ica", "white_rigid", "white_linear"]
WHITE += ["mean_white"]
SCORES = ["efficiency", "efficiency_low", "efficiency_high", "canonical", "efficiency_dependable"]
SCORES += ["ica", "raw", "untrained", "published", "dependable_efficiency", *NATIVE, *WHITE]


def model_pairs_page(
    rows: pd.DataFrame,
    pairs: pd.DataFrame,
    verdicts: pd.DataFrame,
    published: pd.DataFrame,
    *,
    kinds: Mapping[str, str],
    warnings: Sequence[str] = (),
    command: str = "",
    settings: Mapping[str, object] | None = None,
) -> Page:
    """Lay out the experiment as a page.

    Parameters
    ----------
    rows : DataFrame
        A row per kind, model, layer, state and removal.
    pairs : DataFrame
        A row per ordered pair of the same.
    verdicts : DataFrame
        A row per model that stands for a kind.
    published : DataFrame
        The published table.
    kinds : mapping of str to str
        What kinds are called.
    warnings : sequence of str
    command : str
    settings : mapping

    Returns
    -------
    Page
    """
    sections = [
        _findings(rows, verdicts, kinds),
        _controls(rows),
        _errors(rows, published),
        _depth(rows),
        _directions(pairs),
    ]
    return Page(
        "Reproduction: pairs of models",
        _headline(verdicts),
        [section for section in sections if section is not None],
        warnings=warnings,
        command=command,
        settings=settings or {},
        libraries=["torch", "transformers"],
        method="The pairs are of the kinds of its first table.",
    )


def _headline(verdicts: pd.DataFrame) -> Headline:
    judged = verdicts[verdicts["reached"] != "no bar"]
    met = judged[judged["reached"] == "yes"]
    text = f"{CLAIM} " + " ".join(
        f"{row['model']}: {percent(row['efficiency'])}"
        + (
            f" (untrained {percent(row['untrained'])})"
            if row["untrained"] == row["untrained"]
            else ""
        )
        + "."
        for row in verdicts.to_dict("records")
    )
    if judged.empty:
        return Headline("What ICA removes, by kind of pair", text, "unknown")
    if len(met) == len(judged):
        return Headline("Of tokens, ICA removes what was aimed at, after the controls", text, "yes")
    if len(met):
        return Headline("What was aimed at is reached for some of the tokens", text, "unknown")
    return Headline("Of tokens, ICA does not remove what was aimed at", text, "no")


def _findings(rows: pd.DataFrame, verdicts: pd.DataFrame, kinds: Mapping[str, str]) -> Section:
    shown = verdicts.rename(columns={"dependable": "dependable_efficiency"})
    columns = ["model", "published", "raw", "removed", "efficiency", "untrained"]
    table: Any = shown[[*columns, "dependable_efficiency", "bar", "reached"]]
    told = "; ".join(
        f"{row['model']} {score(row['efficiency'])}" for row in verdicts.to_dict("records")
    )
    text = "\n\n".join(
        f"{kinds[row['kind']]}. {row['text']}" for row in verdicts.to_dict("records")
    )
    return Section(
        "Efficiency of ICA, and what it is worth",
        text,
        [
            picture(
                partial(efficiencies_figure, rows, verdicts, kinds),
                f"Efficiency after removals: {told}.",
                caption="An efficiency that untrained networks have as well, or that is gone with "
                "the means of positions, is none of the training.",
            )
        ],
        [_table(table, "Beside the published efficiency, of another pair of the kind", 1)],
    )


def _controls(rows: pd.DataFrame) -> Section:
    text = (
        "Numbers of components of k: shared, if they correlate with their partner in another run "
        "by more than .9 on held-out rows; within, if fits of disjoint halves of a run’s own rows "
        "do, with the share of these that is super-Gaussian, and the efficiency along these alone. "
        "Canonical correlations, on held-out rows, are what a linear map can find at all. "
        "Untrained networks have the same architecture and seeds of their own."
    )
    table: Any = rows[[*LAYERED, *CONTROLS]]
    headlines: Any = rows.loc[rows["headline"], [*KEYS, *CONTROLS]]
    return Section(
        "Controls",
        text,
        tables=[
            _table(headlines, "The layers that were fixed beforehand", 3),
            _table(table, "Every layer, state and removal", 4),
        ],
    )


def _errors(rows: pd.DataFrame, published: pd.DataFrame) -> Section:
    text = (
        "Mean held-out errors over ordered pairs, as shares of the target’s diameter. To predict "
        "the mean is what a linear map can do after its rows were shuffled: a larger error says "
        "that what was matched is, on the whole, not the same. Whitened errors are of a space of "
        "its own, and efficiency is of these: it can be high where all of them are near chance."
    )
    kept = rows[rows["headline"]]
    native: Any = kept[[*KEYS, *NATIVE]]
    white: Any = kept[[*KEYS, *WHITE]]
    return Section(
        "Errors",
        text,
        tables=[
            _table(native, "Own coordinates", 3),
            _table(white, "Whitened coordinates", 3),
            _table(published, "Published, of other pairs of these kinds", 2),
        ],
    )


def _depth(rows: pd.DataFrame) -> Section | None:
    models = models_by_depth(rows)
    if not models:
        return None
    drawn = picture(
        partial(depth_figure, rows), f"Efficiencies layer by layer of {', '.join(models)}."
    )
    return Section("Along the depth", "", [drawn])


def _directions(pairs: pd.DataFrame) -> Section:
    kept = pairs[pairs["headline"]]
    columns = [
        *LAYERED,
        "target",
        "source",
        "efficiency",
        "ci_low",
        "ci_high",
        "permutation",
        "rigid",
    ]
    table: Any = kept[[*columns, "similarity", "linear"]]
    return Section("Both directions", "", tables=[_table(table, "Every ordered pair", 6)])


def _table(frame: pd.DataFrame, caption: str, n_headers: int) -> Any:
    formats = {name: score for name in frame.columns if name in SCORES}
    return frame_table(frame, caption, n_headers=n_headers, headings=HEADINGS, formats=formats)
