"""MPI3D from its archives: toy, realistic, real, and real with complex shapes."""

from __future__ import annotations

import os
from pathlib import Path

from nearid.datasets.archives import Member, find_member, row_reader
from nearid.datasets.factors import FactorDataset, Layout
from nearid.errors import InputError

__all__ = ["load_mpi3d"]

REST = {"size": 2, "camera_height": 3, "background": 3, "horizontal": 40, "vertical": 40}

LAYOUT = {
    variant: Layout(f"MPI3D {variant}", {"colour": colours, "shape": shapes, **REST}, (64, 64, 3))
    for variant, colours, shapes in (
        ("toy", 6, 6),
        ("realistic", 6, 6),
        ("real", 6, 6),
        ("real_complex", 4, 4),
    )
}


def load_mpi3d(
    path: str | os.PathLike[str], *, variant: str, cache: str | os.PathLike[str] | None = None
) -> FactorDataset:
    """Open MPI3D: a robot arm that holds an object, images of 64 × 64 × 3.

    Factors: colour and shape of the object (6 each; 4 each in ``real_complex``), size (2), height
    of the camera (3), colour of the background (3), and the arm's horizontal and vertical angle (40
    each, intervals). The file has no labels: its images are in C order, the vertical angle fastest.

    Parameters
    ----------
    path : path
        Of the archive, with ``images`` (n, 64, 64, 3) in bytes: 1,036,800 or, for
        ``real_complex``, 460,800.
    variant : {"toy", "realistic", "real", "real_complex"}
        It must be said: three of them are of the same length.
    cache : path, optional
        A folder to unpack compressed images into once (12 GB, 6 GB for ``real_complex``), to be
        mapped from then on. Without it they are unpacked into memory by the first call that reads
        any. Images that are not compressed are mapped where they are.

    Returns
    -------
    FactorDataset

    Raises
    ------
    InputError
        If the file is not that of the variant, or is damaged.

    References
    ----------
    Gondal et al., On the Transfer of Inductive Bias from Simulation to the Real World, NeurIPS
    2019.
    """
    if variant not in LAYOUT:
        raise InputError(f"variant must be one of {', '.join(LAYOUT)}; got {variant!r}")
    layout, images = LAYOUT[variant], find_member(Path(path), "images")
    _check_length(images, variant)
    images.check(shape=(layout.n_images, *layout.image_shape), kinds="u", itemsize=1)
    return FactorDataset(layout, row_reader(images, cache=None if cache is None else Path(cache)))


def _check_length(images: Member, variant: str) -> None:
    found = images.shape[0] if images.shape else 1
    if found == LAYOUT[variant].n_images:
        return
    fitting = [name for name, layout in LAYOUT.items() if layout.n_images == found]
    advice = (
        f"if this is {' or '.join(fitting)}, say so by variant="
        if fitting
        else "no variant has that many: is it the file of another data set?"
    )
    raise InputError(
        f"{images.where}: expected {LAYOUT[variant].n_images} images, those of variant {variant}; "
        f"got {found}; {advice}"
    )
