"""How a cell looks under a microscope: its parts, many at once, and the camera's own marks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.errors import InputError

__all__ = ["BIOLOGICAL", "CHANNELS", "TECHNICAL", "Trait", "field", "render"]

Array = NDArray[np.float32]

CHANNELS = ("nucleus", "cytoplasm", "reticulum", "vesicles")

#: Side of a picture, in pixels, at which traits' typical values hold; others are scaled to it.
SIDE = 40
#: Cells that are drawn at once: as many as keep their pictures in the cache.
BLOCK = 64
#: Waves that make a texture, vesicles of a cell, and neighbours that are drawn at most.
WAVES, VESICLES, NEIGHBOURS = 8, 6, 2
#: Deviation of the camera's noise: read-out, and as a part of the root of the signal.
READ_NOISE, SHOT_NOISE = 0.004, 0.02


@dataclass(frozen=True)
class Trait:
    """A factor, of which deviations z from what is typical change the picture.

    The value is ``typical · exp(spread · z)``, or, if the trait is a share, the logistic function
    of ``logit(typical) + spread · z``; if it is a slope, ``spread · z``.

    Parameters
    ----------
    typical, spread : float
    kind : {"scale", "share", "slope"}
    """

    typical: float
    spread: float
    kind: str = "scale"

    def value(self, z: NDArray[np.floating]) -> Array:
        """Return the value at deviations z.

        Examples
        --------
        >>> Trait(2.0, 0.5).value(np.zeros(1)).tolist(), Trait(0.5, 1, "share").value(np.zeros(1))
        ([2.0], array([0.5], dtype=float32))
        """
        deviation = np.asarray(self.spread * z, dtype=np.float32)
        if self.kind == "slope":
            return deviation
        if self.kind == "share":
            logit = np.float32(np.log(self.typical / (1 - self.typical)))
            return np.asarray(1 / (1 + np.exp(-(logit + deviation))), dtype=np.float32)
        return np.asarray(np.float32(self.typical) * np.exp(deviation), dtype=np.float32)


#: What a phenotype can change. Areas and lengths are in pixels of a picture of 40 × 40.
BIOLOGICAL: dict[str, Trait] = {
    "nucleus_area": Trait(150.0, 0.22),
    "nucleus_eccentricity": Trait(0.68, 0.7, "share"),
    "nucleus_intensity": Trait(0.35, 0.22),
    "chromatin_scale": Trait(5.0, 0.25),
    "cell_size": Trait(2.1, 0.12),
    "reticulum_scale": Trait(5.0, 0.25),
    "organelle_spread": Trait(0.8, 0.25),
    "organelle_intensity": Trait(0.5, 0.22),
}

#: What a plate, its stains and its microscope do to all their cells.
TECHNICAL: dict[str, Trait] = {
    "gain": Trait(1.0, 0.15),
    "stain_nucleus": Trait(1.0, 0.12),
    "stain_cytoplasm": Trait(1.0, 0.12),
    "stain_reticulum": Trait(1.0, 0.12),
    "stain_vesicles": Trait(1.0, 0.12),
    "blur": Trait(0.8, 0.25),
    "background": Trait(0.06, 0.3),
    "illumination": Trait(0.0, 0.15, "slope"),
    "density": Trait(0.5, 0.4),
    "magnification": Trait(1.0, 0.02),
}


def render(
    biology: ArrayLike,
    technical: ArrayLike,
    *,
    size: int = SIDE,
    dtype: str = "uint8",
    random_state: int | np.random.Generator | None = None,
) -> NDArray[np.uint8] | Array:
    """Draw one cell in the middle of each picture, with whatever lies beside it.

    Of random turn, outline, textures and place in the field of view; the camera's noise is of
    deviation ``.004 + .02·√signal``, and what is too bright is cut off at 1.

    Parameters
    ----------
    biology : array-like, shape (n, 8)
        Deviations of :data:`BIOLOGICAL`, each of 1 for a standard deviation among normal cells.
    technical : array-like, shape (n, 10)
        Deviations of :data:`TECHNICAL`.
    size : int, default 40
        Side of the pictures; the cells are scaled with it.
    dtype : {"uint8", "float32"}
        From 0 to 255, or from 0 to 1 without steps.
    random_state : int or Generator, optional

    Returns
    -------
    ndarray, shape (n, 4, size, size)
        The channels are :data:`CHANNELS`.

    Raises
    ------
    InputError
        If shapes or arguments are not as described, or a deviation is not finite.

    Examples
    --------
    >>> images = render(np.zeros((2, 8)), np.zeros((2, 10)), random_state=0)
    >>> images.shape, str(images.dtype), bool(images[0, 0, 20, 20] > images[0, 0, 0, 0])
    ((2, 4, 40, 40), 'uint8', True)
    """
    z = _deviations(biology, technical, size=size, dtype=dtype)
    rng = np.random.default_rng(random_state)
    kind = np.dtype(dtype)
    images = np.empty((len(z[0]), len(CHANNELS), size, size), dtype=kind)
    for start in range(0, len(images), BLOCK):
        part = slice(start, start + BLOCK)
        traits, marks = _values(z[0][part], BIOLOGICAL), _values(z[1][part], TECHNICAL)
        light = _cells(traits, marks, size, rng)
        place = rng.uniform(-1, 1, size=len(light)).astype(np.float32)
        shade = 1 + marks["illumination"] * place
        images[part] = _exposed(light, marks, shade[:, None, None], size / SIDE, kind, rng)
    return images


def field(
    biology: ArrayLike,
    technical: ArrayLike,
    *,
    size: int = 256,
    cell_size: int = SIDE,
    random_state: int | np.random.Generator | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Draw a field of view: cells at random places, which may touch and overlap.

    Parameters
    ----------
    biology : array-like, shape (n, 8)
        Of the cells.
    technical : array-like, shape (10,)
        Of the picture; its density is not used: the number of cells is given.
    size : int, default 256
        Side of the field.
    cell_size : int, default 40
        Side of the square that :func:`render` would draw a cell in.
    random_state : int or Generator, optional

    Returns
    -------
    image : ndarray of uint8, shape (4, size, size)
    centres : ndarray, shape (n, 2)
        Row and column of each cell.

    Examples
    --------
    >>> image, centres = field(np.zeros((9, 8)), np.zeros(10), size=128, random_state=0)
    >>> image.shape, centres.shape
    ((4, 128, 128), (9, 2))
    """
    marks_of_cells = np.tile(np.asarray(technical, dtype=np.float64), (len(np.asarray(biology)), 1))
    z = _deviations(biology, marks_of_cells, size=cell_size, dtype="uint8")
    if size < cell_size:
        raise InputError(f"a field must be as wide as a cell's square, {cell_size}; got {size}")
    rng = np.random.default_rng(random_state)
    marks = _values(z[1], TECHNICAL)
    alone = marks | {"density": np.zeros_like(marks["density"])}
    light = _cells(_values(z[0], BIOLOGICAL), alone, cell_size, rng)
    canvas = np.zeros((1, len(CHANNELS), size, size), dtype=np.float32)
    corners = rng.integers(0, size - cell_size + 1, size=(len(light), 2))
    for cell, (row, column) in zip(light, corners, strict=True):
        window = canvas[0, :, row : row + cell_size, column : column + cell_size]
        np.maximum(window, cell, out=window)
    across = np.linspace(-1, 1, size, dtype=np.float32)
    first = {name: value[:1] for name, value in marks.items()}
    shade = 1 + first["illumination"][:, None, None] * across
    scale = cell_size / SIDE
    image = _exposed(canvas, first, shade, scale, np.dtype(np.uint8), rng)[0]
    return np.asarray(image, dtype=np.uint8), np.asarray(corners + (cell_size - 1) / 2)


