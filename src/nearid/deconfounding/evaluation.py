"""Whether biology carries over to batches that were held out, for every way of correcting."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from nearid.deconfounding.batches import batch_accuracy, new_batch_auroc, retrieval
from nearid.deconfounding.classifiers import CLASSIFIERS, column_auroc
from nearid.deconfounding.correctors import METHODS
from nearid.deconfounding.design import Design, Task, design
from nearid.deconfounding.folds import Fold, Split, Splits, split_batches
from nearid.deconfounding.profiles import as_profiles
from nearid.deconfounding.result import Deconfounding
from nearid.deconfounding.scaling import fit_scale
from nearid.errors import InputError
from nearid.io.location import closest
from nearid.rows import one_blas_thread

__all__ = ["DEFAULT_METHODS", "evaluate"]

Array = NDArray[np.float64]

DEFAULT_METHODS = ("base", "pca", "pca_random", "pca_ica")
#: Components that are kept unless it is said how many.
MOST_COMPONENTS = 32
#: The share of the features among which concentration looks for the signal.
TOP_SHARE = 0.25


def evaluate(
    profiles: Any,
    *,
    batch: str,
    label: str,
    control: str | None = None,
    methods: Sequence[str] = DEFAULT_METHODS,
    classifiers: Sequence[str] = tuple(CLASSIFIERS),
    splits: Splits = "leave-one-batch-out",
    n_components: int | None = None,
    scaling: str = "none",
    n_repeats: int = 5,
    with_retrieval: bool = False,
    representation: str | None = None,
    random_state: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> Deconfounding:
    """Train on some batches, test on the others, with every correction fitted on the first only.

    Each class is told from the controls; without controls, from all other rows. What is random (a
    rotation, a start of ICA, a forest) is repeated, and the mean is given.

    Parameters
    ----------
    profiles : DataFrame, AnnData, path or Profiles
        Rows of features; see :func:`nearid.deconfounding.as_profiles`.
    batch, label : str
        Columns: what is held out, and what is to be recognised.
    control : str, optional
        A column that marks controls by 1 and 0, or the label that controls have.
    methods : sequence of str
        Of :data:`nearid.deconfounding.METHODS`.
    classifiers : sequence of str
        Of :data:`nearid.deconfounding.CLASSIFIERS`. The verdict is that of the first.
    splits : {"leave-one-batch-out", "group-k-fold"} or (train, test)
        The last are two lists of batches.
    n_components : int, optional
        Coordinates of all whitened methods, fixed before any label is seen; if not given, 32, or a
        third of the rows and the rank of the smallest training set where that is less.
    scaling : {"none", "standard", "robust"}, default "none"
        Of the features, by the training rows. Embeddings need none; raw measurements in different
        units do.
    n_repeats : int, default 5
    with_retrieval : bool, default False
        Whether to find rows of the same label as well (needs the extra ``deconfounding``).
    representation : str, optional
        Of an AnnData object, the entry of ``obsm`` that is meant, or "X".
    random_state : int, default 0
    progress : callable, optional
        Called with how many folds are done, of how many, and which batches were held out.

    Returns
    -------
    Deconfounding

    Raises
    ------
    InputError
        If there is one batch or one class only, label and batch are confounded outright, values
        are missing, or an argument is not as described.
    MissingExtraError
        If a method needs a library that is not installed.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, section on cell microscopy.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame(rng.laplace(size=(240, 6)))
    >>> frame["Metadata_Plate"] = np.repeat(list("abc"), 80)
    >>> frame["Metadata_Gene"] = np.where(frame[0] > 0, "hit", "none")
    >>> result = evaluate(
    ...     frame, batch="Metadata_Plate", label="Metadata_Gene", classifiers=["l1"], n_repeats=1
    ... )
    >>> bool((result.summary()["auroc"] > 0.9).all())
    True
    """
    _check(methods, METHODS, "methods")
    _check(classifiers, CLASSIFIERS, "classifiers")
    if n_repeats < 1:
        raise InputError(f"n_repeats is a number of repetitions, from 1; got {n_repeats!r}")
    opened = as_profiles(
        profiles, described_by=[batch, label, control], representation=representation
    )
    crossed = design(opened, batch=batch, label=label, control=control)
    _check_controls(methods, crossed)
    values = opened.values().astype(np.float64)
    divided = split_batches(crossed.batch, splits)
    k = _n_components(values, divided, n_components)
    plan = _Plan(
        tuple(methods), tuple(classifiers), k, scaling, n_repeats, random_state, with_retrieval
    )
    found = _Found()
    with one_blas_thread():
        for number, split in enumerate(divided, 1):
            _evaluate_split(values, crossed, split, plan, found)
            if progress is not None:
                progress(number, len(divided), ", ".join(split.held_out))
    shares = [len(split.test) / len(split.train) for split in divided]
    settings = {
        "batch": batch, "label": label, "control": control, "splits": splits, "scaling": scaling,
        "n_components": k, "n_repeats": n_repeats, "random_state": random_state,
        "n_rows": len(values), "n_features": values.shape[1],
        "n_batches": len(np.unique(crossed.batch)), "association": crossed.association,
    }  # fmt: skip
    return Deconfounding(
        pd.DataFrame(found.scores),
        pd.DataFrame(found.batches),
        test_share=float(np.mean(shares)),
        refused=crossed.refused,
        warnings=(
            *crossed.warnings,
            *_duplicates(values),
            *_scales(values, scaling),
            *_gathered(found.told),
        ),
        settings=settings,
    )


@dataclass(frozen=True)
class _Plan:
    methods: tuple[str, ...]
    classifiers: tuple[str, ...]
    n_components: int
    scaling: str
    n_repeats: int
    random_state: int
    with_retrieval: bool


@dataclass(frozen=True)
class _Found:
    """Rows of scores, rows of what is left of batches, and what methods warned of."""

    scores: list[dict[str, Any]] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)


def _evaluate_split(
    values: Array, crossed: Design, split: Split, plan: _Plan, found: _Found
) -> None:
    """Append the scores of one split: of every method, repetition, class and classifier."""
    scale = fit_scale(values[split.train], plan.scaling)
    train, test = scale.apply(values[split.train]), scale.apply(values[split.test])
    random = [name for name in plan.classifiers if CLASSIFIERS[name].random]
    for name in plan.methods:
        method = METHODS[name]
        for repeat in range(plan.n_repeats if method.random or random else 1):
            key = {"method": name, "repeat": repeat}
            fresh = repeat == 0 or method.random
            if fresh:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    codes = method.codes(_fold(train, test, crossed, split, plan, repeat))
                found.told.extend((name, str(warning.message)) for warning in caught)
                codes = _to_unit_variance(*codes)
            if repeat == 0:  # a linear classifier and cosines hardly depend on the rotation
                found.batches.extend(_batch_rows(codes, crossed, split, key, plan))
            asked = plan.classifiers if fresh else random
            for task in crossed.tasks:
                found.scores.extend(_score_rows(codes, crossed, split, task, key, asked))


def _to_unit_variance(train: Array, test: Array) -> tuple[Array, Array]:
    """Scale every axis by all training rows, so that a penalty treats features alike.

    It leaves whitened rows as they are, and so every rotation of them.
    """
    spread = train.std(axis=0)
    mean, scale = train.mean(axis=0), np.where(spread > 0, spread, 1.0)
    return (train - mean) / scale, (test - mean) / scale


def _fold(
    train: Array, test: Array, crossed: Design, split: Split, plan: _Plan, repeat: int
) -> Fold:
    marked = crossed.control
    return Fold(
        train=train,
        test=test,
        train_batch=crossed.batch[split.train],
        test_batch=crossed.batch[split.test],
        train_control=None if marked is None else marked[split.train],
        test_control=None if marked is None else marked[split.test],
        n_components=plan.n_components,
        seed=_seed(plan.random_state, repeat),
    )


def _score_rows(
    codes: tuple[Array, Array],
    crossed: Design,
    split: Split,
    task: Task,
    key: dict[str, Any],
    classifiers: Sequence[str],
) -> list[dict[str, Any]]:
    """Score a class on every held-out batch of a split; nan where it cannot be."""
    used = task.used[split.train]
    train, positive = codes[0][used], task.positive[split.train][used]
    trained = _both(positive)
    signal = column_auroc(train, positive) if trained else None
    rows = []
    for name in classifiers:
        outcome = (
            CLASSIFIERS[name].score(train, positive, codes[1], key["repeat"]) if trained else None
        )
        for held_out in split.held_out:
            here = (crossed.batch[split.test] == held_out) & task.used[split.test]
            truth = task.positive[split.test][here]
            row = key | {"classifier": name, "held_out": held_out, "task": task.name}
            row |= {"n_train": int(used.sum()), "n_test": len(truth)}
            row |= dict.fromkeys(("auroc", "average_precision", "concentration", "hoyer"), np.nan)
            row["prevalence"] = float(truth.mean()) if len(truth) else np.nan
            if outcome is not None and signal is not None and _both(truth):
                row["hoyer"] = outcome.hoyer
                row["auroc"] = float(roc_auc_score(truth, outcome.scores[here]))
                row["average_precision"] = float(
                    average_precision_score(truth, outcome.scores[here])
                )
                row["concentration"] = _concentration(signal, column_auroc(codes[1][here], truth))
            rows.append(row)
    return rows


def _concentration(train: Array, test: Array) -> float:
    r"""Return how much of the held-out signal lies in the features that were best in training.

    With the signal :math:`s = (2\,AUROC - 1)^2` of each feature by itself, the share of the top
    quarter: 0 if that is a quarter, 1 if it is all.
    """
    signal = (2 * test - 1) ** 2
    if not signal.sum() or len(signal) < 2:
        return float("nan")
    n_top = max(1, round(TOP_SHARE * len(signal)))
    best = np.argsort(-np.abs(train - 0.5), kind="stable")[:n_top]
    level = n_top / len(signal)
    return float((signal[best].sum() / signal.sum() - level) / (1 - level))


def _batch_rows(
    codes: tuple[Array, Array],
    crossed: Design,
    split: Split,
    key: dict[str, Any],
    plan: _Plan,
) -> list[dict[str, Any]]:
    """Say how well the batch can still be told, and whether rows of a label find each other."""
    train, test = codes
    known = crossed.batch[split.train]
    shared = key | {
        "batch_accuracy": batch_accuracy(train, known),
        "chance_batch_accuracy": 1 / len(np.unique(known)),
    }
    rows = []
    for held_out in split.held_out:
        here = crossed.batch[split.test] == held_out
        row = shared | {"held_out": held_out, "new_batch_auroc": new_batch_auroc(train, test[here])}
        if plan.with_retrieval:
            found, chance = retrieval(test[here], crossed.label[split.test][here])
            row |= {"retrieval_map": found, "chance_retrieval_map": chance}
        rows.append(row)
    return rows


def _n_components(values: Array, divided: Sequence[Split], wanted: int | None) -> int:
    """Return how many coordinates every whitened method keeps, in every fold."""
    if wanted is not None:
        if wanted != int(wanted) or wanted < 1:
            raise InputError(f"n_components must be a whole number from 1; got {wanted!r}")
        return int(wanted)
    smallest = min(divided, key=lambda split: len(split.train)).train
    # three rows per component, or ICA follows noise
    return max(1, min(MOST_COMPONENTS, len(smallest) // 3, _rank(values[smallest])))


def _rank(rows: Array) -> int:
    centred = rows - rows.mean(axis=0)
    return int(np.linalg.matrix_rank(centred))


def _gathered(told: Sequence[tuple[str, str]]) -> list[str]:
    """Return what methods warned of while they were fitted, once each, with the first wording."""
    first: dict[str, str] = {}
    for name, message in told:
        first.setdefault(name, message)
    counts = Counter(name for name, _ in told)
    return [f"{name} warned {counts[name]} times, first: {first[name]}" for name in first]


def _duplicates(values: Array) -> list[str]:
    """Warn of rows that occur twice: on two sides of a split they would be known beforehand."""
    flat = np.ascontiguousarray(values)
    distinct = len(np.unique(flat.view(f"V{flat.strides[0]}")))
    extra = len(values) - distinct
    if not extra:
        return []
    return [f"{extra} of {len(values)} rows repeat another row exactly; were wells read twice?"]


def _scales(values: Array, scaling: str) -> list[str]:
    spread = values.std(axis=0)
    widest = spread.max()
    if scaling != "none" or widest <= 100 * max(float(np.median(spread)), 1e-300):
        return []
    return [
        f"one feature's deviation ({widest:.3g}) is more than a hundred times the median "
        f"feature's: principal axes follow units of measurement; consider scaling='standard'"
    ]


def _both(positive: NDArray[np.bool_]) -> bool:
    return bool(positive.any() and not positive.all())


def _seed(random_state: int, repeat: int) -> int:
    state = np.random.SeedSequence([random_state, repeat]).generate_state(1)[0]
    return int(state) >> 1  # Harmony takes 31 bits


def _check(given: Sequence[str], known: Any, what: str) -> None:
    if isinstance(given, str) or not given:
        raise InputError(f"{what} must be a list of one or more of {', '.join(known)}")
    for name in given:
        if name not in known:
            raise InputError(
                f"{what} must be some of {', '.join(known)}; got {name!r}{closest(name, known)}"
            )


def _check_controls(methods: Sequence[str], crossed: Design) -> None:
    needing = [name for name in methods if METHODS[name].needs_control]
    if needing and crossed.control is None:
        raise InputError(f"{needing[0]} needs control=, by which it knows what is typical")
