"""The ladder: held-out error by group of maps, beside chance and the tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nearid.plots.labels import group_label
from nearid.plots.theme import Theme, blank, head, new_figure, style_axes, theme_named

if TYPE_CHECKING:
    from nearid.identifiability.result import StatisticalIdentifiability

__all__ = ["ladder_figure"]

TITLES = {"native": "Own coordinates", "whitened": "Whitened, each run by itself"}


def ladder_figure(result: StatisticalIdentifiability, *, theme: str = "light") -> Figure:
    """Draw ε by rung with its 95 % interval, chance and the tolerance beside it.

    One panel per frame; errors of different frames are not comparable, so each has its own axis.

    Parameters
    ----------
    result : StatisticalIdentifiability
    theme : {"light", "dark"}

    Returns
    -------
    Figure

    Examples
    --------
    >>> import nearid, numpy as np
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> result = nearid.statistical_identifiability([z, -z], random_state=0)
    >>> [axes.get_title(loc="left") for axes in ladder_figure(result).axes]
    ['Own coordinates', 'Whitened, each run by itself']
    """
    colours = theme_named(theme)
    frames = list(dict.fromkeys(result.overall["frame"]))
    if not frames:
        return blank(colours, "No two runs could be compared, so there is no ladder.")
    rungs = max(int((result.overall["frame"] == frame).sum()) for frame in frames)
    figure = new_figure(colours, 9.2, 1.35 + 0.42 * rungs)
    panels = figure.subplots(1, len(frames), squeeze=False)[0]
    for axes, frame in zip(panels, frames, strict=True):
        verdict = result.verdict if frame == "native" else result.verdict_whitened
        rows = result.overall[result.overall["frame"] == frame].to_dict("records")
        _draw_frame(axes, frame, rows, verdict, _bounds(result), colours)
    handles = _legend_handles(_bounds(result), colours)
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize=8.5,
        columnspacing=1.6,
        handletextpad=0.6,
        labelcolor=colours.text,
    )
    return figure


def _bounds(result: StatisticalIdentifiability) -> tuple[float, float | None]:
    return float(result.settings["tolerance"]), result.settings["epsilon"]


def _draw_frame(
    axes: Axes,
    frame: str,
    rows: list[dict[Any, Any]],
    verdict: str | None,
    bounds: tuple[float, float | None],
    colours: Theme,
) -> None:
    tolerance, epsilon = bounds
    for y, row in enumerate(rows):
        limit = tolerance * row["null"] if epsilon is None else epsilon
        axes.barh(y, limit, height=0.62, color=colours.zone, zorder=1)
        axes.plot([0, row["null"]], [y, y], color=colours.grid, lw=1, zorder=1.5)
        axes.plot(row["null"], y, "|", color=colours.muted, ms=13, mew=1.8, zorder=2)
        within = row["group"] != "random" and row["worst_upper"] <= limit
        colour = colours.good if within else colours.accent
        axes.plot([row["ci_low"], row["ci_high"]], [y, y], color=colour, lw=2.6, zorder=3)
        axes.plot(row["worst_upper"], y, "D", mfc="none", mec=colour, ms=5, zorder=5, clip_on=False)
        axes.plot(row["mean"], y, "o", color=colour, ms=6.5, zorder=4, clip_on=False)
    labels = [group_label(frame, row["group"]) for row in rows]
    axes.set_yticks(range(len(rows)), labels)
    style_axes(axes, colours)
    axes.tick_params(axis="y", length=0, labelsize=9.5)
    for row, label in zip(rows, axes.get_yticklabels(), strict=True):
        label.set_fontweight("bold" if row["group"] == verdict else "normal")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.margins(x=0.04)
    head(axes, TITLES.get(frame, frame), colours)
    axes.set_xlabel("held-out error ε (share of the diameter)")


def _legend_handles(bounds: tuple[float, float | None], colours: Theme) -> list[Line2D | Patch]:
    tolerance, epsilon = bounds
    zone = f"{100 * tolerance:g} % of chance" if epsilon is None else f"ε ≤ {epsilon:g}"
    dot = {"marker": "o", "color": colours.accent, "ms": 6.5, "lw": 2.6}
    worst = {"marker": "D", "mfc": "none", "mec": colours.accent, "ms": 5, "ls": "none"}
    chance = {"marker": "|", "color": colours.muted, "ms": 11, "mew": 1.8, "ls": "none"}
    return [
        Line2D([], [], label="mean over pairs, 95 % CI", **dot),  # type: ignore[arg-type]
        Line2D([], [], label="worst pair, upper end of CI", **worst),  # type: ignore[arg-type]
        Line2D([], [], label="chance (shuffled rows)", **chance),  # type: ignore[arg-type]
        Patch(color=colours.zone, label=f"tolerance: {zone}"),
    ]
