"""What was gained on plates that were held out, with intervals, beside what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from nearid.plots.theme import new_figure, plain_text, style_axes, theme_named

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["gains_figure"]

#: Values beyond are no gains, but shares, and not drawn with them.
LARGEST = 0.5


def gains_figure(bars: pd.DataFrame, *, theme: str = "light") -> Figure:
    """Draw every difference that was asked for, or shown beside, with its 95 % interval.

    Parameters
    ----------
    bars : DataFrame
        Columns ``bar, found, low, high, met``; rows without an interval are left out.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
    """
    colours = theme_named(theme)
    shown = bars[(bars["high"] > bars["low"]) & (bars["found"].abs() < LARGEST)]
    hues = {"yes": colours.good, "no": colours.warn}
    figure = new_figure(colours, 8.8, 1.0 + 0.3 * len(shown))
    axes = figure.subplots()
    axes.axvline(0, color=colours.muted, lw=0.8, ls=":")
    for y, row in enumerate(shown.to_dict("records")):
        hue = hues.get(row["met"], colours.muted)
        axes.plot([row["low"], row["high"]], [y, y], color=hue, lw=1.6)
        axes.plot(row["found"], y, "s" if row["met"] in hues else "o", color=hue, ms=5)
    style_axes(axes, colours)
    axes.set_yticks(range(len(shown)), shown["bar"].to_list())
    plain_text(*axes.get_yticklabels())
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.set_xlabel("difference (bars: 95 % interval)")
    return figure
