"""A decoder's singular values and local constants, as they are distributed over the latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from nearid.plots.theme import Theme, head, new_figure, style_axes, theme_named

if TYPE_CHECKING:
    from nearid.decoder import BiLipschitz

__all__ = ["constants_figure"]

#: Points of a curve: more cannot be seen, and a page has to be small.
POINTS = 400

#: Ratio of the largest to the smallest value from which an axis is logarithmic.
WIDE = 10.0


def constants_figure(result: BiLipschitz, *, theme: str = "light") -> Figure:
    """Draw which share of the latents has at most that σ, and at most that local constant.

    Parameters
    ----------
    result : BiLipschitz
    theme : {"light", "dark"}

    Returns
    -------
    Figure

    Examples
    --------
    >>> import nearid
    >>> found = nearid.bilipschitz(lambda z: z**3, np.random.default_rng(0).normal(size=(9, 2)))
    >>> [axes.get_title(loc="left") for axes in constants_figure(found).axes]
    ['Singular values of the Jacobian', 'Local constants']
    """
    colours = theme_named(theme)
    figure = new_figure(colours, 9.2, 3.8)
    left, right = figure.subplots(1, 2, sharey=True)
    _panel(left, {"σ_min": result.sigma_min, "σ_max": result.sigma_max}, colours)
    held = {"1 + L_sim, after the best scale": result.constants_scale_free}
    _panel(right, held | {"1 + L": result.constants}, colours)
    head(left, "Singular values of the Jacobian", colours)
    head(right, "Local constants", colours)
    left.set_xlabel("σ at a latent (line: an isometry)")
    right.set_xlabel("constant at a latent (line: an isometry)")
    left.set_ylabel("share of the latents up to here")
    return figure


def _panel(axes: Axes, curves: Mapping[str, NDArray[np.float64]], colours: Theme) -> None:
    style_axes(axes, colours, frame=True)
    styles = (_style(colours.warn, "--"), _style(colours.accent, "-"))
    for (name, values), style in zip(curves.items(), styles, strict=True):
        share = np.linspace(0, 1, max(2, min(len(values), POINTS)))
        across = np.quantile(values, share, method="nearest")
        shown = np.isfinite(across) & (across > 0)
        axes.plot(across[shown], share[shown], label=_label(name, values), **style)
    drawn = np.concatenate([np.r_[line.get_xdata()] for line in axes.lines] + [np.ones(1)])
    _scale(axes, float(drawn.min()), float(drawn.max()), colours)
    axes.axvline(1.0, color=colours.good, lw=1.4, zorder=1)
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.grid(color=colours.grid, lw=0.6)
    axes.set_axisbelow(True)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.2),
        ncols=1,
        frameon=False,
        fontsize=8.5,
        labelcolor=colours.text,
    )


def _style(colour: str, dashes: str) -> dict[str, Any]:
    return {"color": colour, "ls": dashes, "lw": 1.8, "zorder": 3}


def _label(name: str, values: NDArray[np.float64]) -> str:
    """Name a curve, and say of how many latents it cannot tell."""
    for what, lost in (("0", values <= 0), ("infinite", ~np.isfinite(values))):
        if lost.any():
            return f"{name} ({what} at {lost.sum()} of {len(values)})"
    return name


def _scale(axes: Axes, low: float, high: float, colours: Theme) -> None:
    """Show all values and a margin; on a logarithmic axis if they are of several sizes."""
    if high > WIDE * low:
        axes.set_xscale("log")
        subs = (1.0, 2.0, 5.0) if high < WIDE**2 * low else (1.0,)
        axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=6))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="x", which="minor", color=colours.muted)
        axes.set_xlim(low / (high / low) ** 0.05, high * (high / low) ** 0.05)
    else:
        # about an isometry all values are 1 up to rounding, which is no scale to draw
        margin = max(0.05 * (high - low), 0.02 * high)
        axes.set_xlim(low - margin, high + margin)
        axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
