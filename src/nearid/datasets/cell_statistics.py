"""What can be measured of nuclei in pictures, drawn or real: the same way for both."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from nearid.errors import InputError

__all__ = ["nucleus_statistics", "otsu"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def nucleus_statistics(images: ArrayLike) -> pd.DataFrame:
    r"""Measure the nucleus in the middle of each picture.

    It is what is brighter than Otsu's threshold, holes filled, and hangs together with the
    brightest place within 3 pixels of the middle. From its second moments, with eigenvalues
    :math:`\lambda_1 \ge \lambda_2`, the eccentricity is :math:`\sqrt{1 - \lambda_2/\lambda_1}`.

    Parameters
    ----------
    images : array-like of uint8, shape (n, height, width)

    Returns
    -------
    DataFrame, n rows
        ``area`` in pixels, ``eccentricity`` from 0 (round) to 1 (a line), ``intensity``, the mean
        within it, ``background``, the median outside of all that is bright, and ``touches``,
        whether it reaches an edge of the picture, where nothing else can be trusted. All nan
        where a picture has one value only.

    Raises
    ------
    InputError
        If images are of another type or shape.

    References
    ----------
    Otsu, A threshold selection method from gray-level histograms, IEEE SMC 9, 1979.

    Examples
    --------
    >>> image = np.zeros((1, 20, 20), dtype=np.uint8)
    >>> image[0, 8:12, 6:14] = 100
    >>> nucleus_statistics(image)[["area", "intensity"]].to_numpy().tolist()
    [[32.0, 100.0]]
    """
    pictures = np.asarray(images)
    if pictures.ndim != 3 or pictures.dtype != np.uint8:
        raise InputError(
            f"images must be uint8 of shape (n, height, width); got {pictures.dtype} of shape "
            f"{pictures.shape}: choose one channel, as images[:, 0]"
        )
    cuts = otsu(pictures)
    rows = [_measured(image, cut) for image, cut in zip(pictures, cuts, strict=True)]
    columns = ["area", "eccentricity", "intensity", "background", "touches"]
    return pd.DataFrame(rows, columns=columns, dtype=np.float64)


def otsu(images: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return for each picture the threshold that makes the variance between two classes largest.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)

    Returns
    -------
    ndarray of int, shape (n,)
        The largest value of the darker class.

    Examples
    --------
    >>> otsu(np.array([[[0, 10], [200, 210]]], dtype=np.uint8)).tolist()
    [10]
    """
    n = len(images)
    places = images.reshape(n, -1).astype(np.intp) + 256 * np.arange(n)[:, None]
    counts = np.bincount(places.ravel(), minlength=256 * n).reshape(n, 256)
    share = counts / counts.sum(axis=1, keepdims=True)
    below = share.cumsum(axis=1)
    mean = (share * np.arange(256)).cumsum(axis=1)
    apart = (mean[:, -1:] * below - mean) ** 2
    parts = below * (1 - below)
    between = np.divide(apart, parts, out=np.zeros_like(apart), where=parts > 1e-12)
    return np.asarray(between.argmax(axis=1), dtype=np.intp)


def _measured(image: NDArray[np.uint8], cut: int) -> list[float]:
    bright = ndimage.binary_fill_holes(image > cut)
    if not bright.any() or bright.all():
        return [float("nan")] * 5
    mask = _middle(image, bright)
    rows, columns = np.nonzero(mask)
    values = (
        np.linalg.eigvalsh(np.cov(np.stack([rows, columns]), bias=True)) if len(rows) > 1 else 0
    )
    short, long = np.maximum(values, 1 / 12) if len(rows) > 1 else (1.0, 1.0)
    height, width = image.shape
    touches = rows.min() == 0 or columns.min() == 0
    touches |= rows.max() == height - 1 or columns.max() == width - 1
    return [
        float(len(rows)),
        float(np.sqrt(1 - short / long)),
        float(image[mask].mean()),
        float(np.median(image[~bright])),
        float(touches),
    ]


def _middle(image: NDArray[np.uint8], bright: Mask) -> Mask:
    """Return the part that holds the brightest place near the middle, or else lies nearest."""
    labels, _ = ndimage.label(bright)
    height, width = image.shape
    square = (slice(height // 2 - 3, height // 2 + 3), slice(width // 2 - 3, width // 2 + 3))
    near = np.where(bright[square], image[square].astype(int), -1)
    if near.max() >= 0:
        chosen = labels[square].ravel()[near.argmax()]
    else:
        rows, columns = np.nonzero(bright)
        nearest = np.hypot(rows - height / 2, columns - width / 2).argmin()
        chosen = labels[rows[nearest], columns[nearest]]
    return np.asarray(labels == chosen)
