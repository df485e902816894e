"""Biology apart from batch: held-out scores, what they cost, and what each component is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nearid.plots.theme import new_figure, plain_text, style_axes, theme_named

if TYPE_CHECKING:
    from nearid.deconfounding import Attribution, Deconfounding

__all__ = ["attribution_figure", "scores_figure", "tradeoff_figure"]

#: Components that a figure of all of them shows at most, those of the largest shares first.
MOST_SHOWN = 40


def scores_figure(result: Deconfounding, *, theme: str = "light") -> Figure:
    """Draw the AUROC of every method and classifier: each held-out batch, the mean, its interval.

    Parameters
    ----------
    result : Deconfounding
    theme : {"light", "dark"}

    Returns
    -------
    Figure
    """
    from nearid.deconfounding import CLASSIFIERS, METHODS

    colours = theme_named(theme)
    frame, summary = result.to_frame(), result.summary()
    methods, classifiers = result.methods, result.classifiers
    figure = new_figure(colours, 9.2, 1.3 + 0.34 * len(methods) * ((len(classifiers) + 2) // 3))
    n_columns = min(3, len(classifiers))
    n_rows = -(-len(classifiers) // n_columns)
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
    for axes in panels.flat[len(classifiers) :]:
        axes.set_visible(False)
    for axes, classifier in zip(panels.flat, classifiers, strict=False):
        axes.axvline(0.5, color=colours.muted, lw=0.8, ls=":")
        for y, method in enumerate(methods):
            chosen = (frame["method"] == method) & (frame["classifier"] == classifier)
            found = frame.loc[chosen, "auroc"].to_numpy()
            axes.plot(found, np.full(len(found), y), "o", color=colours.muted, ms=3, alpha=0.5)
            told = (summary["method"] == method) & (summary["classifier"] == classifier)
            row = summary[told].iloc[0]
            hue = colours.good if method == "pca_ica" else colours.accent
            axes.plot([row["auroc_low"], row["auroc_high"]], [y, y], color=hue, lw=1.6)
            axes.plot(
                row["auroc"], y, "D" if METHODS[method].transductive else "s", color=hue, ms=5
            )
        style_axes(axes, colours)
        axes.set_title(CLASSIFIERS[classifier].title, fontsize=9, color=colours.text, loc="left")
        axes.set_yticks(range(len(methods)), [METHODS[name].title for name in methods])
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0, labelsize=8)
    figure.supxlabel("AUROC on the held-out batch", fontsize=9, color=colours.text)
    return figure


def tradeoff_figure(result: Deconfounding, *, theme: str = "light") -> Figure:
    """Draw what is left of the batch against what is kept of the label, a point per method.

    Parameters
    ----------
    result : Deconfounding
    theme : {"light", "dark"}

    Returns
    -------
    Figure
    """
    from nearid.deconfounding import METHODS

    colours = theme_named(theme)
    table = result.batch_scores()
    figure = new_figure(colours, 9.2, 3.6)
    panels = figure.subplots(1, 2, sharey=True)
    chance = {"batch_accuracy": table["chance_batch_accuracy"].mean(), "new_batch_auroc": 0.5}
    titles = {
        "batch_accuracy": "telling the training batches apart (accuracy)",
        "new_batch_auroc": "telling the new batch from them (AUROC)",
    }
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        axes.axvline(chance[name], color=colours.muted, lw=0.8, ls=":")
        # rotations of each other stand at one place, and share a label
        places = table.assign(x=table[name].round(3), y=table["auroc"].round(3))
        for (x, y), here in places.groupby(["x", "y"], sort=False):
            methods = list(here["method"])
            hue = colours.good if "pca_ica" in methods else colours.accent
            mark = "D" if METHODS[methods[0]].transductive else "o"
            axes.plot(x, y, mark, color=hue, ms=6)
            axes.annotate(
                ", ".join(methods), (x, y), xytext=(5, 4), textcoords="offset points",
                fontsize=7.5, color=colours.text,
            )  # fmt: skip
        style_axes(axes, colours)
        axes.set_xlabel(title)
        axes.margins(x=0.2, y=0.15)
    panels[0].set_ylabel("AUROC of the label, held out")
    return figure


def attribution_figure(attribution: Attribution, *, theme: str = "light") -> Figure:
    """Draw which share of each component's variance batch, label and covariates explain.

    Parameters
    ----------
    attribution : Attribution
    theme : {"light", "dark"}

    Returns
    -------
    Figure
    """
    colours = theme_named(theme)
    names = [attribution.batch, attribution.label, *attribution.covariates]
    table = attribution.to_frame()
    order = table[names].max(axis=1).sort_values(ascending=False).index[:MOST_SHOWN]
    shown = table.loc[sorted(order)].reset_index(drop=True)
    figure = new_figure(colours, 9.2, 3.2)
    axes = figure.subplots()
    marks = ["s", "o", "D", "^", "v", "x", "+", "*"]
    hues = [colours.warn, colours.good, colours.accent, colours.muted]
    handles = []
    for i, name in enumerate(names):
        style: dict[str, Any] = {
            "marker": marks[i % len(marks)],
            "color": hues[min(i, len(hues) - 1)],
        }
        axes.vlines(shown.index + 0.12 * i, 0, shown[name], color=style["color"], lw=1.2)
        axes.plot(shown.index + 0.12 * i, shown[name], ls="none", ms=4.5, **style)
        handles.append(Line2D([], [], ls="none", label=name, **style))
    axes.axhline(0, color=colours.muted, lw=0.8)
    style_axes(axes, colours)
    axes.set_xticks(shown.index, shown["component"], rotation=90)
    axes.tick_params(axis="x", labelsize=7.5)
    axes.set_ylabel("share of variance,\nrows left out")
    legend = figure.legend(
        handles=handles, loc="outside upper center", ncols=4, frameon=False, fontsize=8.5,
        labelcolor=colours.text,
    )  # fmt: skip
    plain_text(*legend.get_texts())
    return figure
