"""What each factor of a data set changes, one at a time, in its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from nearid.errors import InputError
from nearid.plots.labels import printable
from nearid.plots.theme import blank, head, new_figure, plain_text, style_axes, theme_named

if TYPE_CHECKING:
    from nearid.datasets.factors import FactorDataset

__all__ = ["contact_sheet", "traversed_classes"]

Classes = NDArray[np.int64]

#: Width of a picture in inches, and of the space between two as a part of it.
PICTURE, GAP = 0.72, 0.08


def contact_sheet(
    dataset: FactorDataset, *, base: ArrayLike | None = None, n: int = 8, theme: str = "light"
) -> Figure:
    """Draw a row of pictures for each factor, which changes alone around a base picture.

    Below each picture stands the value of the factor, or its class where the data set does not say
    what classes mean; the base picture is framed in every row. A factor of one class has no row.

    Parameters
    ----------
    dataset : FactorDataset
    base : array-like of int, shape (n_factors,), optional
        Classes of the base picture; by default the middle of each factor.
    n : int, default 8
        Pictures in a row at most; the base is one of them.
    theme : {"light", "dark"}

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If the base is not a class of each factor, or n is less than 2.

    Examples
    --------
    >>> from nearid.datasets.scenes3d import scenes3d
    >>> figure = contact_sheet(scenes3d(8), n=4)
    >>> [axes.get_ylabel() for axes in figure.axes][:4]
    ['floor hue', 'wall hue', 'object hue', 'scale']
    """
    colours = theme_named(theme)
    middle = _checked_base(dataset, base)
    if n < 2:
        raise InputError(f"n must be at least 2 pictures in a row; got {n}")
    shown = [c for c, size in enumerate(dataset.factor_sizes) if size > 1]
    if not shown:
        return blank(colours, "Every factor has one class, so there is nothing to change.")
    height, width = dataset.image_shape[:2]
    longest = min(n, max(dataset.factor_sizes))
    tall = len(shown) * (PICTURE * height / width + 0.28)
    figure = new_figure(colours, 1.3 + PICTURE * (1 + GAP) * longest, 0.5 + tall)
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, column in zip(panels, shown, strict=True):
        classes = traversed_classes(dataset.factor_sizes[column], int(middle[column]), n)
        rows = np.tile(middle, (len(classes), 1))
        rows[:, column] = classes
        _draw_row(axes, dataset.images(dataset.index(rows)))
        style_axes(axes, colours)
        axes.set_xlim(-GAP, longest * (1 + GAP))
        axes.set_ylim(height / width, 0)
        axes.set_aspect("equal")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, labelsize=8, pad=2, labelcolor=colours.muted)
        places = np.arange(len(classes)) * (1 + GAP)
        axes.set_xticks(places + 0.5, _values(dataset, column, classes))
        axes.set_yticks([])
        axes.set_ylabel(printable(dataset.factor_names[column].replace("_", " ")))
        axes.yaxis.label.set(rotation=0, ha="right", va="center", color=colours.text)
        plain_text(axes.yaxis.label, *axes.get_xticklabels())
        place = places[classes == middle[column]][0]
        frame = Rectangle((place, 0), 1, height / width, fill=False, clip_on=False)
        frame.set(edgecolor=colours.warn, linewidth=2)
        axes.add_patch(frame)
    head(panels[0], printable(dataset.name), colours)
    return figure


def traversed_classes(size: int, base: int, n: int) -> Classes:
    """Return up to n classes of a factor in order, evenly spread, the base one of them.

    Parameters
    ----------
    size : int
        Number of classes.
    base : int
    n : int

    Returns
    -------
    ndarray of int64, shape (min(n, size),)

    Examples
    --------
    >>> traversed_classes(32, 16, 5), traversed_classes(3, 1, 8)
    (array([ 0,  8, 16, 23, 31]), array([0, 1, 2]))
    """
    classes = np.linspace(0, size - 1, min(n, size)).round().astype(np.int64)
    # The nearest class makes room for the base, so that the order stays.
    classes[np.abs(classes - base).argmin()] = base
    return classes


def _checked_base(dataset: FactorDataset, base: ArrayLike | None) -> Classes:
    middle = np.asarray([size // 2 for size in dataset.factor_sizes] if base is None else base)
    if middle.shape != (len(dataset.factor_sizes),):
        raise InputError(
            f"base must have a class for each of {', '.join(dataset.factor_names)}; "
            f"got shape {middle.shape}"
        )
    checked: Classes = dataset.factors(dataset.index(middle[None]))[0]
    return checked


def _draw_row(axes: Axes, images: NDArray[np.uint8]) -> None:
    height, width = images.shape[1:3]
    for number, image in enumerate(images):
        left = number * (1 + GAP)
        picture: Any = np.broadcast_to(image, (height, width, 3))
        axes.imshow(picture, extent=(left, left + 1, height / width, 0), interpolation="nearest")


def _values(dataset: FactorDataset, column: int, classes: Classes) -> list[str]:
    if dataset.factor_values is None:
        return [str(c) for c in classes]
    values = np.asarray(dataset.factor_values[column])[classes]
    return [printable(v if isinstance(v, str) else f"{v:.3g}") for v in values.tolist()]
