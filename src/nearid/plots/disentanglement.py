"""Scores of models before and after ICA, and what single components do to an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nearid.plots.labels import capital
from nearid.plots.structural import VERSIONS, version_style
from nearid.plots.theme import head, new_figure, style_axes, theme_named

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["models_figure", "traversals_figure"]

PANELS = {"infom": "InfoM", "infoe": "InfoE", "infoc": "InfoC"}


def models_figure(
    scores: pd.DataFrame, titles: Mapping[str, str], *, theme: str = "light"
) -> Figure:
    """Draw every seed's scores by model and version, their means, and chance.

    Parameters
    ----------
    scores : DataFrame
        A row per model, seed and version, with ``infom, infoe, infoc`` and their chance.
    titles : mapping of str to str
        What models are called, in the order of the rows.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
    """
    colours = theme_named(theme)
    models = [name for name in titles if (scores["model"] == name).any()]
    figure = new_figure(colours, 9.6, 1.2 + 0.55 * len(models))
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (score, title) in zip(panels, PANELS.items(), strict=True):
        for y, name in enumerate(models):
            for number, version in enumerate(VERSIONS):
                chosen = (scores["model"] == name) & (scores["version"] == version)
                values = scores.loc[chosen, score].to_numpy(dtype=float)
                chance = scores.loc[chosen, f"chance_{score}"].to_numpy(dtype=float)
                place = y + 0.18 * (number - 1.5)
                style = version_style(version, colours, size=4)
                axes.plot(values, [place] * len(values), ls="none", alpha=0.45, **style)
                if np.isfinite(values).any():
                    axes.plot(np.nanmean(values), place, ls="none", **{**style, "ms": 7})
                if np.isfinite(chance).any():
                    axes.plot(np.nanmean(chance), place, "|", color=colours.muted, ms=7)
        style_axes(axes, colours)
        axes.set_xlim(-0.02, 1.02)
        axes.grid(axis="x", color=colours.grid, lw=0.6)
        axes.set_axisbelow(True)
        head(axes, title, colours)
    panels[0].set_yticks(range(len(models)), [titles[name] for name in models])
    panels[0].tick_params(axis="y", length=0)
    panels[0].set_ylim(len(models) - 0.5, -0.5)
    handles = [
        Line2D([], [], ls="none", label=label, **version_style(version, colours, size=4))
        for version, (label, _) in VERSIONS.items()
    ]
    handles.append(Line2D([], [], ls="none", marker="|", color=colours.muted, label="chance"))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=5,
        frameon=False,
        fontsize=8.5,
        labelcolor=colours.text,
    )
    return figure


def traversals_figure(
    traversals: Mapping[str, NDArray[np.float64]], *, theme: str = "light"
) -> Figure:
    """Draw images along each component, side by side for several rotations of the same latents.

    Parameters
    ----------
    traversals : mapping of str to ndarray, shape (k, steps, height, width, channels)
        By version.
    theme : {"light", "dark"}

    Returns
    -------
    Figure
    """
    colours = theme_named(theme)
    k, steps = next(iter(traversals.values())).shape[:2]
    figure = new_figure(colours, 4.4 * len(traversals), 0.5 + 4.0 * k / steps)
    panels = figure.subplots(1, len(traversals), squeeze=False)[0]
    for axes, (version, images) in zip(panels, traversals.items(), strict=True):
        height, width = images.shape[2:4]
        sheet = images.transpose(0, 2, 1, 3, 4).reshape(k * height, steps * width, -1)
        axes.imshow(sheet, interpolation="nearest")
        style_axes(axes, colours)
        axes.spines[:].set_visible(False)
        axes.set_xticks([])
        axes.set_yticks(height * (np.arange(k) + 0.5), [str(c) for c in range(k)])
        axes.tick_params(length=0)
        head(axes, capital(VERSIONS[version][0]), colours)
    return figure
