"""What follows from the scores of single runs: means, regret, and shares of the attainable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import t as student

__all__ = ["attainable_shares", "interval", "means", "metric_means", "regrets"]


def interval(values: ArrayLike) -> tuple[float, float]:
    """Return the mean of what is finite, and half of Student's 95 % interval (nan for one value).

    Examples
    --------
    >>> mean, half = interval([1.0, 2.0, 3.0, np.nan])
    >>> round(mean, 3), round(half, 3)
    (2.0, 2.484)
    """
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    if len(found) < 2:
        return float(found.mean()) if len(found) else float("nan"), float("nan")
    half = student.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
    return float(found.mean()), float(half)


def means(scores: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return a row per model and version, with the mean of each score and its interval.

    Parameters
    ----------
    scores : DataFrame
        A row per model, seed and version.
    names : sequence of str
        Columns of it.

    Returns
    -------
    DataFrame
        Columns ``model, version, runs, n_components`` (mean), and for each name ``name, name_low,
        name_high``.
    """
    rows = []
    for (model, version), part in scores.groupby(["model", "version"], sort=False):
        row: dict[str, Any] = {"model": model, "version": version, "runs": len(part)}
        row["n_components"] = float(part["n_components"].mean())
        for name in names:
            mean, half = interval(part[name])
            row |= {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}
        rows.append(row)
    return pd.DataFrame(rows)


def metric_means(scores: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return a row per model, version and score.

    Returns
    -------
    DataFrame
        Columns ``model, version, metric, mean, low, high, chance``.
    """
    rows = []
    for (model, version), part in scores.groupby(["model", "version"], sort=False):
        for name in names:
            mean, half = interval(part[name])
            row: dict[str, Any] = {"model": model, "version": version, "metric": name}
            row |= {"mean": mean, "low": mean - half, "high": mean + half}
            rows.append(row | {"chance": interval(part[f"chance_{name}"])[0]})
    return pd.DataFrame(rows)


def regrets(grids: pd.DataFrame) -> pd.DataFrame:
    """Return by how much the cell that labels would have chosen has more InfoM than the chosen.

    Parameters
    ----------
    grids : DataFrame
        Columns ``model, dropped, solver, chosen, infom``.

    Returns
    -------
    DataFrame
        A row per model: ``model, dropped, solver, infom`` of the chosen cell, ``best_dropped,
        best_solver, best_infom`` of the oracle's, and ``regret``.
    """
    rows = []
    for model, grid in grids.groupby("model", sort=False):
        [chosen] = grid[grid["chosen"]].to_dict("records")
        best = max(grid.to_dict("records"), key=lambda cell: _or_least(cell["infom"]))
        row: dict[str, Any] = {"model": model}
        row |= {name: chosen[name] for name in ("dropped", "solver", "infom")}
        row |= {f"best_{name}": best[name] for name in ("dropped", "solver", "infom")}
        rows.append(row | {"regret": best["infom"] - chosen["infom"]})
    return pd.DataFrame(rows)


def attainable_shares(scores: pd.DataFrame) -> pd.DataFrame:
    """Return for each run what share ICA has of the InfoM of the best rotation that labels find.

    Parameters
    ----------
    scores : DataFrame
        A row per model, seed and version, with ``infom``; only runs with a version ``attainable``
        count.

    Returns
    -------
    DataFrame
        Columns ``model, seed, random, ica, attainable, share, share_above_random``: the last is
        (ICA − random) / (attainable − random).
    """
    columns = ["random", "ica", "attainable"]
    if "attainable" not in set(scores["version"]):
        return pd.DataFrame(columns=["model", "seed", *columns, "share", "share_above_random"])
    wide = scores.pivot_table(index=["model", "seed"], columns="version", values="infom")
    wide = wide[columns].dropna().reset_index().rename_axis(columns=None)
    wide["share"] = wide["ica"] / wide["attainable"]
    above = wide["attainable"] - wide["random"]
    return wide.assign(share_above_random=(wide["ica"] - wide["random"]) / above)


def _or_least(value: float) -> float:
    return value if np.isfinite(value) else -np.inf
