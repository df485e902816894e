"""Screens of drawn cells, of which everything is known: what acted, and what the plate added."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.datasets.cell_images import BIOLOGICAL, TECHNICAL, render
from nearid.datasets.factors import FactorDataset, Images, Indices, Layout
from nearid.errors import InputError

__all__ = ["PHENOTYPES", "Screen", "cells", "nuclei", "oracle", "screen"]

Array = NDArray[np.float64]

#: How perturbed cells differ: a share of them by much, or all of them by as much on average.
PHENOTYPES = ("partial", "gaussian")
#: Deviations of a cell among which the grid of :func:`cells` chooses.
GRID = np.linspace(-3, 3, 5)
#: Mean and deviation of what pictures of real nuclei vary by beyond a screen, most of all their
#: magnification and brightness; set by hand, until quantiles agreed.
NUCLEI = {
    "magnification": (-2.0, 14.5),
    "gain": (-2.0, 3.0),
    "background": (0.0, 1.5),
    "blur": (0.0, 1.0),
    "density": (1.0, 1.0),
}


@dataclass(frozen=True, eq=False)
class Screen:
    """Cells, and all that is known of them.

    Parameters
    ----------
    table : DataFrame, n rows
        ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Perturbation``, ``Metadata_control`` (1
        or 0), ``Metadata_responds`` (whether the perturbation acted on this cell),
        ``Metadata_edge`` (whether the well is at the plate's edge), and the deviations of every
        factor of :data:`nearid.datasets.cell_images.BIOLOGICAL` and ``TECHNICAL``.
    images : ndarray, shape (n, 4, size, size), or None
        As :func:`nearid.datasets.cell_images.render` draws them.
    """

    table: pd.DataFrame
    images: NDArray[np.uint8] | NDArray[np.float32] | None

    @property
    def biology(self) -> Array:
        """Deviations of the biological factors, shape (n, 8)."""
        return self.table[list(BIOLOGICAL)].to_numpy(dtype=np.float64)

    @property
    def technical(self) -> Array:
        """Deviations of the technical factors, shape (n, 10)."""
        return self.table[list(TECHNICAL)].to_numpy(dtype=np.float64)


def screen(
    *,
    n_plates: int = 6,
    n_perturbations: int = 6,
    n_wells: int = 4,
    n_controls: int = 8,
    n_cells: int = 8,
    phenotype: str = "partial",
    penetrance: float = 0.25,
    effect: float = 4.0,
    batch: float = 1.0,
    size: int | None = 40,
    dtype: str = "uint8",
    random_state: int | np.random.Generator | None = None,
) -> Screen:
    r"""Lay out plates of wells of cells, perturb some wells, and draw the cells.

    Among normal cells every biological factor is standard normal. Perturbation p moves one factor,
    the p-th in turn, up, or in the second round down. With a *partial* phenotype each cell
    responds with probability ``penetrance``, and moves by ``effect``; with a *gaussian* one, every
    cell moves by ``penetrance · effect``, the same on average. Every plate has controls and all
    perturbations, at wells drawn anew.

    A plate's technical factors are normal of deviation ``batch``. Wells at its edge have ``batch``
    more background and less density, and along the columns the gain rises by ``batch`` in all.

    Parameters
    ----------
    n_plates, n_perturbations : int
    n_wells, n_controls : int
        Wells of each perturbation, and without any, on each plate.
    n_cells : int
        In a well.
    phenotype : {"partial", "gaussian"}
    penetrance : float, default 0.25
        From 0 to 1.
    effect : float, default 4.0
        In standard deviations among normal cells.
    batch : float, default 1.0
        0 for plates that are all alike.
    size : int or None, default 40
        Side of the pictures; None draws none.
    dtype : {"uint8", "float32"}
    random_state : int or Generator, optional

    Returns
    -------
    Screen
        Sorted by plate and well.

    Raises
    ------
    InputError
        If an argument is not as described.

    Examples
    --------
    >>> drawn = screen(n_plates=2, n_perturbations=2, n_wells=1, n_controls=2, random_state=0)
    >>> drawn.images.shape, drawn.table["Metadata_Perturbation"].value_counts().to_dict()
    ((64, 4, 40, 40), {'control': 32, 'p1': 16, 'p2': 16})
    """
    counts = {"n_plates": n_plates, "n_perturbations": n_perturbations, "n_wells": n_wells}
    counts |= {"n_controls": n_controls, "n_cells": n_cells}
    for name, count in counts.items():
        if count != int(count) or count < 1:
            raise InputError(f"{name} is a whole number from 1; got {count!r}")
    if phenotype not in PHENOTYPES:
        raise InputError(f"phenotype must be one of {', '.join(PHENOTYPES)}; got {phenotype!r}")
    if not 0 <= penetrance <= 1 or not math.isfinite(effect) or not 0 <= batch < math.inf:
        raise InputError(
            f"penetrance is from 0 to 1, effect finite and batch from 0; got {penetrance!r}, "
            f"{effect!r} and {batch!r}"
        )
    rng = np.random.default_rng(random_state)
    table, acting = _layout(n_plates, n_perturbations, n_wells, n_controls, n_cells, rng)
    marks = _marks(table, batch, rng)
    table = table.drop(columns="column")
    table["Metadata_responds"] = _responding(acting, phenotype, penetrance, rng)
    moved = effect if phenotype == "partial" else penetrance * effect
    biology = _biology(acting, table["Metadata_responds"].to_numpy(), moved, rng)
    table[list(BIOLOGICAL)] = biology
    table[list(TECHNICAL)] = marks
    drawn = None
    if size is not None:
        drawn = render(biology, marks, size=size, dtype=dtype, random_state=rng)
    return Screen(table, drawn)


def _layout(
    n_plates: int,
    n_perturbations: int,
    n_wells: int,
    n_controls: int,
    n_cells: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Return the cells' places, and the number of what acts on each, −1 for nothing."""
    per_plate = n_perturbations * n_wells + n_controls
    n_rows = max(1, round(math.sqrt(per_plate / 1.5)))
    n_columns = math.ceil(per_plate / n_rows)
    row, column = np.divmod(np.arange(per_plate), n_columns)
    acting = np.repeat([*range(n_perturbations), -1], [n_wells] * n_perturbations + [n_controls])
    on_plates = np.concatenate([rng.permutation(acting) for _ in range(n_plates)])
    names = np.array([f"p{p + 1}" for p in range(n_perturbations)] + ["control"])
    edge = (row == 0) | (row == row.max()) | (column == 0) | (column == n_columns - 1)
    digits = len(str(n_plates))
    wells = pd.DataFrame(
        {
            "Metadata_Plate": np.repeat(
                [f"plate{p + 1:0{digits}}" for p in range(n_plates)], per_plate
            ),
            "Metadata_Well": np.tile(
                [_well(r, c) for r, c in zip(row, column, strict=True)], n_plates
            ),
            "Metadata_Perturbation": names[on_plates],
            "Metadata_control": (on_plates < 0).astype(int),
            "Metadata_edge": np.tile(edge.astype(int), n_plates),
            "column": np.tile(column / max(n_columns - 1, 1) - 0.5, n_plates),
        }
    )
    table = wells.loc[wells.index.repeat(n_cells)].reset_index(drop=True)
    return table, np.repeat(on_plates, n_cells)


def _well(row: int, column: int) -> str:
    """Name a well as A01; after Z comes AA."""
    letters = chr(65 + row % 26)
    return f"{'' if row < 26 else chr(64 + row // 26)}{letters}{column + 1:02}"


def _marks(table: pd.DataFrame, batch: float, rng: np.random.Generator) -> Array:
    """Return the technical deviations of each cell, shape (n, 10)."""
    plate = np.unique(table["Metadata_Plate"].to_numpy(dtype=str), return_inverse=True)[1]
    marks = batch * rng.standard_normal((plate.max() + 1, len(TECHNICAL)))[plate]
    place = {name: j for j, name in enumerate(TECHNICAL)}
    edge = table["Metadata_edge"].to_numpy(dtype=np.float64)
    marks[:, place["background"]] += batch * edge
    marks[:, place["density"]] -= batch * edge
    marks[:, place["gain"]] += batch * table["column"].to_numpy(dtype=np.float64)
    return np.asarray(marks)


def _responding(
    acting: NDArray[np.intp], phenotype: str, penetrance: float, rng: np.random.Generator
) -> NDArray[np.intp]:
    responds = acting >= 0
    if phenotype == "partial":
        responds &= rng.uniform(size=len(acting)) < penetrance
    return responds.astype(np.intp)


def _biology(
    acting: NDArray[np.intp], responds: NDArray[np.intp], moved: float, rng: np.random.Generator
) -> Array:
    biology = rng.standard_normal((len(acting), len(BIOLOGICAL)))
    (rows,) = np.nonzero(responds)
    turn, factor = np.divmod(acting[rows], len(BIOLOGICAL))
    biology[rows, factor] += moved * (-1.0) ** turn
    return biology


def oracle(
    table: pd.DataFrame,
    *,
    n_features: int = 32,
    noise: float = 0.3,
    random_state: int | np.random.Generator | None = None,
) -> Array:
    r"""Return features of a perfect encoder: random linear mixes of the true factors.

    :math:`X = ZM + \sigma E`, with the deviations Z of all 18 factors, M and E standard normal, M
    divided by the root of the number of factors. What a method cannot find here, no encoder is to
    blame for.

    Parameters
    ----------
    table : DataFrame, n rows
        Of a :class:`Screen`.
    n_features : int, default 32
    noise : float, default 0.3
        σ.
    random_state : int or Generator, optional

    Returns
    -------
    ndarray of float64, shape (n, n_features)

    Raises
    ------
    InputError
        If the table lacks a factor, or an argument is out of range.

    Examples
    --------
    >>> drawn = screen(n_plates=2, n_cells=1, size=None, random_state=0)
    >>> oracle(drawn.table, random_state=0).shape
    (64, 32)
    """
    names = [*BIOLOGICAL, *TECHNICAL]
    missing = [name for name in names if name not in table]
    if missing:
        raise InputError(f"the table has no factor {missing[0]}; give the table of a screen")
    if n_features < 1 or noise < 0:
        raise InputError(f"n_features is from 1 and noise from 0; got {n_features!r} and {noise!r}")
    rng = np.random.default_rng(random_state)
    factors = table[names].to_numpy(dtype=np.float64)
    mix = rng.standard_normal((len(names), n_features)) / math.sqrt(len(names))
    return np.asarray(factors @ mix + noise * rng.standard_normal((len(table), n_features)))


def nuclei(
    n: int, *, per_image: int = 16, size: int = 40, random_state: int | None = None
) -> NDArray[np.uint8]:
    """Draw nuclei as diverse as those of many laboratories' pictures, in one channel.

    Every so many are of one picture, of a magnification, a brightness, a blur and a background of
    its own; they are as the small fluorescent ones of the 2018 Data Science Bowl
    (``256x256_gray``) in area, eccentricity and mean intensity.

    Parameters
    ----------
    n : int
    per_image : int, default 16
        Nuclei of one picture.
    size : int, default 40
    random_state : int, optional

    Returns
    -------
    ndarray of uint8, shape (n, size, size)

    References
    ----------
    Caicedo et al., Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl,
    Nature Methods 16, 2019.

    Examples
    --------
    >>> nuclei(3, random_state=0).shape
    (3, 40, 40)
    """
    if n < 1 or per_image < 1:
        raise InputError(f"n and per_image are from 1; got {n!r} and {per_image!r}")
    rng = np.random.default_rng(random_state)
    means, widths = np.array([NUCLEI.get(name, (0.0, 0.0)) for name in TECHNICAL]).T
    marks = means + widths * rng.standard_normal((math.ceil(n / per_image), len(TECHNICAL)))
    marks = np.repeat(marks, per_image, axis=0)[:n]
    biology = rng.standard_normal((n, len(BIOLOGICAL)))
    return np.asarray(render(biology, marks, size=size, random_state=rng)[:, 0], dtype=np.uint8)


def cells(size: int = 40, *, random_state: int = 0) -> FactorDataset:
    """Return pictures of every combination of five classes of the biological factors.

    In red the reticulum and the vesicles, in green the cytoplasm, in blue the nucleus. Technical
    factors are typical, and each picture has its own turn, outline and textures, which depend on
    its index and the seed alone.

    Parameters
    ----------
    size : int, default 40
        Side of the pictures.
    random_state : int, default 0

    Returns
    -------
    FactorDataset
        5⁸ = 390,625 images, of deviations from −3 to 3.

    Examples
    --------
    >>> drawn = cells(24)
    >>> drawn.factor_names[:2], drawn.images([0]).shape
    (('nucleus_area', 'nucleus_eccentricity'), (1, 24, 24, 3))
    """
    layout = Layout("cells", dict.fromkeys(BIOLOGICAL, len(GRID)), (size, size, 3))
    return FactorDataset(
        layout, partial(_coloured, layout.sizes, size, random_state), (GRID,) * len(BIOLOGICAL)
    )


def _coloured(sizes: tuple[int, ...], size: int, seed: int, index: Indices) -> Images:
    images = np.empty((len(index), size, size, 3), dtype=np.uint8)
    technical = np.zeros((1, len(TECHNICAL)))
    for k, number in enumerate(index):
        biology = GRID[np.array(np.unravel_index(number, sizes))][None]
        rng = np.random.default_rng([seed, int(number)])
        light = render(biology, technical, size=size, dtype="float32", random_state=rng)[0]
        red, green, blue = light[2] + light[3], light[1], 1.5 * light[0]
        shown = 1.3 * np.stack([red, green, blue], axis=-1)
        images[k] = np.rint(255 * np.minimum(shown, 1)).astype(np.uint8)
    return images
