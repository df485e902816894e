"""Two themes, light and dark, and how a figure is made in one of them.

Hues are those of Okabe & Ito, which the common kinds of colour blindness keep apart; what matters
is told by shape as well.  Everything is set on the objects themselves: global rcParams are never
touched.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

from nearid.errors import InputError

__all__ = [
    "THEMES",
    "Theme",
    "blank",
    "head",
    "new_figure",
    "plain_text",
    "style_axes",
    "theme_named",
]


@dataclass(frozen=True)
class Theme:
    """The colours of a figure.

    Parameters
    ----------
    background, text, muted, grid : str
        Paper, ink, secondary ink (both inks keep a contrast of 4.5 on the paper), hairlines.
    accent, good, warn : str
        Data; data within the tolerance; data to be careful with.
    zone : str
        Fill of the part of an axis that is within the tolerance.
    scale : tuple of str
        Colours of a scale from nothing (the paper) to everything.
    """

    background: str
    text: str
    muted: str
    grid: str
    accent: str
    good: str
    warn: str
    zone: str
    scale: tuple[str, ...]

    @property
    def colormap(self) -> Colormap:
        """The scale as a colour map; missing values take the colour of hairlines."""
        return LinearSegmentedColormap.from_list("nearid", self.scale).with_extremes(bad=self.grid)

    def ink_on(self, value: float) -> str:
        """Return whichever of text and paper stands out on the scale's colour of a value."""
        red, green, blue, _ = self.colormap(min(max(value, 0.0), 1.0))
        bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45
        dark_ink, bright_ink = sorted((self.text, self.background))
        return dark_ink if bright else bright_ink


THEMES = {
    "light": Theme(
        background="#ffffff",
        text="#1b2430",
        muted="#5a6572",
        grid="#dfe3e8",
        accent="#0067a5",
        good="#007a5a",
        warn="#b84a00",
        zone="#cdeade",
        scale=("#ffffff", "#d3e4f3", "#8dbfe0", "#3a8cc4", "#12599b", "#08254f"),
    ),
    "dark": Theme(
        background="#161b22",
        text="#e6eaef",
        muted="#a3adb8",
        grid="#333c47",
        accent="#62b8ee",
        good="#3ccb9c",
        warn="#f0a04b",
        zone="#17463a",
        scale=("#161b22", "#1a3650", "#1f5f8f", "#3c94c4", "#8ccbe0", "#f6f7d8"),
    ),
}


def theme_named(name: str) -> Theme:
    """Return the theme of that name.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> theme_named("dark").text
    '#e6eaef'
    """
    if name not in THEMES:
        raise InputError(f"theme must be one of {', '.join(THEMES)}; got {name!r}")
    return THEMES[name]


def new_figure(theme: Theme, width: float, height: float) -> Figure:
    """Return an empty figure of that size, in inches."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
    return Figure(figsize=(width, height), facecolor=theme.background, layout=layout)


def style_axes(axes: Axes, theme: Theme, *, frame: bool = False) -> None:
    """Give axes the theme's colours, and spines only where asked for.

    Parameters
    ----------
    axes : Axes
    theme : Theme
    frame : bool, default False
        Whether all four sides are drawn.
    """
    axes.set_facecolor(theme.background)
    axes.tick_params(colors=theme.muted, labelcolor=theme.text, labelsize=9, length=3)
    for side, spine in axes.spines.items():
        spine.set_color(theme.grid)
        spine.set_visible(frame or side == "bottom")
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=theme.text, size=9.5)


def head(axes: Axes, text: str, theme: Theme, *, pad: float = 6) -> None:
    """Write the title of a panel, at its left."""
    axes.set_title(
        text, loc="left", fontweight="bold", fontsize=10.5, color=theme.text, pad=pad, y=1.0
    )


def plain_text(*texts: Text) -> None:
    """Have names drawn as they are: a dollar sign in a run's name is no formula."""
    for text in texts:
        text.set_parse_math(False)


def blank(theme: Theme, message: str) -> Figure:
    """Return a figure that says why there is nothing to draw."""
    figure = new_figure(theme, 8.0, 1.4)
    figure.text(0.5, 0.5, message, ha="center", va="center", color=theme.muted, size=10.5)
    return figure
