"""Pairs of models as an experiment: every pair of runs, with the controls of its efficiency.

An ICA efficiency by itself says little. Where a representation is that of tokens, the axes that
come back may only say at which position a token stands, and an untrained network has them as well.
So each is measured next to the same of untrained networks, and again with the means of every
position (or character, or class) removed from both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.experiments.canonical import canonical_correlations
from nearid.experiments.dependable import dependable_parts
from nearid.ica.replication import REPLICATES
from nearid.identifiability import StatisticalIdentifiability, statistical_identifiability
from nearid.linalg import group_sums

__all__ = ["NOTHING", "Measuring", "Subject", "measure", "without_means"]

Floats = NDArray[Any]

#: What is removed from a representation that is left as it is.
NOTHING = "nothing"

#: Rungs of both frames, by the columns in which they are shown.
RUNGS = {
    "permutation": ("native", "signed_permutation"),
    "rigid": ("native", "rigid"),
    "similarity": ("native", "similarity"),
    "linear": ("native", "linear"),
    "white_permutation": ("whitened", "signed_permutation"),
    "white_random": ("whitened", "random"),
    "white_ica": ("whitened", "ica"),
    "white_rigid": ("whitened", "rigid"),
    "white_linear": ("whitened", "linear"),
}


@dataclass(frozen=True, eq=False)
class Subject:
    """Several runs of one representation of the same inputs, and what is to be controlled for.

    Parameters
    ----------
    kind : str
        Of the pairs, such as "mae".
    model, layer : str
        What a reader is told.
    runs : mapping of str to ndarray, shapes (n, D_m)
        By the names of the runs.
    untrained : mapping of str to ndarray
        The same of networks that were never trained; empty where there are none.
    nuisances : mapping of str to ndarray of int, shape (n,)
        What may be all that agrees, such as the position of each row.
    headline : bool
        Whether this is the layer that was fixed in advance, whose controls are all taken.
    note : str
        What a reader must know of it.
    """

    kind: str
    model: str
    layer: str
    runs: Mapping[str, Floats]
    untrained: Mapping[str, Floats] = field(default_factory=dict)
    nuisances: Mapping[str, NDArray[np.intp]] = field(default_factory=dict)
    headline: bool = False
    note: str = ""


@dataclass(frozen=True)
class Measuring:
    """How pairs are measured: fixed before any is looked at.

    Parameters
    ----------
    n_components : int
        Whitened coordinates.
    n_bootstrap, n_null, n_random : int
        As in :func:`nearid.statistical_identifiability`.
    """

    n_components: int = 32
    n_bootstrap: int = 100
    n_null: int = 2
    n_random: int = 2


def without_means(values: Floats, groups: NDArray[np.intp]) -> Floats:
    """Subtract the mean of its group from every row.

    Parameters
    ----------
    values : ndarray, shape (n, D)
    groups : ndarray of int, shape (n,)
        Numbered from 0.

    Examples
    --------
    >>> without_means(np.array([[1.0], [3.0], [7.0]]), np.array([0, 0, 1])).ravel().tolist()
    [-1.0, 1.0, 0.0]
    """
    sums = group_sums(values, groups, int(groups.max()) + 1)
    means = sums / np.maximum(np.bincount(groups), 1)[:, None]
    return np.asarray((values - means[groups]).astype(values.dtype, copy=False))


def measure(
    subject: Subject, settings: Measuring, *, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Measure all pairs of a subject, as they are, and with each nuisance removed after the other.

    Parameters
    ----------
    subject : Subject
    settings : Measuring
    random_state : int

    Returns
    -------
    rows : DataFrame
        A row for trained and untrained runs and each removal: means over ordered pairs.
    pairs : DataFrame
        A row per ordered pair of the same.
    warnings : list of str
        Of the trained runs, as they are.
    """
    rows, pairs, warnings = [], [], []
    for state, runs in (("trained", subject.runs), ("untrained", subject.untrained)):
        if len(runs) < 2:
            continue
        held = dict(runs)
        removed = []
        for name, groups in _removals(subject):
            if groups is not None:
                removed.append(name)
                held = {run: without_means(z, groups) for run, z in held.items()}
            key: dict[str, Any] = {
                "kind": subject.kind,
                "model": subject.model,
                "layer": subject.layer,
                "state": state,
                "removed": " and ".join(removed) or NOTHING,
                "headline": subject.headline,
            }
            result = _compare(held, settings, random_state)
            rows.append(key | _row(held, result, settings, random_state, deep=subject.headline))
            pairs.append(_pairs(result).assign(**key))
            if state == "trained" and not removed:
                warnings += result.warnings
    return pd.DataFrame(rows), pd.concat(pairs, ignore_index=True), warnings


