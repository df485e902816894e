"""Ways of correcting a fold for its batches: one file per kind, one line below for each.

A corrector takes a :class:`nearid.deconfounding.folds.Fold` and returns the codes of its training
rows and of its test rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearid.deconfounding.correctors import combat, components, harmony, projection, spherize, tvn
from nearid.deconfounding.folds import Fold

__all__ = ["METHODS", "Codes", "Method"]

Codes = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Method:
    """A way of correcting, and what it may see.

    Parameters
    ----------
    title : str
        In figures and tables.
    codes : callable
        From a fold to the codes of its training and test rows.
    transductive : bool
        Whether it saw the held-out rows (never their labels) when it was fitted: it cannot take a
        new row, and is to be compared with others of its kind.
    random : bool
        Whether it depends on the seed.
    needs_control : bool
        Whether it needs rows that are marked as controls.
    rotated : bool
        Whether it is a rotation of "pca".
    """

    title: str
    codes: Callable[[Fold], Codes]
    transductive: bool = False
    random: bool = False
    needs_control: bool = False
    rotated: bool = False


METHODS: dict[str, Method] = {
    "base": Method("base", components.base),
    "pca": Method("PCA, whitened", components.pca, rotated=True),
    "pca_random": Method("PCA + random rotation", components.pca_random, random=True, rotated=True),
    "pca_ica": Method("PCA + ICA", components.pca_ica, random=True, rotated=True),
    "ica_controls": Method(
        "ICA of the controls", components.ica_controls, random=True, needs_control=True
    ),
    "pca_ica_drop": Method("PCA + ICA, technical dropped", components.pca_ica_drop, random=True),
    "pca_drop": Method("PCA, technical dropped", components.pca_drop),
    "nap": Method("PCA, batch means projected out", projection.nap),
    "spherize": Method("Spherize (pycytominer)", spherize.spherize),
    "tvn": Method("TVN, whitened by controls", tvn.whitened, needs_control=True),
    "tvn_aligned": Method(
        "TVN, new batch aligned by its controls", tvn.aligned, transductive=True, needs_control=True
    ),
    "combat": Method("ComBat", combat.combat, transductive=True),
    "harmony": Method("Harmony", harmony.harmony, transductive=True, random=True),
}
