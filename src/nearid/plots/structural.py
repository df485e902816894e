"""A representation beside its factors: scores of every version, and which component is what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nearid.plots.theme import Theme, head, new_figure, plain_text, style_axes, theme_named

if TYPE_CHECKING:
    from nearid.identifiability.structural_result import StructuralIdentifiability

__all__ = ["VERSIONS", "matches_figure", "scores_figure", "version_style"]

#: What the versions of the codes are called, and the marks that tell them apart.
VERSIONS = {
    "raw": ("as they are", "s"),
    "random": ("whitened, rotated at random", "x"),
    "pca": ("whitened principal axes", "D"),
    "ica": ("whitened, ICA", "o"),
}
TITLES = {"signed_permutation": "Principal axes", "ica": "After ICA"}


def scores_figure(result: StructuralIdentifiability, *, theme: str = "light") -> Figure:
    """Draw every metric of every version of the codes, with intervals and chance.

    Parameters
    ----------
    result : StructuralIdentifiability
    theme : {"light", "dark"}

    Returns
    -------
    Figure
    """
    colours = theme_named(theme)
    rows = list(dict.fromkeys(zip(result.scores["metric"], result.scores["part"], strict=True)))
    figure = new_figure(colours, 8.6, 1.3 + 0.42 * len(rows))
    axes = figure.subplots()
    for y, (metric, part) in enumerate(rows):
        chosen = (result.scores["metric"] == metric) & (result.scores["part"] == part)
        for record in result.scores[chosen].to_dict("records"):
            _draw(axes, y, record, colours)
    labels = [metric if part == "value" else f"{metric}: {part}" for metric, part in rows]
    axes.set_yticks(range(len(rows)), labels)
    style_axes(axes, colours)
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x", color=colours.grid, lw=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("score on held-out rows (bars: 95 % interval; ticks: chance, shuffled rows)")
    handles = [
        Line2D([], [], ls="none", label=label, **version_style(version, colours))
        for version, (label, _) in VERSIONS.items()
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize=8.5,
        labelcolor=colours.text,
    )
    return figure


def _draw(axes: Axes, y: float, record: dict[Any, Any], colours: Theme) -> None:
    place = y + 0.16 * (list(VERSIONS).index(record["version"]) - 1.5)
    style = version_style(record["version"], colours)
    axes.plot([record["ci_low"], record["ci_high"]], [place] * 2, color=style["color"], lw=1.4)
    axes.plot(record["value"], place, ls="none", **style)
    if record["chance"] is not None:
        axes.plot(record["chance"], place, "|", color=colours.muted, ms=7)


def version_style(version: str, colours: Theme, *, size: float = 5.5) -> dict[str, Any]:
    """Return the mark and the colour by which a version is known in every figure."""
    hue = {"ica": colours.good, "pca": colours.accent, "raw": colours.muted, "random": colours.warn}
    return {"marker": VERSIONS[version][1], "color": hue[version], "ms": size}


def matches_figure(result: StructuralIdentifiability, *, theme: str = "light") -> Figure:
    """Draw |correlation| of every coordinate of the factors with every component, held out.

    Matched components come first, in the order of the factors, so that a representation that is
    right up to order and signs shows a diagonal.

    Parameters
    ----------
    result : StructuralIdentifiability
    theme : {"light", "dark"}

    Returns
    -------
    Figure
    """
    colours = theme_named(theme)
    wanted = [group for group in TITLES if group in result.matches]
    height = len(result.matches[wanted[0]][0])
    figure = new_figure(colours, 9.2, 1.5 + 0.3 * height)
    panels = figure.subplots(1, len(wanted), squeeze=False, sharey=True)[0]
    for axes, group in zip(panels, wanted, strict=True):
        columns, match = result.matches[group]
        matched = [p for p in match.partner if p >= 0]
        rest = [c for c in range(match.matrix.shape[1]) if c not in matched]
        order = [*matched, *rest]
        image = axes.imshow(
            match.matrix[:, order], vmin=0, vmax=1, cmap=colours.colormap, aspect="auto"
        )
        style_axes(axes, colours, frame=True)
        axes.set_yticks(range(len(columns)), list(columns))
        plain_text(*axes.get_yticklabels())
        axes.set_xticks(range(len(order)), [str(c) for c in order])
        axes.set_xlabel("component")
        found = match.correlation[match.partner >= 0]
        mean = float(np.mean(found)) if len(found) else float("nan")
        head(axes, f"{TITLES[group]}: mean |r| of the matched {mean:.2f}", colours)
    bar = figure.colorbar(image, ax=list(panels), shrink=0.8, pad=0.01)
    bar.set_label("|correlation|, held out", color=colours.text, size=9)
    bar.ax.tick_params(colors=colours.muted, labelcolor=colours.text, labelsize=8)
    bar.outline.set_edgecolor(colours.grid)
    return figure
