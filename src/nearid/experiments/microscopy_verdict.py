"""The bars, and whether they were met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from nearid.deconfounding.intervals import Mean, mean_over_batches

__all__ = ["bars", "gain", "verdict"]

#: What the bars ask for: worlds, encoders, plates and epochs.
FULL = {"n_worlds": 5, "n_encoders": 3, "n_plates": 30, "epochs": 40}


def gain(
    scores: pd.DataFrame,
    method: str,
    reference: str | None,
    *,
    classifier: str,
    level: str = "well",
    measure: str = "auroc",
) -> Mean:
    """Return how much better a version is than another, paired over plates and perturbations.

    The mean over perturbations and encoders of one plate counts as one number. Its interval is that
    of :func:`nearid.deconfounding.intervals.mean_over_batches`; with three worlds or more, the
    interval over the means of worlds where that is wider.

    Parameters
    ----------
    scores : DataFrame
        Of one kind of features.
    method, reference : str
        None for the version's own value.
    classifier, level, measure : str
    """
    chosen = scores[(scores["classifier"] == classifier) & (scores["level"] == level)]
    table = chosen.pivot_table(index=["world", "plate"], columns="method", values=measure)
    if method not in table or (reference is not None and reference not in table):
        return Mean(*[float("nan")] * 4)
    values = table[method] - (table[reference] if reference is not None else 0)
    n_plates = table.index.get_level_values("plate").nunique()
    found = mean_over_batches(values.to_numpy(dtype=np.float64), test_share=1 / (n_plates - 1))
    by_world = values.groupby("world").mean().to_numpy(dtype=np.float64)
    if len(by_world) < 3:
        return found
    wide = mean_over_batches(by_world, test_share=0.0)
    return Mean(found.value, min(found.low, wide.low), max(found.high, wide.high), found.p)


def bars(scores: pd.DataFrame, drops: pd.DataFrame) -> pd.DataFrame:
    """Return every bar with what was found.

    Parameters
    ----------
    scores, drops : DataFrame
        From :func:`nearid.experiments.microscopy_worlds.measure_worlds`.

    Returns
    -------
    DataFrame
        ``bar``, ``found``, ``low``, ``high``, ``met``; the last is None where nothing is asked for.
    """
    kinds = dict(list(scores.groupby("kind")))
    trained = scores[scores["kind"].str.startswith("encoder")]
    perfect, noise = kinds["oracle"], kinds["gaussian"]
    rows = [_rotations(scores)]
    found = gain(perfect, "pca_ica", "pca", classifier="top3")
    rows.append(
        _bar("oracle: top 3, ICA − PCA at least .05", found, found.value >= 0.05 and found.low > 0)
    )
    found = gain(perfect, "pca_ica", None, classifier="l1", measure="hoyer")
    rows.append(_bar("oracle: sparsity of ICA’s weights at least .85", found, found.value >= 0.85))
    for reference in ("pca", "pca_random"):
        found = gain(noise, "pca_ica", reference, classifier="top3")
        title = {"pca": "PCA", "pca_random": "random"}[reference]
        rows.append(
            _bar(f"all Gaussian: top 3, ICA − {title} not above 0", found, not found.low > 0)
        )
    found = gain(trained, "pca_ica", "pca_random", classifier="top3")
    rows.append(_bar("encoders: top 3, ICA − random above 0", found, found.low > 0))
    found = gain(trained, "pca_ica", "pca_random", classifier="l1", measure="hoyer")
    rows.append(_bar("encoders: sparsity, ICA − random at least .10", found, found.value >= 0.1))
    found = _training(trained, kinds["untrained"])
    rows.append(
        _bar("encoders: trained − untrained (PCA, L1) at least .05", found, found.value >= 0.05)
    )
    found = gain(drops, "ica_drop", "pca_drop", classifier="l1")
    rows.append(_bar("plates dropped: ICA − PCA (L1) above 0", found, found.low > 0))
    for reference, title in (("random_drop", "random rotation"), ("nap", "NAP")):
        found = gain(drops, "ica_drop", reference, classifier="l1")
        rows.append(_bar(f"plates dropped: ICA − {title} (L1), decides nothing", found, None))
    for level in ("well", "cell"):
        if level in set(trained["level"]):
            found = gain(trained, "pca_ica", "pca", classifier="l1", level=level)
            rows.append(_bar(f"encoders, by {level}: ICA − PCA (L1), decides nothing", found, None))
    found = gain(kinds["gaussian plates"], "pca_ica", "pca", classifier="top3")
    rows.append(
        _bar("Gaussian phenotypes on plates: top 3, ICA − PCA, decides nothing", found, None)
    )
    return pd.DataFrame(rows)


def _bar(title: str, found: Mean, met: bool | None) -> dict[str, Any]:
    told = None if met is None else "yes" if met else "no"
    return {"bar": title, "found": found.value, "low": found.low, "high": found.high, "met": told}


def _rotations(scores: pd.DataFrame) -> dict[str, Any]:
    """Compare L2 across rotations: it is blind to them, so a difference is a fault of the code."""
    chosen = scores[scores["classifier"] == "l2"]
    keys = ["kind", "world", "plate", "perturbation", "level"]
    table = chosen.pivot_table(index=keys, columns="method", values="auroc")
    rotated = table[["pca", "pca_random", "pca_ica"]].to_numpy(dtype=np.float64)
    worst = float(np.ptp(rotated, axis=1).max())
    title = "L2 the same across rotations, to 1e-6"
    return _bar(title, Mean(worst, worst, worst, float("nan")), worst <= 1e-6)


def _training(trained: pd.DataFrame, untrained: pd.DataFrame) -> Mean:
    both = [trained.assign(method="trained", was=trained["method"])]
    both.append(untrained.assign(method="untrained", was=untrained["method"]))
    joined = pd.concat(both)
    return gain(joined[joined["was"] == "pca"], "trained", "untrained", classifier="l1")


def verdict(found: pd.DataFrame, sizes: Mapping[str, int]) -> str:
    """Return what the bars say together.

    Parameters
    ----------
    found : DataFrame
        From :func:`bars`.
    sizes : mapping of str to int
        ``n_worlds``, ``n_encoders``, ``n_plates``, ``epochs``.

    Examples
    --------
    >>> table = pd.DataFrame({"bar": ["a", "b"], "met": ["yes", "no"]})
    >>> verdict(table, {"n_worlds": 1, "n_encoders": 1, "n_plates": 6, "epochs": 1})
    'no verdict: it takes 5 worlds, 3 encoders, 30 plates and 40 epochs; not met here: b'
    >>> verdict(table, {"n_worlds": 5, "n_encoders": 3, "n_plates": 30, "epochs": 40})
    'not reproduced; not met: b'
    """
    missed = [row["bar"] for row in found.to_dict("records") if row["met"] == "no"]
    if any(sizes[name] < least for name, least in FULL.items()):
        wanted = "it takes 5 worlds, 3 encoders, 30 plates and 40 epochs"
        return f"no verdict: {wanted}; not met here: {'; '.join(missed) or 'none'}"
    return (
        f"not reproduced; not met: {'; '.join(missed)}"
        if missed
        else "reproduced: all bars are met"
    )
