"""The page that says where along their depth two models are the same, and up to what."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nearid.plots.labels import FRAMES, group_label
from nearid.plots.layerwise import depth_figure, layer_pairs_figure
from nearid.report.explanations import Headline
from nearid.report.numerals import number, percent, score
from nearid.report.page import Page, Section
from nearid.report.pictures import Picture, picture
from nearid.report.tables import Table, frame_table

if TYPE_CHECKING:
    from nearid.identifiability.layerwise_result import Layerwise

__all__ = ["layerwise_page"]

METHOD = "Up to what two trainings agree is its Definition 1, here of intermediate layers."

HEADINGS = {
    "n_rows": "rows",
    "verdict": "the same up to",
    "verdict_whitened": "once whitened",
    "efficiency": "ICA efficiency",
    "interval": "95 % interval",
}


def layerwise_page(result: Layerwise, *, command: str = "") -> Page:
    """Lay out two models layer by layer as a page.

    Parameters
    ----------
    result : Layerwise
    command : str, default ""
        The command that made the result.

    Returns
    -------
    Page

    Examples
    --------
    >>> import nearid
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> found = nearid.layerwise({"h.0": z}, {"h.0": -z}, random_state=0)
    >>> layerwise_page(found).headline.title
    'Every layer is the same within the tolerance'
    """
    sections = [_depth(result)]
    if len(result.pairs):
        sections.append(_pairs(result))
    return Page(
        f"Layer by layer: {result.names[0]} beside {result.names[1]}",
        _headline(result),
        sections,
        warnings=result.warnings,
        command=command,
        settings={**result.settings, "groups": ", ".join(result.settings["groups"])},
        method=METHOD,
        names=result.names,
    )


def _headline(result: Layerwise) -> Headline:
    n, reached = len(result.layers), int(result.layers["verdict"].notna().sum())
    text = f"From the first layer to the last, the same up to — {result.meaning}."
    if reached == n:
        return Headline("Every layer is the same within the tolerance", text, "yes")
    if reached:
        title = f"{reached} of {n} layers are the same within the tolerance"
        return Headline(title, text, "unknown")
    return Headline("No layer is the same within the tolerance", text, "no")


def _depth(result: Layerwise) -> Section:
    epsilon = result.settings["epsilon"]
    bound = (
        f"{percent(result.settings['tolerance'])} of chance"
        if epsilon is None
        else f"ε of {number(epsilon)} diameters"
    )
    text = (
        f"Each map is fitted on one part of the rows and measured on the other, in both "
        f"directions. A layer is the same up to the smallest group whose error, with the worse "
        f"direction’s interval, is at most {bound}."
    )
    if result.settings["ica"]:
        text += (
            "\n\nICA efficiency is the part of what the best rotation removes that whitening and "
            "ICA of each model by itself remove as well: 1 as good, 0 no better than principal "
            "axes. It is not defined where principal axes agree already."
        )
    shown = picture(partial(depth_figure, result), _depth_alt(result))
    return Section("Along the depth", text, [shown], [_layers(result), _ladder(result)])


def _depth_alt(result: Layerwise) -> str:
    rigid = result.ladder[(result.ladder["frame"] == "native")]
    parts = []
    for group, rows in rigid.groupby("group", sort=False):
        low, high = percent(rows["relative"].min()), percent(rows["relative"].max())
        parts.append(f"{group_label('native', str(group))} {low} to {high}")
    return (
        f"Relative error by group of maps over {len(result.layers)} layers, least to largest: "
        f"{'; '.join(parts) or 'none'}. Verdicts: {result.meaning}."
    )


def _layers(result: Layerwise) -> Table:
    rows = result.layers.to_dict("records")
    frame = result.layers[["layer", "n_rows", "verdict", "verdict_whitened", "efficiency"]].assign(
        interval=[_interval(row) for row in rows]
    )
    frame.insert(2, "columns", [f"{row['columns_a']} and {row['columns_b']}" for row in rows])
    words = {"verdict": _words, "verdict_whitened": _words_whitened, "efficiency": score}
    caption = "Every layer that both models have"
    return frame_table(frame, caption, headings=HEADINGS, formats=words)


def _words(verdict: object) -> str:
    return "not identifiable" if verdict is None else group_label("native", str(verdict))


def _words_whitened(verdict: object) -> str:
    return "not identifiable" if verdict is None else group_label("whitened", str(verdict))


def _interval(row: dict[Any, Any]) -> str:
    known = np.isfinite(row["efficiency"])
    return f"{score(row['ci_low'])} to {score(row['ci_high'])}" if known else "–"


def _ladder(result: Layerwise) -> Table:
    kept = ["layer", "frame", "group", "mean", "ci_low", "ci_high", "null", "relative", "r2", "mcc"]
    frame = result.ladder[kept]
    frame = frame.assign(
        group=[group_label(*pair) for pair in zip(frame["frame"], frame["group"], strict=True)],
        frame=frame["frame"].replace(FRAMES),
    )
    headings = {"group": "up to", "mean": "ε", "null": "chance", "r2": "R²", "mcc": "MCC"}
    caption = "The ladder of every layer; errors as shares of the target’s diameter"
    return frame_table(
        frame, caption, n_headers=3, headings=headings, formats={"relative": percent}
    )


def _pairs(result: Layerwise) -> Section:
    text = (
        "The error that the best rotation leaves, as a share of what it leaves where rows do not "
        "correspond: 0 the same, 1 unrelated. It is a root mean square, from second moments, so "
        f"that it may differ a little from the ladder’s mean error. {result.namesakes}."
    )
    return Section("All pairs of layers", text, [_pairs_picture(result)])


def _pairs_picture(result: Layerwise) -> Picture:
    _, _, matrix = result.matrix()
    best = [
        f"{layer} of {result.names[0]} is closest to {other}"
        for layer, other in result.closest().items()
    ]
    known = matrix[np.isfinite(matrix)]
    spread = f"{percent(known.min())} to {percent(known.max())} of chance" if len(known) else "none"
    alt = f"Heat map of {matrix.size} pairs of layers, {spread}: {'; '.join(best)}."
    return picture(partial(layer_pairs_figure, result), alt)
