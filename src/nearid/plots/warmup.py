"""Theorem 1 against what was measured: a point for every ordered pair of trainings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from nearid.plots.theme import Theme, blank, head, new_figure, style_axes, theme_named

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["plane_figure", "predicted_figure", "tightness_figure"]

EMPTY = "There is no pair of runs to draw."

#: What is measured, in the order of the panels.
ERRORS = {"rigid": "up to a rigid map", "similarity": "up to a similarity"}


def plane_figure(pairs: pd.DataFrame, *, premise: float, theme: str = "light") -> Figure:
    """Draw both causes of an error, the outputs' disagreement and L_sim, and the error as colour.

    Parameters
    ----------
    pairs : DataFrame
        With the columns ``L_sim``, ``disagreement`` and ``rigid``.
    premise : float
        Disagreement above which the theorem says nothing.
    theme : {"light", "dark"}

    Returns
    -------
    Figure

    Examples
    --------
    >>> import pandas as pd
    >>> pairs = pd.DataFrame({"L_sim": [0.1], "disagreement": [0.01], "rigid": [0.02]})
    >>> plane_figure(pairs, premise=0.03).axes[0].get_yscale()
    'log'
    """
    colours = theme_named(theme)
    if pairs.empty:
        return blank(colours, EMPTY)
    figure = new_figure(colours, 6.6, 4.0)
    axes = figure.subplots()
    style_axes(axes, colours, frame=True)
    points = axes.scatter(
        pairs["L_sim"],
        pairs["disagreement"],
        c=pairs["rigid"],
        cmap=colours.colormap,
        vmin=0,
        s=26,
        edgecolors=colours.muted,
        linewidths=0.5,
        zorder=3,
    )
    _log(axes, colours, lambda value, _: f"{100 * value:g} %")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, premise / 2), max(high, premise * 2))
    axes.axhline(premise, color=colours.warn, lw=1.4, zorder=2)
    axes.annotate(
        f"{100 * premise:g} %: above, the theorem is silent",
        (1, premise),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-6, 4),
        textcoords="offset points",
        ha="right",
        color=colours.muted,
        size=9,
    )
    axes.set_xlabel("L_sim, distance of the decoders from a similarity (median over latents)")
    axes.set_ylabel("disagreement of the outputs\n(share of their variance)")
    head(axes, "Every ordered pair of runs", colours)
    bar = figure.colorbar(points, ax=axes, shrink=0.85)
    style_axes(bar.ax, colours)
    bar.outline.set_visible(False)
    bar.set_label("rigid error (share of the diameter)", color=colours.text, size=9.5)
    return figure


def _log(axes: Axes, colours: Theme, form: Any) -> None:
    """Make the vertical axis logarithmic, in plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(form))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="y", which="minor", color=colours.muted)


def predicted_figure(
    pairs: pd.DataFrame,
    *,
    premise: float,
    notes: Mapping[str, str] | None = None,
    theme: str = "light",
) -> Figure:
    """Draw the measured errors over the predicted one, a panel for each group of maps.

    Parameters
    ----------
    pairs : DataFrame
        With the columns ``predicted``, ``disagreement``, ``rigid`` and ``similarity``.
    premise : float
        Pairs whose outputs disagree by more are drawn as crosses.
    notes : mapping of str to str, optional
        What to write beside the titles of the panels ``"rigid"`` and ``"similarity"``.
    theme : {"light", "dark"}

    Returns
    -------
    Figure

    Examples
    --------
    >>> import pandas as pd
    >>> columns = ["predicted", "disagreement", "rigid", "similarity"]
    >>> pairs = pd.DataFrame([[0.5, 0.01, 0.02, 0.02]], columns=columns)
    >>> figure = predicted_figure(pairs, premise=0.03)
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['up to a rigid map', 'up to a similarity']
    """
    colours = theme_named(theme)
    if pairs.empty:
        return blank(colours, EMPTY)
    figure = new_figure(colours, 9.2, 3.8)
    inside = (pairs["disagreement"] <= premise).to_numpy()
    for axes, (error, title) in zip(figure.subplots(1, 2), ERRORS.items(), strict=True):
        style_axes(axes, colours, frame=True)
        _points(axes, pairs[inside], error, colours, label="outputs agree", **_dot(colours))
        _points(axes, pairs[~inside], error, colours, label="outputs disagree", **_cross(colours))
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("predicted: √(2L + L²), in units of the unknown c_D")
        axes.set_ylabel("measured error (share of the diameter)")
        head(axes, title, colours)
        if notes:  # between title and panel, where no point can be
            head(axes, title, colours, pad=20)
            axes.annotate(
                notes[error],
                (0, 1),
                xycoords="axes fraction",
                xytext=(0, 5),
                textcoords="offset points",
                color=colours.muted,
                size=8.5,
            )
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize=8.5,
        labelcolor=colours.text,
    )
    return figure


