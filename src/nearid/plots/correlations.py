"""The picture: |correlation| between two runs' matched coordinates, before and after ICA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from nearid.plots.labels import shortened
from nearid.plots.theme import Theme, blank, head, new_figure, plain_text, style_axes, theme_named

if TYPE_CHECKING:
    from nearid.identifiability.result import StatisticalIdentifiability

__all__ = ["contrast", "correlations_figure"]

Array = NDArray[np.float64]

PANELS = {"own": "Own coordinates", "pca": "PCA axes", "ica": "After ICA"}
#: More coordinates than this cannot be told apart in print.
SHOWN = 64


def correlations_figure(result: StatisticalIdentifiability, *, theme: str = "light") -> Figure:
    """Draw |correlation| of one typical pair of runs: own coordinates, PCA axes, after ICA.

    Matched pairs lie on the diagonal, best first, on one colour scale; where there are more than
    64, the best-matched 64 are shown and the title says so.  A clean diagonal on an empty ground
    says that each coordinate has one partner in the other run, and no other.

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
    >>> len(correlations_figure(result).axes)  # three panels and the colour bar
    4
    """
    colours = theme_named(theme)
    found = result.correlations
    matrices = {} if found is None else {k: m for k, m in found.matrices.items() if m.size}
    kinds = [kind for kind in PANELS if kind in matrices]
    if found is None or not kinds:
        return blank(colours, "No two runs could be compared, so there are no correlations.")
    figure = new_figure(colours, 0.9 + 2.9 * len(kinds), 3.5)
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        image = _draw_panel(axes, kind, matrices[kind], colours)
        axes.set_xlabel(f"coordinates of {shortened(found.source)}")
        plain_text(axes.xaxis.label)
    panels[0].set_ylabel(f"coordinates of {shortened(found.target)}")
    plain_text(panels[0].yaxis.label)
    bar = figure.colorbar(image, ax=list(panels), shrink=0.72, aspect=22, pad=0.015)
    style_axes(bar.ax, colours)
    bar.outline.set_visible(False)
    bar.set_label("|correlation|, held-out rows", color=colours.text, size=9.5)
    return figure


def contrast(matrix: Array) -> tuple[float, float]:
    """Return the mean of the matched (diagonal) and of the other |correlations|.

    Examples
    --------
    >>> contrast(np.array([[0.9, 0.1], [0.2, 0.8]]))
    (0.85, 0.15)
    """
    matched = np.eye(len(matrix), dtype=bool)
    return _mean(matrix[matched]), _mean(matrix[~matched])


def _mean(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return round(float(finite.mean()), 12) if len(finite) else float("nan")


def _draw_panel(axes: Axes, kind: str, matrix: Array, colours: Theme) -> AxesImage:
    n = len(matrix)
    shown = matrix[:SHOWN, :SHOWN]
    masked: Any = np.ma.masked_invalid(shown)
    image = axes.imshow(masked, cmap=colours.colormap, vmin=0, vmax=1, interpolation="nearest")
    style_axes(axes, colours, frame=True)
    axes.set_xticks([])
    axes.set_yticks([])
    some = f" (best {SHOWN} of {n})" if n > SHOWN else f" ({n})"
    on, off = contrast(shown)
    rest = f", others {off:.2f}" if np.isfinite(off) else ""
    head(axes, PANELS[kind], colours, pad=19)
    axes.text(
        0,
        1.025,
        f"matched {on:.2f}{rest}{some}",
        transform=axes.transAxes,
        color=colours.muted,
        size=8.5,
    )
    return image
