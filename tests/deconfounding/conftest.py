"""Plates of wells with known biology and known batch effects."""

import numpy as np
import pandas as pd
import pytest

from nearid.deconfounding.folds import Fold


def make_plates(
    n_plates=6, n_wells=60, n_features=12, *, batch=3.0, biology=1.5, seed=0, gaussian=False
):
    """Return wells: one factor carries the label, two the batch, and all are mixed linearly."""
    rng = np.random.default_rng(seed)
    n = n_plates * n_wells
    plate = np.repeat([f"plate{i}" for i in range(n_plates)], n_wells)
    label = np.where(rng.permuted(np.tile([0, 1], n // 2).reshape(n_plates, -1), axis=1), "a", "b")
    label = label.ravel()
    draw = rng.standard_normal if gaussian else (lambda size: rng.laplace(size=size))
    sources = draw((n, n_features))
    sources[:, 0] += biology * (label == "a")
    shifts = batch * rng.standard_normal((n_plates, 2))
    sources[:, 1:3] += np.repeat(shifts, n_wells, axis=0)
    frame = pd.DataFrame(sources @ rng.standard_normal((n_features, n_features)))
    frame = frame.add_prefix("Cells_Texture_")
    frame["Metadata_Plate"], frame["Metadata_Label"] = plate, label
    frame["Metadata_Well"] = np.tile([f"W{i:02d}" for i in range(n_wells)], n_plates)
    frame["Metadata_control"] = (label == "b").astype(int)
    return frame


@pytest.fixture(scope="session")
def plates():
    """What makes wells."""
    return make_plates


@pytest.fixture(scope="session")
def frame():
    """Wells with a label effect and a batch effect."""
    return make_plates()


def one_fold(frame, values, held_out):
    """Return what a method sees when these rows are held out."""
    batch = frame["Metadata_Plate"].to_numpy(dtype=str)
    control = frame["Metadata_control"].to_numpy(dtype=bool)
    return Fold(
        train=values[~held_out],
        test=values[held_out],
        train_batch=batch[~held_out],
        test_batch=batch[held_out],
        train_control=control[~held_out],
        test_control=control[held_out],
        n_components=8,
        seed=0,
    )


@pytest.fixture(scope="session")
def fold_of():
    """What makes a fold."""
    return one_fold
