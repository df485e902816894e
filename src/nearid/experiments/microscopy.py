"""Four versions of an embedding on plates that were held out: by wells, and cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from nearid.deconfounding.batches import batch_accuracy
from nearid.deconfounding.correctors import METHODS
from nearid.deconfounding.folds import Fold, split_batches
from nearid.errors import InputError
from nearid.experiments.microscopy_classifiers import LEARNERS
from nearid.linalg import group_sums
from nearid.metrics.fitting import quiet
from nearid.rows import one_blas_thread

__all__ = [
    "Codes",
    "Lesson",
    "Protocol",
    "codes_of_plates",
    "held_out_scores",
    "lessons",
    "scored",
    "standard_means",
    "wells_of",
]

Array = NDArray[np.float64]

LEVELS = ("well", "cell")


@dataclass(frozen=True)
class Protocol:
    """What was fixed before any other worlds than 0 and 1 were drawn.

    Parameters
    ----------
    n_components : int
        Of all whitened versions.
    budget : int
        Wells of a perturbation, and as many without any, that a classifier is trained on.
    n_random : int
        Random rotations, of which the mean counts.
    methods : tuple of str
        Of :data:`nearid.deconfounding.METHODS`.
    classifiers : tuple of str
        Of :data:`nearid.experiments.microscopy_classifiers.LEARNERS`.
    levels : tuple of str
        Of "well" (the mean over a well's cells) and "cell".
    """

    n_components: int = 32
    budget: int = 8
    n_random: int = 2
    methods: tuple[str, ...] = ("base", "pca", "pca_random", "pca_ica")
    classifiers: tuple[str, ...] = ("l1", "l2", "top3")
    levels: tuple[str, ...] = LEVELS


@dataclass(frozen=True, eq=False)
class Codes:
    """A version of the cells of all plates, fitted on all plates but one.

    Parameters
    ----------
    plate : str
        That one.
    method : str
    repeat : int
        Of what is random.
    values : ndarray, shape (n, k)
    new : ndarray of bool, shape (n,)
        The cells of that plate.
    """

    plate: str
    method: str
    repeat: int
    values: Array
    new: NDArray[np.bool_]


def codes_of_plates(
    features: NDArray[Any], table: pd.DataFrame, protocol: Protocol, *, seed: int
) -> Iterator[Codes]:
    """Fit every version to the cells of all plates but one, for each plate in turn.

    Parameters
    ----------
    features : ndarray, shape (n, D)
        Of cells.
    table : DataFrame, n rows
        Of a :class:`nearid.datasets.cells.Screen`.
    protocol : Protocol
    seed : int

    Raises
    ------
    InputError
        If there are fewer features than components.
    """
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or len(values) != len(table) or values.shape[1] < protocol.n_components:
        raise InputError(
            f"features must be a row per cell, {len(table)}, of at least {protocol.n_components} "
            f"numbers, one per component; got shape {values.shape}"
        )
    plates = table["Metadata_Plate"].to_numpy(dtype=str)
    control = table["Metadata_control"].to_numpy() == 1
    for split in split_batches(plates, "leave-one-batch-out"):
        new = np.zeros(len(values), dtype=bool)
        new[split.test] = True
        for method in protocol.methods:
            for repeat in range(protocol.n_random if method == "pca_random" else 1):
                fold = Fold(
                    values[~new],
                    values[new],
                    plates[~new],
                    plates[new],
                    control[~new],
                    control[new],
                    protocol.n_components,
                    seed=1_000 * seed + repeat,
                )
                train, test = METHODS[method].codes(fold)
                # by all training cells: rotated white rows have unit variance along every axis
                scale = train.std(axis=0)
                whole = np.empty((len(values), train.shape[1]))
                whole[~new], whole[new] = train / scale, test / scale
                yield Codes(split.held_out[0], method, repeat, whole, new)


def wells_of(table: pd.DataFrame) -> tuple[NDArray[np.intp], pd.DataFrame]:
    """Return the number of each cell's well, and the wells' own table.

    Examples
    --------
    >>> cells = pd.DataFrame({"Metadata_Plate": ["p", "p", "q"], "Metadata_Well": ["A1"] * 3,
    ...     "Metadata_Perturbation": ["x"] * 3, "Metadata_control": [0] * 3})
    >>> number, wells = wells_of(cells)
    >>> number.tolist(), wells["Metadata_Plate"].tolist()
    ([0, 0, 1], ['p', 'q'])
    """
    grouped = table.groupby(["Metadata_Plate", "Metadata_Well"], sort=True)
    columns = ["Metadata_Plate", "Metadata_Perturbation", "Metadata_control"]
    return np.asarray(grouped.ngroup(), dtype=np.intp), grouped[columns].first().reset_index(
        drop=True
    )


def standard_means(values: Array, number: NDArray[np.intp], known: NDArray[np.bool_]) -> Array:
    """Return the means of wells, over one number for all axes, the same for every rotation.

    Parameters
    ----------
    values : ndarray, shape (n, k)
        Of cells.
    number : ndarray of int, shape (n,)
        Of each cell's well.
    known : ndarray of bool, shape (wells,)
        The wells of training: their variance is 1 on average over the axes.

    Examples
    --------
    >>> values, number = np.array([[1.0], [3.0], [6.0]]), np.array([0, 0, 1])
    >>> standard_means(values, number, np.ones(2, dtype=bool)).tolist()
    [[1.0], [3.0]]
    """
    sums = group_sums(values, number, int(number.max()) + 1)
    means = sums / np.bincount(number)[:, None]
    return np.asarray(means / np.sqrt(means[known].var(axis=0).mean()))


def held_out_scores(
    features: NDArray[Any], table: pd.DataFrame, protocol: Protocol, *, seed: int
) -> pd.DataFrame:
    """Tell every perturbation from the controls of a plate that nothing was fitted on.

    For each plate in turn, versions are fitted on the other plates' cells without labels; then a
    classifier is trained on ``budget`` wells of a perturbation and as many controls of those
    plates, the same for every version.

    Parameters
    ----------
    features, table, protocol, seed
        As in :func:`codes_of_plates`.

    Returns
    -------
    DataFrame
        A row per plate, perturbation, version, level and classifier: ``auroc``,
        ``average_precision``, ``hoyer``, and ``batch_accuracy`` of telling the plates of training
        apart by wells. Means over random rotations.

    Raises
    ------
    InputError
        If a perturbation has fewer wells on the other plates than the budget.
    """
    number, wells = wells_of(table)
    rows: list[dict[str, Any]] = []
    with one_blas_thread():
        for codes in codes_of_plates(features, table, protocol, seed=seed):
            known = (wells["Metadata_Plate"] != codes.plate).to_numpy()
            means = standard_means(codes.values, number, known)
            told = {"plate": codes.plate, "method": codes.method, "repeat": codes.repeat}
            batches = wells["Metadata_Plate"].to_numpy(dtype=str)[known]
            told["batch_accuracy"] = batch_accuracy(means[known], batches)
            for name, lesson in lessons(wells, codes.plate, protocol.budget, seed=seed):
                key = told | {"perturbation": name}
                for level in protocol.levels:
                    at = _at_level(lesson, number, means, codes.values, level)
                    rows += scored(*at, protocol.classifiers, key | {"level": level})
    frame = pd.DataFrame(rows)
    keys = ["plate", "perturbation", "method", "level", "classifier"]
    return frame.groupby(keys, sort=False).mean().drop(columns="repeat").reset_index()


@dataclass(frozen=True, eq=False)
class Lesson:
    """Wells to learn from and to be tested on, by number, and which of all wells are perturbed."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    positive: NDArray[np.bool_]


def lessons(
    wells: pd.DataFrame, plate: str, budget: int, *, seed: int
) -> Iterator[tuple[str, Lesson]]:
    """Draw what a classifier of each perturbation is trained on, and what it is tested on.

    Parameters
    ----------
    wells : DataFrame
        From :func:`wells_of`.
    plate : str
        The one that is held out.
    budget : int
    seed : int
        The draw depends on it, the plate and the perturbation alone.

    Raises
    ------
    InputError
        If there are fewer wells than the budget.
    """
    here = (wells["Metadata_Plate"] == plate).to_numpy()
    control = (wells["Metadata_control"] == 1).to_numpy()
    acting = wells["Metadata_Perturbation"].to_numpy(dtype=str)
    place = int(np.searchsorted(np.unique(wells["Metadata_Plate"].to_numpy(dtype=str)), plate))
    for k, name in enumerate(np.unique(acting[~control])):
        positive = acting == name
        rng = np.random.default_rng([seed, place, k])
        train = [
            _drawn(np.flatnonzero(~here & kind), budget, name, rng) for kind in (positive, control)
        ]
        test = np.flatnonzero(here & (positive | control))
        yield str(name), Lesson(np.concatenate(train), test, positive)


def _drawn(
    places: NDArray[np.intp], budget: int, name: str, rng: np.random.Generator
) -> NDArray[np.intp]:
    if len(places) < budget:
        raise InputError(
            f"{name} or its controls have {len(places)} wells on the plates of training, and the "
            f"budget is {budget}: draw more plates or wells"
        )
    return np.sort(rng.choice(places, budget, replace=False))


def _at_level(
    lesson: Lesson, number: NDArray[np.intp], means: Array, values: Array, level: str
) -> tuple[Array, NDArray[np.bool_], Array, NDArray[np.bool_]]:
    """Return rows and labels of training and of the test: wells, or all cells of these wells."""
    if level == "well":
        train, test, rows, positive = lesson.train, lesson.test, means, lesson.positive
    else:
        train, test = (np.flatnonzero(np.isin(number, w)) for w in (lesson.train, lesson.test))
        rows, positive = values, lesson.positive[number]
    return rows[train], positive[train], rows[test], positive[test]


def scored(
    train: Array,
    positive: NDArray[np.bool_],
    test: Array,
    truth: NDArray[np.bool_],
    classifiers: Sequence[str],
    key: dict[str, Any],
) -> list[dict[str, Any]]:
    """Return a row of scores for each classifier, with the key's columns in front."""
    rows = []
    for name in classifiers:
        with quiet():  # where axes are many, the last digits take long
            outcome = LEARNERS[name](train, positive, test)
        rows.append(
            key
            | {
                "classifier": name,
                "auroc": float(roc_auc_score(truth, outcome.scores)),
                "average_precision": float(average_precision_score(truth, outcome.scores)),
                "hoyer": outcome.hoyer,
            }
        )
    return rows
