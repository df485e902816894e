"""Efficiencies of pairs of models beside their controls, by model and along the depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nearid.plots.labels import shortened
from nearid.plots.theme import Theme, head, new_figure, plain_text, style_axes, theme_named

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["depth_figure", "efficiencies_figure"]

#: What is drawn: the state of the runs, whether their controls' means are gone, how it is called.
SERIES = {
    ("trained", True): "trained, means removed",
    ("trained", False): "trained, as they are",
    ("untrained", True): "untrained, means removed",
    ("untrained", False): "untrained, as they are",
}
#: Where efficiencies that are drawn end; what lies beyond is at the edge.
LIMITS = (-0.35, 1.0)


def efficiencies_figure(
    rows: pd.DataFrame,
    verdicts: pd.DataFrame,
    kinds: Mapping[str, str],
    *,
    theme: str = "light",
) -> Figure:
    """Draw the efficiency of every representative layer, its controls, and what was published.

    Parameters
    ----------
    rows : DataFrame
        Of the experiment; those of headlines are drawn.
    verdicts : DataFrame
        A row per model.
    kinds : mapping of str to str
        What kinds are called.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
    """
    colours = theme_named(theme)
    figure = new_figure(colours, 8.8, 1.5 + 0.62 * len(verdicts))
    axes = figure.subplots()
    for y, about in enumerate(verdicts.to_dict("records")):
        part = rows[rows["headline"] & (rows["model"] == about["model"])]
        for offset, (key, style) in zip(
            (-0.15, -0.05, 0.1, 0.2), _styles(colours).items(), strict=True
        ):
            chosen = _chosen(part, *key, removed=about["removed"])
            for row in chosen.to_dict("records"):
                low, high = row["efficiency_low"], row["efficiency_high"]
                axes.plot(np.clip([low, high], *LIMITS), [y + offset] * 2, color=style["color"])
                axes.plot(np.clip(row["efficiency"], *LIMITS), y + offset, ls="none", **style)
        axes.plot(about["dependable"], y - 0.27, "D", ms=5, mfc="none", color=colours.good)
        axes.plot([about["published"]] * 2, [y - 0.33, y + 0.33], color=colours.warn, lw=1.6)
    names = [
        f"{kinds[about['kind']]}\n{shortened(about['model'], 30)}"
        for about in verdicts.to_dict("records")
    ]
    style_axes(axes, colours)
    axes.set_yticks(range(len(names)), names)
    plain_text(*axes.get_yticklabels())
    axes.tick_params(axis="y", length=0, labelsize=8.5)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.set_xlim(LIMITS[0] - 0.03, LIMITS[1] + 0.03)
    axes.set_xlabel("ICA efficiency (bars: 95 % interval); 0: PCA axes, 1: the supervised rotation")
    _finish(axes, colours)
    extra = [
        Line2D([], [], ls="none", marker="D", mfc="none", color=colours.good,
               label="along components each run finds again"),
        Line2D([], [], color=colours.warn, label="published, for another pair of the kind"),
    ]  # fmt: skip
    _legend(figure, colours, extra)
    return figure


def depth_figure(rows: pd.DataFrame, *, theme: str = "light") -> Figure:
    """Draw efficiencies layer by layer, of each model of which several layers were compared.

    Parameters
    ----------
    rows : DataFrame
        Of the experiment.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
    """
    colours = theme_named(theme)
    models = models_by_depth(rows)
    figure = new_figure(colours, max(6.4, 0.6 + 2.9 * len(models)), 3.6)  # the legend needs 6.4
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    for axes, model in zip(panels, models, strict=True):
        part = rows[(rows["model"] == model) & _has_depth(rows)]
        removed = next((name for name in part["removed"].unique() if name != "nothing"), "nothing")
        layers = list(dict.fromkeys(part["layer"]))
        for key, style in _styles(colours).items():
            chosen = _chosen(part, *key, removed=removed).set_index("layer").reindex(layers)
            axes.plot(range(len(layers)), chosen["efficiency"].clip(*LIMITS), lw=1.2, **style)
        style_axes(axes, colours)
        axes.set_xticks(range(len(layers)), [str(number + 1) for number in range(len(layers))])
        axes.set_xlabel(f"layer ({layers[0]} to {layers[-1]})")
        axes.set_ylim(LIMITS[0] - 0.05, LIMITS[1] + 0.05)
        axes.axhline(0, color=colours.muted, lw=0.6)
        axes.grid(axis="y", color=colours.grid, lw=0.6)
        axes.set_axisbelow(True)
        head(axes, f"{shortened(model, 24)}\nmeans of {removed}", colours)
    panels[0].set_ylabel("ICA efficiency")
    panels[0].yaxis.label.set_color(colours.text)
    _legend(figure, colours, [])
    return figure


def models_by_depth(rows: pd.DataFrame) -> list[str]:
    """Return the models of which several layers were compared."""
    layers = rows[_has_depth(rows)].groupby("model", sort=False)["layer"].nunique()
    return [str(model) for model, n in layers.items() if n > 1]


def _has_depth(rows: pd.DataFrame) -> Any:
    """Tell which rows are of a layer: its name ends in its number."""
    return rows["layer"].str.contains(r"\.\d+$")


def _chosen(part: pd.DataFrame, state: str, gone: bool, *, removed: str) -> pd.DataFrame:
    if gone and removed == "nothing":
        return part.iloc[:0]
    return part[(part["state"] == state) & (part["removed"] == (removed if gone else "nothing"))]


def _styles(colours: Theme) -> dict[tuple[str, bool], dict[str, Any]]:
    ink = {"trained": colours.accent, "untrained": colours.muted}
    mark = {"trained": "o", "untrained": "s"}
    return {
        (state, gone): {
            "color": ink[state],
            "marker": mark[state],
            "ms": 6,
            "mfc": ink[state] if gone else colours.background,
        }
        for state, gone in SERIES
    }


def _finish(axes: Axes, colours: Theme) -> None:
    axes.axvline(0, color=colours.muted, lw=0.6)
    axes.grid(axis="x", color=colours.grid, lw=0.6)
    axes.set_axisbelow(True)


def _legend(figure: Figure, colours: Theme, extra: list[Line2D]) -> None:
    handles = [
        Line2D([], [], ls="none", label=SERIES[key], **style)
        for key, style in _styles(colours).items()
    ]
    figure.legend(
        handles=[*handles, *extra],
        loc="outside lower center",
        ncols=3 if extra else 4,
        frameon=False,
        fontsize=8.5,
        labelcolor=colours.text,
    )
