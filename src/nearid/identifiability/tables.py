"""Evidence as frames: a row per pair and rung, means over pairs, matched components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.identifiability.evidence import FrameEvidence
from nearid.identifiability.percentiles import percentile_interval
from nearid.identifiability.result import Correlations

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["components_frame", "overall_frame", "pairs_frame", "typical_correlations"]

Array = NDArray[np.float64]

ERRORS = ["mean", "median", "q95", "q99", "max"]
PAIR_COLUMNS = ["target", "source", "frame", "group", *ERRORS]
PAIR_COLUMNS += ["ci_low", "ci_high", "null", "relative", "r2", "mcc"]
OVERALL_COLUMNS = ["frame", "group", "mean", "ci_low", "ci_high", "null", "relative"]
OVERALL_COLUMNS += ["relative_low", "relative_high", "worst_upper", "worst_relative_upper"]
OVERALL_COLUMNS += ["r2", "mcc"]


def pairs_frame(
    evidence: Sequence[FrameEvidence],
    names: Sequence[str],
    collapsed: Sequence[str],
    rungs: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """Return a row per ordered pair, frame and rung; those of collapsed runs hold nan.

    Parameters
    ----------
    evidence : sequence of FrameEvidence
    names : sequence of str
        Names of the runs that were measured.
    collapsed : sequence of str
        Names of the runs that could not be.
    rungs : mapping of str to sequence of str
        Names of the rungs of each frame.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for found in evidence:
        for pair in found.pairs:
            low, high = _interval(pair.resampled, pair.errors[:, 0], pair.n_units)
            for i, group in enumerate(found.rungs):
                key = {"target": names[pair.target], "source": names[pair.source]}
                values = [*pair.errors[i], low[i], high[i], pair.null[i]]
                values += [pair.errors[i, 0] / pair.unit[i], pair.r2[i], pair.mcc[i]]
                key |= {"frame": found.frame.name, "group": group}
                rows.append(key | dict(zip(PAIR_COLUMNS[4:], values, strict=True)))
    for frame, groups in rungs.items():
        for source, target in permutations([*names, *collapsed], 2):
            if source in collapsed or target in collapsed:
                key = {"target": target, "source": source, "frame": frame}
                rows += [key | {"group": group} for group in groups]
    numbers = dict.fromkeys(PAIR_COLUMNS[4:], float)
    return pd.DataFrame(rows, columns=PAIR_COLUMNS).astype(numbers)


def _interval(draws: Array, value: Array, n_units: int, axis: int = 0) -> tuple[Array, Array]:
    """Return the interval of errors, which are not below 0."""
    low, high = percentile_interval(draws, value, n_units=n_units, axis=axis)
    return np.maximum(low, 0), high


def overall_frame(evidence: Sequence[FrameEvidence]) -> pd.DataFrame:
    """Return a row per frame and rung: means over pairs, their interval, and the worst pair."""
    import pandas as pd

    rows = []
    for found in evidence:
        resampled, null, unit = (found.stack(what) for what in ("resampled", "null", "unit"))
        errors = found.stack("errors")[:, :, 0]
        relative, relative_draws = errors / unit, resampled / unit[:, None]
        _, upper = _interval(resampled, errors, found.n_units, axis=1)
        for i, group in enumerate(found.rungs):
            low, high = found.interval(errors[:, i], resampled[:, :, i], positive=True)
            relative_low, relative_high = found.interval(
                relative[:, i], relative_draws[:, :, i], positive=True
            )
            rows.append(
                {
                    "frame": found.frame.name,
                    "group": group,
                    "mean": errors[:, i].mean(),
                    "ci_low": low,
                    "ci_high": high,
                    "null": null[:, i].mean(),
                    "relative": relative[:, i].mean(),
                    "relative_low": relative_low,
                    "relative_high": relative_high,
                    "worst_upper": upper[:, i].max(),
                    "worst_relative_upper": (upper[:, i] / unit[:, i]).max(),
                    "r2": found.stack("r2")[:, i].mean(),
                    "mcc": found.stack("mcc")[:, i].mean(),
                }
            )
    return pd.DataFrame(rows, columns=OVERALL_COLUMNS)


def components_frame(
    evidence: Sequence[FrameEvidence],
    names: Sequence[str],
    gaussian: Mapping[int, NDArray[np.bool_]],
    n_rows: int,
) -> pd.DataFrame:
    """Return a row per pair, pairing rung and matched coordinate of the target.

    Parameters
    ----------
    evidence : sequence of FrameEvidence
    names : sequence of str
    gaussian : mapping of run to ndarray of bool, shape (k,)
        Which ICA components the contrast cannot tell from Gaussian.
    n_rows : int
        Held-out rows, which decide when a match is ambiguous.
    """
    import pandas as pd

    parts = []
    for found in evidence:
        for pair in found.pairs:
            for group, match in pair.matches.items():
                part = pd.DataFrame(
                    {
                        "target": names[pair.target],
                        "source": names[pair.source],
                        "frame": found.frame.name,
                        "group": group,
                        "component": np.arange(len(match.partner)),
                        "partner": match.partner,
                        "sign": match.sign,
                        "correlation": match.correlation,
                        "runner_up": match.runner_up,
                        "ambiguous": match.ambiguous(n_rows),
                        "gaussian": False,
                    }
                )
                if group == "ica":
                    part["gaussian"] = gaussian[pair.target]
                parts.append(part)
    columns = ["target", "source", "frame", "group", "component", "partner", "sign"]
    columns += ["correlation", "runner_up", "ambiguous", "gaussian"]
    empty = pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True) if parts else empty


def typical_correlations(
    evidence: Sequence[FrameEvidence], names: Sequence[str]
) -> Correlations | None:
    """Return the picture of the pair whose error is the median one, best matches first."""
    if not evidence:
        return None
    last = evidence[-1]
    rung = last.rungs.index("ica" if "ica" in last.rungs else "rigid")
    order = np.argsort([pair.errors[rung, 0] for pair in last.pairs], kind="stable")
    typical = int(order[len(order) // 2])
    matrices = {}
    for found in evidence:
        for group, match in found.pairs[typical].matches.items():
            label = "own" if found.frame.name == "native" else {"ica": "ica"}.get(group, "pca")
            rows = np.argsort(-match.correlation, kind="stable")
            rows = rows[match.partner[rows] >= 0]
            matrices[label] = match.matrix[np.ix_(rows, match.partner[rows])]
    pair = last.pairs[typical]
    return Correlations(names[pair.target], names[pair.source], matrices)
