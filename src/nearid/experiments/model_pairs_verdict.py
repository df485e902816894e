"""What pairs of models show beside the published figures, and why where they fall short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nearid.experiments.model_pairs import NOTHING

__all__ = ["BAR", "HIGH_BAR", "KINDS", "Kind", "published", "verdicts"]

#: Efficiency of tokens that is to be reached after what is no content was removed.
BAR = 0.40
#: What is claimed of masked auto-encoders alone, and to count must exceed the untrained pair's.
HIGH_BAR = 0.60


@dataclass(frozen=True)
class Kind:
    """A kind of pair, and what was published for one of it.

    Parameters
    ----------
    title : str
    published_pair : str
        Empty where nothing was published.
    published : float
        ICA efficiency; nan where nothing was.
    permutation, rigid, linear, ica : float
        Published errors, as shares of the diameter.
    tokens : bool
        Whether rows are tokens, for which there is a bar.
    """

    title: str
    published_pair: str = ""
    published: float = np.nan
    permutation: float = np.nan
    rigid: float = np.nan
    linear: float = np.nan
    ica: float = np.nan
    tokens: bool = False


#: Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970.
KINDS = {
    "language": Kind(
        "Language models", "Pythia-160M, two seeds", 0.25, 0.219, 0.150, 0.131, 0.202, tokens=True
    ),
    "mae": Kind(
        "Masked auto-encoders",
        "MAE, weights of timm and of its authors",
        0.59,
        0.197,
        0.109,
        0.036,
        0.145,
        tokens=True,
    ),
    "sizes": Kind(
        "Supervised, other sizes", "CheXpert, small and base", 0.38, 0.218, 0.104, 0.048, 0.175
    ),
    "heads": Kind(
        "Supervised, other heads or seeds",
        "ResNet-18, two classifiers",
        0.40,
        0.382,
        0.206,
        0.175,
        0.312,
    ),
    "sentences": Kind("Sentence encoders"),
}


def published() -> pd.DataFrame:
    """Return the published table: a row per pair, errors as shares of the diameter.

    Examples
    --------
    >>> published()["efficiency"].tolist()
    [0.25, 0.59, 0.38, 0.4]
    """
    rows = [
        {
            "kind": kind.title,
            "pair": kind.published_pair,
            "permutation": kind.permutation,
            "ica": kind.ica,
            "rigid": kind.rigid,
            "linear": kind.linear,
            "efficiency": kind.published,
        }
        for kind in KINDS.values()
        if kind.published_pair
    ]
    return pd.DataFrame(rows)


def verdicts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per model that stands for a kind: its efficiency, controls and what they say.

    Parameters
    ----------
    rows : DataFrame
        Of :func:`nearid.experiments.model_pairs.measure`.

    Returns
    -------
    DataFrame
        ``kind, model, published, efficiency, removed, untrained, dependable, bar, reached, text``:
        the efficiency after the first removal, where there is one, and that of untrained runs
        under the same removal.
    """
    found = []
    for (kind, model), part in rows[rows["headline"]].groupby(["kind", "model"], sort=False):
        found.append(_verdict(KINDS[str(kind)], str(kind), str(model), part))
    return pd.DataFrame(found)


def _verdict(about: Kind, kind: str, model: str, part: pd.DataFrame) -> dict[str, Any]:
    trained = part[part["state"] == "trained"]
    raw = trained.iloc[0]
    # the first removal is the one that was fixed in advance
    chosen = trained.iloc[min(1, len(trained) - 1)]
    same = part[(part["state"] == "untrained") & (part["removed"] == chosen["removed"])]
    untrained = float(same["efficiency"].iloc[0]) if len(same) else np.nan
    efficiency = float(chosen["efficiency"])
    reached = efficiency >= BAR if about.tokens else None
    text = [_sentence(raw, chosen, untrained)]
    if about.tokens:
        text.append(_bar(efficiency, chosen))
    if kind == "mae":
        text.append(_high_bar(efficiency, untrained))
    if np.isfinite(chosen["efficiency_dependable"]):
        text.append(
            f"Along the {chosen['components_dependable']:.0f} components that each run finds again "
            f"in halves of its rows it is {chosen['efficiency_dependable']:.2f}."
        )
    return {
        "kind": kind,
        "model": model,
        "published": about.published,
        "raw": float(raw["efficiency"]),
        "efficiency": efficiency,
        "removed": chosen["removed"],
        "untrained": untrained,
        "dependable": float(chosen["efficiency_dependable"]),
        "bar": BAR if about.tokens else np.nan,
        "reached": {True: "yes", False: "no", None: "no bar"}[reached],
        "verdict": chosen["verdict"],
        "text": " ".join(text),
    }


def _sentence(raw: Any, chosen: Any, untrained: float) -> str:
    text = f"{raw['model']}, {raw['layer']}: efficiency {raw['efficiency']:.2f}"
    if chosen["removed"] != NOTHING:
        text += f", and {chosen['efficiency']:.2f} with the means of each {chosen['removed']} gone"
    if np.isfinite(untrained):
        text += f" (untrained {untrained:.2f})"
    level = "" if raw["verdict"] == "none" else f"; as they are, the runs agree: {raw['verdict']}"
    none = "; no group of maps brings the runs together as they are"
    return text + (level or none) + "."


def _bar(efficiency: float, chosen: Any) -> str:
    if efficiency >= BAR:
        return f"The bar of {BAR:.2f} is reached."
    return f"The bar of {BAR:.2f} is not reached: {_reason(chosen)}."


def _reason(chosen: Any) -> str:
    """Say what of a row explains a low efficiency, the most telling first."""
    if chosen["unconverged"]:
        return f"ICA of {chosen['unconverged']:.0f} runs has not converged"
    if chosen["rows"] / 2 < 50 * chosen["n_components"]:
        return f"{chosen['rows']} rows are few for {chosen['n_components']} components"
    k, dependable = chosen["n_components"], chosen["dependable"]
    if dependable < k / 2:
        return f"only {dependable:.0f} of {k} components come back from halves of a run’s own rows"
    return (
        f"ICA has converged and {dependable:.0f} of {k} components come back within runs, but the "
        f"runs share little: even the best rotation between them leaves "
        f"{_percent(chosen['white_rigid_relative'])} of a chance error, and canonical correlations "
        f"are {chosen['canonical']:.2f} on average"
    )


def _high_bar(efficiency: float, untrained: float) -> str:
    if efficiency < HIGH_BAR:
        return f"60 % is not reached: after the removal it is {_percent(efficiency)}."
    if not efficiency > untrained:
        return f"60 % is not reached: the untrained pair has {_percent(untrained)}, no less."
    return f"60 % is reached after the removal, above the untrained pair’s {_percent(untrained)}."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
