"""Two models along their depth: the ladder at each layer, and all pairs of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nearid.plots.labels import group_label, shortened
from nearid.plots.theme import Theme, blank, head, new_figure, plain_text, style_axes, theme_named

if TYPE_CHECKING:
    import pandas as pd

    from nearid.identifiability.layerwise_result import Layerwise

__all__ = ["depth_figure", "layer_pairs_figure"]

#: The mark of each group, and which of a theme's colours it has.
MARKS = {
    "identity": ("o", "muted", ":"),
    "signed_permutation": ("s", "warn", "-."),
    "rigid": ("D", "accent", "-"),
    "similarity": ("^", "text", "--"),
    "linear": ("v", "good", "-"),
}
#: Up to so many layers there is room for numbers in the cells, and for every name.
ANNOTATED, NAMED = 13, 26
#: Inches that a layer's name needs, at least.
STEP = 0.34


def depth_figure(result: Layerwise, *, theme: str = "light") -> Figure:
    """Draw the relative error of every group along the depth, and ICA efficiency below it.

    Filled marks are within the tolerance with the worst pair's interval; so the lowest group with
    a filled mark is the verdict of a layer.

    Parameters
    ----------
    result : Layerwise
    theme : {"light", "dark"}

    Returns
    -------
    Figure

    Examples
    --------
    >>> import nearid
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> found = nearid.layerwise({"h.0": z, "h.1": z}, {"h.0": -z, "h.1": z}, random_state=0)
    >>> [axes.get_ylabel() for axes in depth_figure(found).axes]
    ['relative error (ε / chance)', 'ICA efficiency']
    """
    colours = theme_named(theme)
    native = result.ladder[result.ladder["frame"] == "native"]
    if native.empty:
        return blank(colours, "No layer could be compared, so there is no ladder.")
    n = len(result.layers)
    efficient = bool(result.settings["ica"])
    figure = new_figure(colours, float(np.clip(2.6 + STEP * n, 7.2, 13)), 5.6 if efficient else 4.2)
    panels = figure.subplots(
        1 + efficient, 1, sharex=True, squeeze=False, height_ratios=[2.2, 1][: 1 + efficient]
    )[:, 0]
    _draw_ladder(panels[0], native, result, colours)
    if efficient:
        _draw_efficiency(panels[1], result, colours)
    names, pattern = told_apart(list(result.layers["layer"]))
    _name_layers(panels[-1], names)
    panels[-1].set_xlabel(shortened(f"layer {pattern}".strip(), 60))
    plain_text(panels[-1].xaxis.label)
    panels[-1].set_xlim(-0.5, n - 0.5)
    return figure


def _draw_ladder(axes: Axes, native: pd.DataFrame, result: Layerwise, colours: Theme) -> None:
    style_axes(axes, colours)
    tolerance, epsilon = result.settings["tolerance"], result.settings["epsilon"]
    groups = list(dict.fromkeys(native["group"]))
    for i, group in enumerate(groups):
        rows = native[native["group"] == group]
        mark, ink, line = MARKS[group]
        colour = getattr(colours, ink)
        # set side by side, so that intervals do not cover each other
        x = rows["depth"].to_numpy(float) + 0.09 * (i - (len(groups) - 1) / 2)
        within = (
            rows["worst_relative_upper"] <= tolerance
            if epsilon is None
            else rows["worst_upper"] <= epsilon
        ).to_numpy(bool)
        axes.plot(x, rows["relative"], line, color=colour, lw=1.1, alpha=0.75, zorder=2)
        axes.vlines(x, rows["relative_low"], rows["relative_high"], color=colour, lw=2, zorder=3)
        filled = [colour if inside else colours.background for inside in within]
        axes.scatter(x, rows["relative"], marker=mark, c=filled, edgecolors=colour, s=34, zorder=4)
        axes.plot([], [], mark + line, color=colour, ms=5.5, label=group_label("native", group))
    if epsilon is None:
        axes.axhspan(0, tolerance, color=colours.zone, zorder=1, lw=0)
    axes.axhline(1, color=colours.muted, lw=1, zorder=1)
    axes.annotate(
        "chance",
        (1, 1),
        xycoords=axes.get_yaxis_transform(),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        color=colours.muted,
        size=8.5,
    )
    axes.set_ylim(0, max(1.12, 1.08 * float(native["relative_high"].fillna(1).max())))
    axes.set_ylabel("relative error (ε / chance)")
    axes.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=len(groups),
        frameon=False,
        fontsize=8.5,
        labelcolor=colours.text,
        columnspacing=1.4,
        handletextpad=0.5,
    )
    head(
        axes, "The same up to what, layer by layer (filled: within the tolerance)", colours, pad=26
    )


def _draw_efficiency(axes: Axes, result: Layerwise, colours: Theme) -> None:
    style_axes(axes, colours)
    rows = result.layers
    known = rows["efficiency"].notna().to_numpy(bool)
    x = rows["depth"].to_numpy(float)
    axes.axhline(0, color=colours.muted, lw=1, zorder=1)
    axes.axhline(1, color=colours.grid, lw=1, zorder=1)
    axes.vlines(x, rows["ci_low"], rows["ci_high"], color=colours.accent, lw=2, zorder=3)
    axes.plot(x, rows["efficiency"], "o-", color=colours.accent, ms=5.5, lw=1.1)
    for depth in x[~known]:
        axes.text(depth, 0.5, "n/a", ha="center", va="center", color=colours.muted, size=8)
    low = min(0.0, float(rows["ci_low"].fillna(0).min()))
    axes.set_ylim(low - 0.08, max(1.08, float(rows["ci_high"].fillna(1).max()) + 0.04))
    axes.set_ylabel("ICA efficiency")


def told_apart(names: list[str]) -> tuple[list[str], str]:
    """Return what tells layers apart, and the pattern of what all of them share, if anything.

    Examples
    --------
    >>> told_apart(["encoder.layer.0.output", "encoder.layer.1.output"])
    (['0', '1'], 'encoder.layer.*.output')
    >>> told_apart(["embed", "encoder.0"])
    (['embed', 'encoder.0'], '')
    """
    prefix = _shared_start(names)
    suffix = _shared_start([name[::-1] for name in names])[::-1]
    if len(names) < 2 or min(map(len, names)) <= len(prefix) + len(suffix) or not prefix + suffix:
        return names, ""
    return [name[len(prefix) : len(name) - len(suffix)] for name in names], f"{prefix}*{suffix}"


def _shared_start(names: list[str]) -> str:
    """Return what all names begin with, up to its last dot or slash."""
    least, most = min(names), max(names)  # what these two share, all between them share
    n = 0
    while n < min(len(least), len(most)) and least[n] == most[n]:
        n += 1
    return least[: max(least.rfind(mark, 0, n) for mark in "./") + 1]


def _name_layers(axes: Axes, names: list[str]) -> None:
    step = -(-len(names) // NAMED)
    ticks = range(0, len(names), step)
    labels = [shortened(names[i], 20) for i in ticks]
    long = max(map(len, labels)) * len(labels) > 50
    axes.set_xticks(ticks, labels, rotation=45 if long else 0, ha="right" if long else "center")
    plain_text(*axes.get_xticklabels())
    if long:
        for label in axes.get_xticklabels():
            label.set_rotation_mode("anchor")


def layer_pairs_figure(result: Layerwise, *, theme: str = "light") -> Figure:
    """Draw the rigid error of all pairs of layers as a heat map.

    Parameters
    ----------
    result : Layerwise
    theme : {"light", "dark"}

    Returns
    -------
    Figure

    Examples
    --------
    >>> import nearid
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> found = nearid.layerwise({"h.0": z}, {"h.0": -z}, names=("A", "B"), random_state=0)
    >>> layer_pairs_figure(found).axes[0].get_xlabel()
    'layer of B'
    """
    colours = theme_named(theme)
    rows, columns, matrix = result.matrix()
    if not matrix.size:
        return blank(colours, "Pairs of layers were not compared.")
    cell = 0.44 if max(matrix.shape) <= ANNOTATED else 0.26
    width, height = (float(np.clip(cell * n + 2.4, 4.2, 9.5)) for n in matrix.shape[::-1])
    figure = new_figure(colours, width + 0.9, height)
    axes = figure.subplots()
    masked: Any = np.ma.masked_invalid(matrix)
    image = axes.imshow(masked, cmap=colours.colormap, vmin=0, vmax=1, interpolation="nearest")
    style_axes(axes, colours, frame=True)
    (down, of_rows), (across, of_columns) = told_apart(rows), told_apart(columns)
    _name_layers(axes, across)
    step = -(-len(rows) // NAMED)
    axes.set_yticks(range(0, len(rows), step), [shortened(name, 20) for name in down[::step]])
    plain_text(*axes.get_yticklabels())
    axes.tick_params(length=0)
    if max(matrix.shape) <= ANNOTATED:
        for (row, column), value in np.ndenumerate(matrix):
            if np.isfinite(value):
                ink = colours.ink_on(float(value))
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, size=8)
    head(axes, "Rigid error of all pairs of layers", colours)
    first, second = (shortened(name, 24) for name in result.names)
    axes.set_xlabel(f"layer {shortened(of_columns, 36)} of {second}".replace("  ", " "))
    axes.set_ylabel(f"layer {shortened(of_rows, 36)} of {first}".replace("  ", " "))
    plain_text(axes.xaxis.label, axes.yaxis.label)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    style_axes(bar.ax, colours)
    bar.outline.set_visible(False)
    bar.set_label("root mean square error, share of chance", color=colours.text, size=9.5)
    return figure
