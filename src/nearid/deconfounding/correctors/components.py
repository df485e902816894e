"""The representation as it is, whitened, and rotated: at random, and by ICA."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nearid.deconfounding.folds import Fold
from nearid.deconfounding.shares import group_shares
from nearid.errors import InputError
from nearid.groups import GROUPS
from nearid.ica.estimator import LatentICA

__all__ = ["base", "ica_controls", "pca", "pca_drop", "pca_ica", "pca_ica_drop", "pca_random"]

Array = NDArray[np.float64]
Codes = tuple[Array, Array]

#: Share of a component's variance that batches explain, from which on it is dropped.
TECHNICAL = 0.1
FOLDS = 5


def base(fold: Fold) -> Codes:
    """Return the rows as they are."""
    return fold.train, fold.test


def pca(fold: Fold) -> Codes:
    """Return whitened principal components."""
    return fold.white.apply(fold.train), fold.white.apply(fold.test)


def pca_random(fold: Fold) -> Codes:
    """Return whitened principal components after a random rotation."""
    rng = np.random.default_rng(fold.seed)
    turn = GROUPS["rigid"].sample(fold.n_components, rng).matrix
    return fold.white.apply(fold.train) @ turn.T, fold.white.apply(fold.test) @ turn.T


def pca_ica(fold: Fold) -> Codes:
    """Return independent components of the training rows."""
    train, test = pca(fold)
    ica = LatentICA(replication=False, random_state=fold.seed)
    ica.fit(train)
    return np.asarray(ica.transform(train)), np.asarray(ica.transform(test))


def ica_controls(fold: Fold) -> Codes:
    """Return independent components of the training batches' controls, of all rows."""
    controls = replace(fold, train=fold.train[np.asarray(fold.train_control)])
    if len(controls.train) <= fold.n_components:
        raise InputError(
            f"ica_controls: {fold.n_components} components were asked for, and the training "
            f"batches have {len(controls.train)} controls; ask for fewer"
        )
    ica = LatentICA(replication=False, random_state=fold.seed)
    ica.fit(controls.white.apply(controls.train))
    train, test = (controls.white.apply(rows) for rows in (fold.train, fold.test))
    return np.asarray(ica.transform(train)), np.asarray(ica.transform(test))


def pca_ica_drop(fold: Fold) -> Codes:
    """Return independent components, less those of which the batch explains most."""
    return _without_technical(pca_ica(fold), fold)


def pca_drop(fold: Fold) -> Codes:
    """Return principal components, less those of which the batch explains most."""
    return _without_technical(pca(fold), fold)


def _without_technical(codes: Codes, fold: Fold) -> Codes:
    train, test = codes
    share = group_shares(train, fold.train_batch, n_folds=FOLDS, seed=fold.seed)
    kept = share < TECHNICAL
    if not kept.any():  # something has to be left to classify by
        kept[share.argmin()] = True
    return train[:, kept], test[:, kept]
