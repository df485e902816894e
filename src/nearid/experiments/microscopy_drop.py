"""What it costs to drop the axes that know the plate, beside what projects plates out at once."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.deconfounding.batches import batch_accuracy, new_batch_auroc
from nearid.deconfounding.correctors import METHODS
from nearid.deconfounding.folds import Fold
from nearid.deconfounding.nap import NuisanceProjection
from nearid.deconfounding.shares import group_shares
from nearid.experiments.microscopy import (
    Protocol,
    codes_of_plates,
    lessons,
    scored,
    standard_means,
    wells_of,
)
from nearid.rows import one_blas_thread

__all__ = ["DROPPED", "drop_scores", "kept_axes"]

Array = NDArray[np.float64]

#: Versions whose axes are dropped, and what the result is called.
DROPPED = {"pca": "pca_drop", "pca_random": "random_drop", "pca_ica": "ica_drop"}


def kept_axes(means: Array, plate: NDArray[np.str_], share: float) -> NDArray[np.bool_]:
    """Drop axes, the one that plates explain most first, until plates are hardly told apart.

    Parameters
    ----------
    means : ndarray, shape (n, k)
        Of wells.
    plate : ndarray of str, shape (n,)
    share : float
        Of the accuracy of telling plates apart, above chance, by all axes: what may be left of it.

    Returns
    -------
    ndarray of bool, shape (k,)
        One axis is kept at least: something has to be left to classify by.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> plate = np.repeat(["p", "q"], 50)
    >>> means = np.stack([rng.normal(size=100), 5.0 * (plate == "p")], axis=1)
    >>> kept_axes(means, plate, 0.5).tolist()
    [True, False]
    """
    kept = np.ones(means.shape[1], dtype=bool)
    chance = 1 / len(np.unique(plate))
    least = chance + share * max(0.0, batch_accuracy(means, plate) - chance)
    for axis in np.argsort(-group_shares(means, plate), kind="stable")[:-1]:
        if batch_accuracy(means[:, kept], plate) <= least:
            break
        kept[axis] = False
    return kept


def drop_scores(
    features: NDArray[Any],
    table: pd.DataFrame,
    protocol: Protocol,
    *,
    seed: int,
    share: float = 0.5,
    with_harmony: bool = False,
) -> pd.DataFrame:
    """Score what is left when technical axes are dropped, or plates are projected out.

    Parameters
    ----------
    features, table, protocol, seed
        As in :func:`nearid.experiments.microscopy.held_out_scores`; only wells are looked at.
    share : float, default 0.5
        As in :func:`kept_axes`, which sees the plates of training alone.
    with_harmony : bool, default False
        Whether Harmony is shown as well, of wells, if it is installed: it sees the held-out plate.

    Returns
    -------
    DataFrame
        A row per plate, perturbation, way (``pca_drop``, ``random_drop``, ``ica_drop``, ``nap``,
        ``harmony``) and classifier: ``auroc``, ``n_kept``, ``batch_accuracy`` between the plates of
        training and ``new_batch_auroc`` of telling the held-out plate from those.
    """
    number, wells = wells_of(table)
    plates = wells["Metadata_Plate"].to_numpy(dtype=str)
    rows: list[dict[str, Any]] = []
    with one_blas_thread():
        for codes in codes_of_plates(features, table, protocol, seed=seed):
            if codes.method not in DROPPED or codes.repeat:
                continue
            known = plates != codes.plate
            means = standard_means(codes.values, number, known)
            kept = kept_axes(means[known], plates[known], share)
            ways = [(DROPPED[codes.method], means[:, kept])]
            if codes.method == "pca":
                ways.append(("nap", _projected(means, plates, known)))
                if with_harmony and find_spec("harmonypy"):
                    ways.append(("harmony", _harmony(means, plates, known, seed)))
            for way, values in ways:
                rows += _rows(way, values, wells, codes.plate, protocol, seed)
    return pd.DataFrame(rows)


def _projected(means: Array, plates: NDArray[np.str_], known: NDArray[np.bool_]) -> Array:
    return np.asarray(
        NuisanceProjection(_directions(means, plates[known]))
        .fit(means[known], plates[known])
        .transform(means)
    )


def _directions(means: Array, plates: NDArray[np.str_]) -> int:
    """Return how many directions are projected out: all, or half where plates span all of them."""
    return min(len(np.unique(plates)) - 1, max(1, int(means.shape[1]) // 2))


def _harmony(means: Array, plates: NDArray[np.str_], known: NDArray[np.bool_], seed: int) -> Array:
    fold = Fold(
        means[known], means[~known], plates[known], plates[~known], None, None, means.shape[1], seed
    )
    train, test = METHODS["harmony"].codes(fold)
    whole = np.empty((len(means), train.shape[1]))
    whole[known], whole[~known] = train, test
    return np.asarray(whole / np.sqrt(train.var(axis=0).mean()))


def _rows(
    way: str, means: Array, wells: pd.DataFrame, plate: str, protocol: Protocol, seed: int
) -> Iterator[dict[str, Any]]:
    plates = wells["Metadata_Plate"].to_numpy(dtype=str)
    known = plates != plate
    told = {
        "plate": plate,
        "method": way,
        "n_kept": int(np.linalg.matrix_rank(means[known])),
        "batch_accuracy": batch_accuracy(means[known], plates[known]),
        "new_batch_auroc": new_batch_auroc(means[known], means[~known]),
    }
    for name, lesson in lessons(wells, plate, protocol.budget, seed=seed):
        yield from scored(
            means[lesson.train],
            lesson.positive[lesson.train],
            means[lesson.test],
            lesson.positive[lesson.test],
            protocol.classifiers,
            told | {"perturbation": name, "level": "well"},
        )
