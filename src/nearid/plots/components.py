"""How well each component finds its partner in the other runs, held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from nearid.plots.labels import group_label
from nearid.plots.theme import blank, new_figure, style_axes, theme_named

if TYPE_CHECKING:
    import pandas as pd

    from nearid.identifiability.result import StatisticalIdentifiability

__all__ = ["components_by_run", "components_figure", "components_group"]

#: More points than this are drawn as one picture inside the figure, to keep files small.
VECTOR_POINTS = 1500


def components_group(result: StatisticalIdentifiability) -> str:
    """Return which whitened axes the components are: ICA's, or PCA's where ICA was not asked for.

    Examples
    --------
    >>> import nearid
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> components_group(nearid.statistical_identifiability([z, -z], ica=False, random_state=0))
    'signed_permutation'
    """
    return "ica" if (result.components["group"] == "ica").any() else "signed_permutation"


def components_by_run(result: StatisticalIdentifiability) -> pd.DataFrame:
    """Average each run's whitened components over the runs that they were matched with.

    Returns
    -------
    DataFrame
        Columns ``run, component, correlation`` (mean over pairs), ``lowest`` (of the pairs),
        ``runner_up, ambiguous`` (share of the pairs), ``gaussian``; best first.

    Examples
    --------
    >>> import nearid
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> result = nearid.statistical_identifiability([z, -z], random_state=0)
    >>> components_by_run(result)["correlation"].round(2).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    frame = result.components
    chosen = frame["group"] == components_group(result)
    rows = frame[chosen & (frame["frame"] == "whitened") & (frame["partner"] >= 0)]
    rows = rows.assign(ambiguous=rows["ambiguous"].astype(float))
    table = rows.groupby(["target", "component"], sort=False).agg(
        correlation=("correlation", "mean"),
        lowest=("correlation", "min"),
        runner_up=("runner_up", "mean"),
        ambiguous=("ambiguous", "mean"),
        gaussian=("gaussian", "any"),
    )
    table = table.reset_index().rename(columns={"target": "run"})
    return table.sort_values("correlation", ascending=False, kind="stable", ignore_index=True)


def components_figure(result: StatisticalIdentifiability, *, theme: str = "light") -> Figure:
    """Draw the held-out |correlation| of every component with its partner, sorted.

    One point per run and component, the mean over the other runs.  Hollow: another partner fits
    as well in at least half of the pairs.  Cross: Gaussian, so ICA cannot fix its direction.

    Parameters
    ----------
    result : StatisticalIdentifiability
    theme : {"light", "dark"}

    Returns
    -------
    Figure

    Examples
    --------
    >>> import nearid
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> result = nearid.statistical_identifiability([z, -z], random_state=0)
    >>> components_figure(result).axes[0].get_ylabel()
    '|correlation| with partner'
    """
    colours = theme_named(theme)
    table = components_by_run(result)
    if table.empty:
        return blank(colours, "No two runs could be compared, so no components were matched.")
    figure = new_figure(colours, 9.2, 3.3)
    axes = figure.subplots()
    x = np.arange(1, len(table) + 1)
    y = table["correlation"].to_numpy(float)
    gaussian = table["gaussian"].to_numpy(bool)
    ambiguous = (table["ambiguous"].to_numpy(float) >= 0.5) & ~gaussian
    clear = ~gaussian & ~ambiguous
    rasterized = len(table) > VECTOR_POINTS
    kinds = [
        (clear, "one clear partner", "o", colours.accent, colours.accent),
        (ambiguous, "ambiguous: another fits as well", "o", colours.warn, "none"),
        (gaussian, "Gaussian: direction arbitrary", "x", colours.warn, colours.warn),
    ]
    for mask, label, marker, edge, face in kinds:
        if mask.any():
            points = axes.plot(x[mask], y[mask], marker, mec=edge, mfc=face, ms=4.5)[0]
            points.set(label=f"{label} ({int(mask.sum())})", rasterized=rasterized)
    style_axes(axes, colours)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=colours.grid, lw=0.8)
    axes.set_ylim(0, 1.03)
    axes.set_xlim(0, len(table) + 1)
    runs, kind = table["run"].nunique(), group_label("whitened", components_group(result))
    name = {"ICA axes": "ICA components", "PCA axes": "PCA axes"}[kind]
    axes.set_xlabel(f"{name} of {runs} runs, best-matched first")
    axes.set_ylabel("|correlation| with partner")
    axes.legend(
        loc="lower left", frameon=False, handletextpad=0.2, fontsize=9, labelcolor=colours.text
    )
    return figure