def _deviations(
    biology: ArrayLike, technical: ArrayLike, *, size: int, dtype: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    tables = []
    for name, given, traits in (
        ("biology", biology, BIOLOGICAL),
        ("technical", technical, TECHNICAL),
    ):
        z = np.asarray(given, dtype=np.float64)
        if z.ndim != 2 or z.shape[1] != len(traits):
            raise InputError(
                f"{name} must be of shape (n, {len(traits)}), a column for each of "
                f"{', '.join(traits)}; got shape {z.shape}"
            )
        if not np.isfinite(z).all():
            raise InputError(f"{name} must be finite deviations; row {_bad_row(z)} is not")
        tables.append(z)
    if len(tables[0]) != len(tables[1]):
        raise InputError(
            f"biology and technical must describe the same cells; got {len(tables[0])} and "
            f"{len(tables[1])} rows"
        )
    if size < 8:
        raise InputError(f"size must be a side of at least 8 pixels; got {size!r}")
    if dtype not in ("uint8", "float32"):
        raise InputError(f"dtype must be uint8 or float32; got {dtype!r}")
    return tables[0], tables[1]


def _bad_row(z: NDArray[np.float64]) -> int:
    return int((~np.isfinite(z)).any(axis=1).argmax())


def _values(z: NDArray[np.float64], traits: dict[str, Trait]) -> dict[str, Array]:
    return {name: trait.value(z[:, j]) for j, (name, trait) in enumerate(traits.items())}


def _cells(
    traits: dict[str, Array], marks: dict[str, Array], size: int, rng: np.random.Generator
) -> Array:
    """Return the light of cells and their neighbours, shape (n, 4, size, size)."""
    n = len(traits["nucleus_area"])
    zoom = marks["magnification"] * np.float32(size / SIDE)
    centre = rng.normal(scale=0.5, size=(n, 2)).astype(np.float32) * zoom[:, None]
    light = _one_cell(traits, zoom, centre, size, rng)
    count = np.minimum(rng.poisson(marks["density"]), NEIGHBOURS)
    for number in range(NEIGHBOURS):
        (there,) = np.nonzero(count > number)
        if not len(there):
            continue
        beside = {name: value[there] for name, value in traits.items()}
        reach = zoom[there] * np.sqrt(beside["nucleus_area"] / np.pi) * beside["cell_size"]
        angle = rng.uniform(0, 2 * np.pi, size=len(there))
        away = (reach * rng.uniform(1.2, 2.2, size=len(there)))[:, None]
        place = away * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        other = _one_cell(beside, zoom[there], place.astype(np.float32), size, rng)
        light[there] = np.maximum(light[there], other)
    return light


def _one_cell(
    traits: dict[str, Array], zoom: Array, centre: Array, size: int, rng: np.random.Generator
) -> Array:
    """Return the light of one cell in each picture, shape (n, 4, size, size)."""
    n = len(zoom)
    axis = np.arange(size, dtype=np.float32) - (size - 1) / 2
    radius = zoom * np.sqrt(traits["nucleus_area"] / np.pi)
    flat = (1 - traits["nucleus_eccentricity"] ** 2) ** 0.25  # √(b/a)
    turn = rng.uniform(0, np.pi, size=n).astype(np.float32)
    offset = axis[None, :] - centre[:, :1], axis[None, :] - centre[:, 1:]
    nucleus = _distance(offset, radius / flat, radius * flat, turn, rng)
    wide = radius * traits["cell_size"]
    cell = _distance(offset, wide / np.sqrt(flat), wide * np.sqrt(flat), turn, rng)
    inside = _edge(nucleus, radius, 1.2)
    body = _edge(cell, wide, 3.0)
    chromatin = _texture(zoom * traits["chromatin_scale"], size, rng)
    reticulum = _texture(zoom * traits["reticulum_scale"], size, rng)
    reach = traits["organelle_spread"][:, None, None]
    near = np.exp(-np.maximum(nucleus - 1, 0) / reach)
    bright = traits["organelle_intensity"][:, None, None]
    light = np.empty((n, len(CHANNELS), size, size), dtype=np.float32)
    light[:, 0] = inside * traits["nucleus_intensity"][:, None, None] * (1 + 0.2 * chromatin)
    light[:, 1] = 0.4 * body * (1 - 0.4 * np.minimum(cell, 1)) * (1 - 0.3 * inside)
    light[:, 2] = bright * body * (1 - 0.8 * inside) * near * (0.7 + 0.6 * reticulum)
    light[:, 3] = 1.4 * bright * body * _vesicles(traits, radius, centre, zoom, size, rng)
    return np.maximum(light, 0, out=light)


def _distance(
    offset: tuple[Array, Array], long: Array, short: Array, turn: Array, rng: np.random.Generator
) -> Array:
    """Return the distance from the centre, 1 on the outline of a dented ellipse."""
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    y, x = offset
    u = ((sin * y)[:, :, None] + (cos * x)[:, None, :]) / long[:, None, None]
    v = ((cos * y)[:, :, None] - (sin * x)[:, None, :]) / short[:, None, None]
    dent = rng.normal(scale=0.06, size=(len(turn), 1, 1)).astype(np.float32)
    square = u * u + v * v + np.float32(1e-6)
    # cos 3φ in the ellipse's own frame
    wave = u * (u * u - 3 * v * v) / (square * np.sqrt(square))
    return np.asarray(np.sqrt(square) * (1 + dent * wave))


def _edge(distance: Array, radius: Array, width: float) -> Array:
    """Return 1 inside and 0 outside, with a ramp of so many pixels."""
    steep = radius[:, None, None] / np.float32(width)
    return np.clip((1 - distance) * steep + 0.5, 0, 1)


def _texture(wavelength: Array, size: int, rng: np.random.Generator) -> Array:
    """Return waves of random direction, of unit variance together, shape (n, size, size)."""
    n = len(wavelength)
    angle, phase = rng.uniform(0, 2 * np.pi, size=(2, n, 1, WAVES)).astype(np.float32)
    spread = np.exp(rng.normal(scale=0.25, size=(n, 1, WAVES))).astype(np.float32)
    k = 2 * np.float32(np.pi) / (wavelength[:, None, None] * spread)
    axis = np.arange(size, dtype=np.float32)[None, :, None]
    rows, columns = k * np.sin(angle) * axis + phase, k * np.cos(angle) * axis
    # cos(r + c) as products of a row's and a column's numbers: a matrix product for each picture
    left = np.concatenate([np.cos(rows), np.sin(rows)], axis=2)
    right = np.concatenate([np.cos(columns), -np.sin(columns)], axis=2)
    return np.asarray(left @ right.transpose(0, 2, 1)) * np.float32(np.sqrt(2 / WAVES))


def _vesicles(
    traits: dict[str, Array],
    radius: Array,
    centre: Array,
    zoom: Array,
    size: int,
    rng: np.random.Generator,
) -> Array:
    """Return bright spots around the nucleus, the farther the more organelles spread."""
    n = len(radius)
    angle = rng.uniform(0, 2 * np.pi, size=(n, VESICLES)).astype(np.float32)
    far = rng.uniform(0.6, 1.0, size=(n, VESICLES)).astype(np.float32)
    far *= (radius * (1 + traits["organelle_spread"]))[:, None]
    axis = np.arange(size, dtype=np.float32)[None, :, None] - (size - 1) / 2
    sharp = 1 / (2 * (1.4 * zoom[:, None, None]) ** 2)
    rows, columns = (
        np.exp(-sharp * (axis - (centre[:, j : j + 1] + far * wave(angle))[:, None, :]) ** 2)
        for j, wave in enumerate((np.sin, np.cos))
    )
    return np.asarray(rows @ columns.transpose(0, 2, 1))


def _exposed(
    light: Array,
    marks: dict[str, Array],
    shade: Array,
    scale: float,
    dtype: np.dtype[np.uint8] | np.dtype[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.uint8] | Array:
    """Return pictures of that light: blurred, stained, unevenly lit, on a background, noisy."""
    smooth = _smoothing(marks["blur"] * np.float32(scale), light.shape[-1])[:, None]
    image = smooth @ light @ smooth.transpose(0, 1, 3, 2)
    stain = np.stack([marks[f"stain_{name}"] for name in CHANNELS], axis=1)
    image *= (marks["gain"][:, None] * stain)[:, :, None, None] * shade[:, None]
    image += (marks["gain"] * marks["background"])[:, None, None, None]
    noise = rng.standard_normal(size=image.shape, dtype=np.float32)
    image += noise * (READ_NOISE + SHOT_NOISE * np.sqrt(np.maximum(image, 0)))
    np.clip(image, 0, 1, out=image)
    if dtype == np.dtype(np.float32):
        return np.asarray(image, dtype=np.float32)
    return np.asarray(np.rint(image * 255), dtype=np.uint8)


def _smoothing(width: Array, size: int) -> Array:
    """Return for each picture the matrix that blurs along an axis; its rows add up to 1."""
    axis = np.arange(size, dtype=np.float32)
    square = (axis[:, None] - axis) ** 2
    kernel = np.exp(-square / (2 * width[:, None, None] ** 2))
    return np.asarray(kernel / kernel.sum(axis=2, keepdims=True))
