"""Relative error of every ordered pair of runs, as a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.plots.labels import FRAMES, group_label, shortened
from nearid.plots.theme import Theme, blank, head, new_figure, plain_text, style_axes, theme_named

if TYPE_CHECKING:
    from nearid.identifiability.result import StatisticalIdentifiability

__all__ = ["closest_group", "pairwise_figure", "relative_matrix"]

Array = NDArray[np.float64]

#: Up to so many runs there is room for numbers in the cells, and for every name.
ANNOTATED, NAMED = 12, 25


def closest_group(result: StatisticalIdentifiability, frame: str = "native") -> str | None:
    """Return the verdict's group, or the one that comes closest where there is no verdict.

    Examples
    --------
    >>> import nearid
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> closest_group(nearid.statistical_identifiability([z, -z], random_state=0))
    'signed_permutation'
    """
    verdict = result.verdict if frame == "native" else result.verdict_whitened
    rows = result.overall[result.overall["frame"] == frame]
    if verdict is not None or rows.empty:
        return verdict
    return str(rows["group"].iloc[int(np.argmin(rows["relative"].to_numpy(float)))])


def relative_matrix(result: StatisticalIdentifiability, frame: str, group: str) -> Array:
    """Return the relative errors, target by source in the order of the runs, nan where none.

    Parameters
    ----------
    result : StatisticalIdentifiability
    frame, group : str

    Raises
    ------
    InputError
        If that rung was not measured.
    """
    pairs = result.pairs
    rows = pairs[(pairs["frame"] == frame) & (pairs["group"] == group)]
    if rows.empty:
        known = dict.fromkeys(zip(pairs["frame"], pairs["group"], strict=True))
        listed = ", ".join(f"{f}/{g}" for f, g in known)
        raise InputError(f"expected a measured rung, one of {listed}; got {frame}/{group}")
    position = {run.name: i for i, run in enumerate(result.runs)}
    matrix = np.full((len(position),) * 2, np.nan)
    target = [position[name] for name in rows["target"]]
    source = [position[name] for name in rows["source"]]
    matrix[target, source] = rows["relative"].to_numpy(float)
    return matrix


def pairwise_figure(
    result: StatisticalIdentifiability,
    *,
    frame: str = "native",
    group: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw the relative error of every ordered pair of runs at one rung.

    Up to 12 runs the cells carry their number.  Pairs that were not measured (collapsed runs, and
    a run with itself) are grey.

    Parameters
    ----------
    result : StatisticalIdentifiability
    frame : {"native", "whitened"}
    group : str, optional
        By default the verdict's group, or the closest one where there is no verdict.
    theme : {"light", "dark"}

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If that rung was not measured.

    Examples
    --------
    >>> import nearid
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> result = nearid.statistical_identifiability([z, -z], random_state=0)
    >>> pairwise_figure(result, group="rigid").axes[0].get_ylabel()
    'target run'
    """
    colours = theme_named(theme)
    group = group or closest_group(result, frame)
    if result.pairs.empty or group is None:
        return blank(colours, "No two runs could be compared, so there are no pairs.")
    matrix = relative_matrix(result, frame, group)
    n = len(matrix)
    side = float(np.clip(1.6 + 0.42 * n, 2.9, 6.0))
    figure = new_figure(colours, side + 1.2, side)
    axes = figure.subplots()
    masked: Any = np.ma.masked_invalid(matrix)
    image = axes.imshow(masked, cmap=colours.colormap, vmin=0, vmax=1, interpolation="nearest")
    style_axes(axes, colours, frame=True)
    _name_runs(axes, [run.name for run in result.runs])
    if n <= ANNOTATED:
        _annotate(axes, matrix, colours)
    head(axes, f"{group_label(frame, group)}\n({FRAMES[frame]})", colours)
    axes.set_xlabel("source run")
    axes.set_ylabel("target run")
    beyond = bool(np.nanmax(matrix, initial=0.0) > 1.0)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, extend="max" if beyond else "neither")
    style_axes(bar.ax, colours)
    bar.outline.set_visible(False)
    bar.set_label("relative error (ε / chance)", color=colours.text, size=9.5)
    if result.settings["epsilon"] is None:
        bar.ax.axhline(result.settings["tolerance"], color=colours.warn, lw=2)
    return figure


def _name_runs(axes: Axes, names: list[str]) -> None:
    step = -(-len(names) // NAMED)
    ticks = range(0, len(names), step)
    labels = [shortened(names[i], 18) for i in ticks]
    long = max(map(len, labels)) * len(labels) > 30
    axes.set_xticks(ticks, labels, rotation=45 if long else 0, ha="right" if long else "center")
    axes.set_yticks(ticks, labels)
    axes.tick_params(length=0)
    plain_text(*axes.get_xticklabels(), *axes.get_yticklabels())
    if long:
        for label in axes.get_xticklabels():
            label.set_rotation_mode("anchor")


def _annotate(axes: Axes, matrix: Array, colours: Theme) -> None:
    for (row, column), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            ink = colours.ink_on(float(value))
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, size=8.5)