def _removals(subject: Subject) -> list[tuple[str, NDArray[np.intp] | None]]:
    """Return what is removed, one after the other; all of it at the layer that stands for a model.

    Elsewhere the first of them must do.
    """
    several = list(subject.nuisances.items())
    return [(NOTHING, None), *(several if subject.headline else several[:1])]


def _compare(
    runs: Mapping[str, Floats], settings: Measuring, seed: int
) -> StatisticalIdentifiability:
    return statistical_identifiability(
        runs,
        n_components=settings.n_components,
        n_bootstrap=settings.n_bootstrap,
        n_null=settings.n_null,
        n_random=settings.n_random,
        random_state=seed,
    )


def _row(
    runs: Mapping[str, Floats],
    result: StatisticalIdentifiability,
    settings: Measuring,
    seed: int,
    *,
    deep: bool,
) -> dict[str, Any]:
    table = result.overall.set_index(["frame", "group"])
    low, high = result.ica_efficiency_ci
    values = list(runs.values())
    ica = result.components[result.components["group"] == "ica"]
    replicating = ica[ica["correlation"] > REPLICATES].groupby(["target", "source"]).size()
    n_pairs = len(runs) * (len(runs) - 1)
    row: dict[str, Any] = {
        "runs": len(runs),
        "rows": len(values[0]),
        "width": min(z.shape[1] for z in values),
        "n_components": ica["component"].nunique(),
        "efficiency": result.ica_efficiency,
        "efficiency_low": low,
        "efficiency_high": high,
        "verdict": result.verdict or "none",
        "verdict_whitened": result.verdict_whitened or "none",
    }
    for column, rung in RUNGS.items():
        row |= {
            column: table.at[rung, "mean"],
            f"{column}_low": table.at[rung, "ci_low"],
            f"{column}_high": table.at[rung, "ci_high"],
            f"{column}_relative": table.at[rung, "relative"],
        }
    # after its rows were shuffled, a linear map has nothing but the mean to predict
    row["mean_native"] = table.at[("native", "linear"), "null"]
    row["mean_white"] = table.at[("whitened", "linear"), "null"]
    rng = np.random.default_rng(seed)
    shared = np.array(
        [
            canonical_correlations(a, b, n_components=int(row["n_components"]), rng=rng)
            for a, b in combinations(values, 2)
        ]
    )
    row |= {
        "canonical": shared.mean(),
        "canonical_above": (shared > REPLICATES).sum(axis=1).mean(),
        "replicating": replicating.sum() / n_pairs,
        "unconverged": sum("has not converged" in warning for warning in result.warnings),
    }
    return row | _alone(runs, settings, seed, deep=deep)


def _alone(
    runs: Mapping[str, Floats], settings: Measuring, seed: int, *, deep: bool
) -> dict[str, Any]:
    """Compare the parts of runs that each run by itself says can be depended on."""
    row = {"dependable": np.nan, "super_gaussian": np.nan, "efficiency_dependable": np.nan}
    if not deep:
        return row
    parts = dependable_parts(list(runs.values()), settings.n_components, random_state=seed)
    row |= {"dependable": parts.counts.mean(), "super_gaussian": parts.super_gaussian}
    if parts.n_components < 2:
        return row
    fewer = Measuring(parts.n_components, settings.n_bootstrap, settings.n_null, settings.n_random)
    result = _compare(dict(zip(runs, parts.values, strict=True)), fewer, seed)
    low, high = result.ica_efficiency_ci
    return row | {
        "efficiency_dependable": result.ica_efficiency,
        "efficiency_dependable_low": low,
        "efficiency_dependable_high": high,
        "components_dependable": parts.n_components,
    }


def _pairs(result: StatisticalIdentifiability) -> pd.DataFrame:
    """Return a row per ordered pair: efficiency, and the errors of all rungs."""
    keys = ["target", "source"]
    wide = result.efficiencies[[*keys, "efficiency", "ci_low", "ci_high"]]
    for column, (frame, group) in RUNGS.items():
        chosen = (result.pairs["frame"] == frame) & (result.pairs["group"] == group)
        part = result.pairs.loc[chosen, [*keys, "mean"]].rename(columns={"mean": column})
        wide = wide.merge(part, on=keys)
    return wide
