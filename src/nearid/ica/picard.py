"""The rotation by python-picard, for comparison: in memory, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.ica.contrasts import contrast_named
from nearid.ica.objective import Objective
from nearid.ica.settings import Settings
from nearid.ica.solver import Rotation
from nearid.ica.whitening import Whitening
from nearid.linalg import random_orthogonal
from nearid.optional import require
from nearid.rows import Rows

__all__ = ["solve_with_picard"]

Array = NDArray[Any]

#: Picard's name for each contrast.
NAMES = {"logcosh": "tanh", "exp": "exp", "cube": "cube"}


def solve_with_picard(
    rows: Rows, white: Whitening, settings: Settings, rng: np.random.Generator
) -> Rotation:
    """Find the rotation with Picard-O, which holds all whitened rows in memory.

    Parameters
    ----------
    rows : Rows
    white : Whitening
    settings : Settings
    rng : numpy.random.Generator

    Returns
    -------
    Rotation

    Raises
    ------
    MissingExtraError
        If python-picard is not installed.
    """
    picard = require("picard", extra="test")
    whitened = white.apply(rows.read(0, len(rows)))
    if not len(whitened):
        raise InputError(f"{rows.name} has no rows")
    start = random_orthogonal(white.n_components, rng)
    _, matrix, _, steps = picard.picard(
        whitened.T.astype(np.float64),
        fun=NAMES[settings.contrast],
        ortho=True,
        extended=True,
        whiten=False,
        centering=False,
        w_init=start,
        max_iter=settings.max_passes,
        tol=settings.tolerance * 1e-3,
        return_n_iter=True,
    )
    contrast = contrast_named(settings.contrast)
    objective = Objective(rows, white, contrast, settings.engine, budget=1)
    point = objective.describe(matrix)
    return Rotation(
        matrix=matrix,
        converged=float(point.angles.max()) <= settings.tolerance,
        n_passes=int(steps),
        angle=float(point.angles.max()),
        angles=point.angles,
        sums=point.sums,
    )
