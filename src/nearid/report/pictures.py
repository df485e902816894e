"""Figures as data URIs, light and dark, with a text that states what they show."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from nearid.plots import components_figure, correlations_figure, ladder_figure, pairwise_figure
from nearid.plots.components import components_by_run
from nearid.plots.correlations import PANELS, SHOWN, contrast
from nearid.plots.labels import FRAMES, group_label
from nearid.plots.pairwise import closest_group, relative_matrix
from nearid.report.numerals import number, percent, score

if TYPE_CHECKING:
    from nearid.identifiability.result import StatisticalIdentifiability

__all__ = ["Picture", "figure_svg", "picture", "pictures"]

#: What the reader's machine is likely to have, before what matplotlib measured the text with.
FONTS = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans'"


@dataclass(frozen=True)
class Picture:
    """A figure for both themes.

    Parameters
    ----------
    light, dark : str
        Data URIs.
    alt : str
        What it shows, for those who do not see it.
    width, height : int
        Size in CSS pixels, so that a page does not jump.
    caption : str, default ""
        How to read it, for those who do.
    """

    light: str
    dark: str
    alt: str
    width: int
    height: int
    caption: str = ""


def figure_svg(draw: Callable[[], Figure]) -> tuple[str, int, int]:
    """Draw a figure as an SVG without dates or random ids, whatever the reader's matplotlibrc says.

    Parameters
    ----------
    draw : callable
        Returns the figure.

    Returns
    -------
    svg : str
    width, height : int
        In points.

    Examples
    --------
    >>> svg, width, height = figure_svg(lambda: Figure(figsize=(2, 1)))
    >>> svg.startswith("<?xml"), width, height
    (True, 144, 72)
    """
    buffer = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # names in scripts that matplotlib's font lacks are drawn by the reader's browser
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"svg.hashsalt": "nearid", "svg.fonttype": "none"})
        figure = draw()
        figure.savefig(buffer, format="svg", dpi=150, metadata={"Date": None})
    width, height = figure.get_size_inches() * 72
    svg = buffer.getvalue().decode().replace("'DejaVu Sans'", FONTS)
    return svg, round(width), round(height)


def picture(draw: Callable[..., Figure], alt: str, *, caption: str = "") -> Picture:
    """Draw a figure in both themes.

    Parameters
    ----------
    draw : callable
        Returns the figure, given ``theme="light"`` or ``theme="dark"``.
    alt : str
        What it shows, in numbers where it can, for those who do not see it.
    caption : str, default ""
        How to read it.

    Returns
    -------
    Picture

    Examples
    --------
    >>> found = picture(lambda theme: Figure(figsize=(3, 1)), "nothing, 3 by 1 inches")
    >>> found.light[:25], found.width, found.height
    ('data:image/svg+xml;base64', 288, 96)
    """
    light, width, height = figure_svg(partial(draw, theme="light"))
    dark, _, _ = figure_svg(partial(draw, theme="dark"))
    size = width * 4 // 3, height * 4 // 3
    return Picture(_data_uri(light), _data_uri(dark), alt, *size, caption)


def pictures(result: StatisticalIdentifiability) -> dict[str, Picture]:
    """Draw everything that the report shows.

    Returns
    -------
    dict of str to Picture
        ``"correlations"``, ``"ladder"``, ``"components"``, ``"pairs"``, and ``"pairs_ica"`` where
        ICA was run.
    """
    drawn = {
        "correlations": picture(partial(correlations_figure, result), _correlations_alt(result)),
        "ladder": picture(partial(ladder_figure, result), _ladder_alt(result)),
        "components": picture(partial(components_figure, result), _components_alt(result)),
        "pairs": picture(
            partial(pairwise_figure, result),
            _pairs_alt(result, "native", closest_group(result)),
        ),
    }
    if (result.overall["group"] == "ica").any():
        draw = partial(pairwise_figure, result, frame="whitened", group="ica")
        drawn["pairs_ica"] = picture(draw, _pairs_alt(result, "whitened", "ica"))
    return drawn


def _data_uri(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _correlations_alt(result: StatisticalIdentifiability) -> str:
    found = result.correlations
    if found is None:
        return "No correlations: no two runs could be compared."
    parts = []
    for kind, title in PANELS.items():
        if kind in found.matrices:
            matrix = found.matrices[kind]
            on, off = contrast(matrix[:SHOWN, :SHOWN])
            best = f" (best {SHOWN} of {len(matrix)})" if len(matrix) > SHOWN else ""
            parts.append(f"{title}{best}: matched {score(on)}, others {score(off)}")
    return (
        f"Absolute correlation between coordinates of {found.target} and {found.source}, mean of "
        f"matched pairs and of all others. {'. '.join(parts)}."
    )


def _ladder_alt(result: StatisticalIdentifiability) -> str:
    parts = [
        f"{FRAMES.get(row['frame'], row['frame'])}, {group_label(row['frame'], row['group'])}: "
        f"{number(row['mean'])} against {number(row['null'])} by chance"
        for row in result.overall.to_dict("records")
    ]
    if not parts:
        return "No ladder: no two runs could be compared."
    return f"Held-out error by group of maps. {'; '.join(parts)}."


def _components_alt(result: StatisticalIdentifiability) -> str:
    table = components_by_run(result)
    if table.empty:
        return "No components: no two runs could be compared."
    ambiguous = float((table["ambiguous"] >= 0.5).mean())
    return (
        f"Held-out absolute correlation of {len(table)} components with their partners, sorted: "
        f"from {score(table['correlation'].iloc[0])} down to "
        f"{score(table['correlation'].iloc[-1])}, median {score(table['correlation'].median())}. "
        f"{percent(ambiguous)} are ambiguous, {int(table['gaussian'].sum())} Gaussian."
    )


def _pairs_alt(result: StatisticalIdentifiability, frame: str, group: str | None) -> str:
    if group is None:
        return "No pairs: no two runs could be compared."
    values = relative_matrix(result, frame, group)
    values = values[np.isfinite(values)]
    name = f"{group_label(frame, group)} ({FRAMES[frame]})"
    if not len(values):
        return f"No measured pair at {name}."
    return (
        f"Relative error of {len(values)} ordered pairs at {name}: from {percent(values.min())} "
        f"to {percent(values.max())} of chance."
    )
