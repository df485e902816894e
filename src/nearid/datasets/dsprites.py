"""dSprites from its archive."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nearid.datasets.archives import find_member, load_member, row_reader
from nearid.datasets.factors import FactorDataset, Images, Indices, Layout, classes_of, grid_rows
from nearid.errors import InputError

__all__ = ["load_dsprites"]

#: The orientations go from 0 to 2π, both included: the last is the first again after 39 steps.
LAYOUT = Layout(
    "dSprites",
    {"colour": 1, "shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32},
    (64, 64, 1),
    {"orientation": 39},
)


def load_dsprites(
    path: str | os.PathLike[str], *, cache: str | os.PathLike[str] | None = None
) -> FactorDataset:
    """Open dSprites: white shapes on black, 737,280 images of 64 × 64 × 1, 0 or 255.

    Factors: colour (1), shape (3: square, ellipse, heart), scale (6), orientation (40), x and y (32
    each). The orientations are a circle of **39** steps: classes 0 and 39 are the same angle.
    Within a turn a square looks the same four times, an ellipse twice and a heart once, so the
    orientation cannot be read off the image of the first two.

    Parameters
    ----------
    path : path
        Of ``dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz``, with ``imgs`` (737280, 64, 64) of 0
        and 1, ``latents_classes`` and ``latents_values`` (737280, 6). Its ``metadata`` is a pickle,
        and is never opened.
    cache : path, optional
        A folder to unpack the images into once (3 GB), to be mapped from then on. Without it they
        are unpacked into memory by the first call that reads any.

    Returns
    -------
    FactorDataset

    Raises
    ------
    InputError
        If it is not that file, or is damaged.

    References
    ----------
    Matthey, Higgins, Hassabis & Lerchner, dSprites, 2017; Higgins et al., ICLR 2017.
    """
    path, table = Path(path), (LAYOUT.n_images, len(LAYOUT.sizes))
    members = {key: find_member(path, key) for key in ("imgs", "latents_classes", "latents_values")}
    members["imgs"].check(shape=(LAYOUT.n_images, *LAYOUT.image_shape[:2]), kinds="bu", itemsize=1)
    members["latents_classes"].check(shape=table, kinds="iu")
    members["latents_values"].check(shape=table, kinds="f")
    where = members["latents_values"].where
    classes, values = classes_of(np.asarray(load_member(members["latents_values"])), LAYOUT, where)
    if (classes != load_member(members["latents_classes"])).any():
        raise InputError(f"{where} do not belong to the latents_classes beside them: it is damaged")
    rows = row_reader(members["imgs"], cache=None if cache is None else Path(cache))

    def read(places: Indices) -> Images:
        images = rows(places).view(np.uint8)
        if images.max() > 1:
            raise InputError(f"{members['imgs'].where}: expected 0 and 1; got {images.max()}")
        return images[..., np.newaxis] * np.uint8(255)

    return FactorDataset(LAYOUT, read, values, grid_rows(classes, LAYOUT, where))