def _dot(colours: Theme) -> dict[str, Any]:
    return {"marker": "o", "facecolors": colours.accent, "linewidths": 0}


def _cross(colours: Theme) -> dict[str, Any]:
    return {"marker": "x", "color": colours.warn, "linewidths": 1.2}


def _points(axes: Axes, pairs: pd.DataFrame, error: str, colours: Theme, **style: Any) -> None:
    if len(pairs):
        axes.scatter(pairs["predicted"], pairs[error], s=24, alpha=0.85, zorder=3, **style)


def tightness_figure(pairs: pd.DataFrame, *, theme: str = "light") -> Figure:
    """Draw how many times the error the explicit bound is, by slope; and where there is no bound.

    Parameters
    ----------
    pairs : DataFrame
        With the columns ``alpha`` and ``tightness``, infinite where the bound's premise fails.
    theme : {"light", "dark"}

    Returns
    -------
    Figure

    Examples
    --------
    >>> import pandas as pd
    >>> pairs = pd.DataFrame({"alpha": [0.2, 0.2, 1.0], "tightness": [3.0, np.inf, 2.0]})
    >>> [text.get_text() for text in tightness_figure(pairs).axes[0].texts]
    ['1 of 2', '1 of 1']
    """
    colours = theme_named(theme)
    if pairs.empty:
        return blank(colours, EMPTY)
    if not np.isfinite(pairs["tightness"]).any():
        return blank(colours, "The explicit bound's premise, ‖X⁺‖e ≤ 1/√2, fails for every pair.")
    figure = new_figure(colours, 9.2, 3.2)
    axes = figure.subplots()
    style_axes(axes, colours, frame=True)
    slopes = sorted(set(pairs["alpha"]))
    for position, alpha in enumerate(slopes):
        values = pairs.loc[pairs["alpha"] == alpha, "tightness"].to_numpy()
        bounded = np.sort(values[np.isfinite(values)])
        # spread sideways in the order of the values, so that no point hides another
        across = position + np.linspace(-0.22, 0.22, len(bounded)) if len(bounded) > 1 else position
        axes.scatter(
            np.broadcast_to(across, bounded.shape), bounded, s=20, color=colours.accent, zorder=3
        )
        axes.annotate(
            f"{len(bounded)} of {len(values)}",
            (position, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            color=colours.muted,
            size=8.5,
        )
    _log(axes, colours, lambda value, _: f"{value:g}")
    axes.set_ylim(0.9, max(20.0, axes.get_ylim()[1]))
    axes.axhline(1.0, color=colours.good, lw=1.4, zorder=2)
    axes.set_xlim(-0.6, len(slopes) - 0.4)
    axes.set_xticks(range(len(slopes)), [f"{alpha:g}" for alpha in slopes])
    axes.set_xlabel("slope α of the leaky rectifiers (1 is linear)")
    axes.set_ylabel("explicit bound / error")
    head(axes, "Tightness; above, how many pairs have a bound", colours, pad=20)
    return figure
