"""The structural metrics of several versions of one representation, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from nearid.errors import InputError
from nearid.metrics.arguments import is_continuous
from nearid.metrics.score import Score

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DEFAULT_METRICS", "score_versions"]

Array = NDArray[np.float64]

#: Quick ones that between them ask for modularity, compactness, explicitness and correlation.
DEFAULT_METRICS = ("infomec", "mig", "sap", "modularity", "mcc", "r2")
#: These compare numbers, and take factors as coordinates; the others take them as labels.
OF_COORDINATES = ("mcc", "r2")
#: Disjoint parts of the held-out rows, from whose spread the intervals follow.
PARTS = 5
#: Equal-count bins into which a continuous factor is cut where a metric needs labels.
BINS = 20
COLUMNS = ["version", "metric", "part", "value", "ci_low", "ci_high", "chance", "reason"]


def score_versions(
    factors: Array,
    embedded: Array,
    versions: Mapping[str, Array],
    *,
    names: Sequence[str],
    settings: Mapping[str, Any],
    units: NDArray[np.intp] | None = None,
    random_state: np.random.Generator,
) -> tuple[pd.DataFrame, list[str]]:
    """Score every version of the codes by every metric, all on the same rows.

    The interval is Student's around the value, from the spread of the score between disjoint fifths
    of the rows: resampling with replacement would give the nearest-neighbour estimates ties.

    Parameters
    ----------
    factors : ndarray, shape (n, S)
    embedded : ndarray, shape (n, C)
        The same as coordinates.
    versions : mapping of str to ndarray, shape (n, L)
    names : sequence of str
        Of the factors.
    settings : mapping
        With ``metrics, periods, nominal``.
    units : ndarray of int, shape (n,), optional
        The unit of each row, of which each is in one of the fifths.
    random_state : Generator

    Returns
    -------
    DataFrame
        Columns ``version, metric, part, value, ci_low, ci_high, chance, reason``.
    list of str
        What a reader must know.
    """
    import pandas as pd

    wanted = list(settings["metrics"])
    labelled, notes = _labels(factors, names)
    seed = int(random_state.integers(2**31))
    parts = _parts(len(factors), units, np.random.default_rng(seed))
    rows: list[list[Any]] = []
    for version, codes in versions.items():
        whole = _evaluate(wanted, labelled, embedded, codes, seed, n_shuffles=1)
        folds = [
            _evaluate(wanted, labelled[part], embedded[part], codes[part], seed, n_shuffles=0)
            for part in parts
        ]
        for name, score in whole.items():
            rows += _rows(version, name, score, [fold[name] for fold in folds])
    return pd.DataFrame(rows, columns=COLUMNS), notes


def _parts(
    n: int, units: NDArray[np.intp] | None, rng: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Cut row numbers at random into disjoint parts, by whole units if there are any."""
    if units is None:
        return np.array_split(rng.permutation(n), PARTS)
    names = np.unique(units)
    if len(names) < PARTS:
        raise InputError(
            f"{len(names)} units are held out, and the intervals of the metrics need {PARTS}: give "
            f"more units, or hold out a larger share"
        )
    return [
        np.flatnonzero(np.isin(units, part))
        for part in np.array_split(rng.permutation(names), PARTS)
    ]


def _labels(factors: Array, names: Sequence[str]) -> tuple[Array, list[str]]:
    """Cut continuous factors into bins of equal counts, and say so."""
    labelled, cut = factors.copy(), []
    for column, name in enumerate(names):
        if is_continuous(factors[:, column]):
            edges = np.quantile(factors[:, column], np.linspace(0, 1, BINS + 1)[1:-1])
            labelled[:, column] = np.searchsorted(edges, factors[:, column])
            cut.append(name)
    note = f"continuous factors were cut into {BINS} bins of equal counts for metrics of labels: "
    return labelled, [note + ", ".join(cut)] if cut else []


def _evaluate(
    wanted: Sequence[str],
    labelled: Array,
    embedded: Array,
    codes: Array,
    seed: int,
    *,
    n_shuffles: int,
) -> dict[str, Score]:
    from nearid.metrics.all_metrics import all_metrics

    found: dict[str, Score] = {}
    of_labels = [name for name in wanted if name not in OF_COORDINATES]
    of_coordinates = [name for name in wanted if name in OF_COORDINATES]
    for chosen, factors in ((of_labels, labelled), (of_coordinates, embedded)):
        if chosen:
            found |= all_metrics(
                factors, codes, names=chosen, random_state=seed, n_shuffles=n_shuffles
            )
    return {name: found[name] for name in wanted}


def _rows(version: str, name: str, score: Score, folds: Sequence[Score]) -> list[list[Any]]:
    """Return the rows of one score: its value, and each of its parts that is one number."""
    rows = []
    for part in ["value", *(key for key, value in score.parts.items() if _is_number(value))]:
        value = _number(score, part)
        spread = np.array([_number(fold, part) for fold in folds])
        half = student.ppf(0.975, PARTS - 1) * spread.std(ddof=1) / np.sqrt(PARTS)
        chance = score.chance if part == "value" else score.parts.get(f"chance_{part}")
        if not part.startswith("chance"):
            rows.append(
                [version, name, part, value, value - half, value + half, chance, score.reason]
            )
    return rows


def _number(score: Score, part: str) -> float:
    value = score.value if part == "value" else score.parts.get(part)
    return float("nan") if value is None or not _is_number(value) else float(value)


def _is_number(value: Any) -> bool:
    return value is None or (np.ndim(value) == 0 and not isinstance(value, str | bool | np.bool_))
