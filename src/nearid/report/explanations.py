"""The verdict and ICA efficiency in sentences that need no mathematics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nearid.identifiability.verdict import undefined_pairs
from nearid.plots.labels import capital
from nearid.report.numerals import percent

if TYPE_CHECKING:
    from nearid.identifiability.result import StatisticalIdentifiability

__all__ = ["Headline", "efficiency_text", "headline", "sentence"]

TITLES = {
    "identity": "The runs learned the same representation, coordinate by coordinate",
    "signed_permutation": "The runs learned the same coordinates, in another order and with "
    "other signs",
    "rigid": "The runs learned the same geometry, seen from different directions",
    "similarity": "The runs learned the same geometry, rotated and at different scales",
    "linear": "The runs hold the same linear information, arranged in different geometries",
}


@dataclass(frozen=True)
class Headline:
    """The verdict: a title and what to make of it.

    Parameters
    ----------
    title, text : str
    status : {"yes", "no", "unknown"}
    """

    title: str
    text: str
    status: str


def sentence(text: str, names: Sequence[str]) -> str:
    """Begin with a capital, unless the text begins with a run's name, and end with a full stop.

    Examples
    --------
    >>> sentence("no run has ids: order is assumed", ["run 1"])
    'No run has ids: order is assumed.'
    >>> sentence("run 1 has collapsed", ["run 1"])
    'run 1 has collapsed.'
    """
    named = text.startswith(tuple(names))
    return f"{text if named else capital(text)}."


def headline(result: StatisticalIdentifiability) -> Headline:
    """Say in one sentence, and a few more, what was found.

    Examples
    --------
    >>> import nearid, numpy as np
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> headline(nearid.statistical_identifiability([z, 0 * z])).title
    'Nothing could be compared'
    """
    if result.overall.empty:
        text = (
            "Fewer than two of the runs carry any information, so there is no pair to compare. "
            "The warnings below say which runs are affected."
        )
        return Headline("Nothing could be compared", text, "unknown")
    if result.verdict is not None:
        text = f"Verdict: {result.verdict.replace('_', ' ')}. {capital(result.meaning)}."
        return Headline(TITLES[result.verdict], text + _once_whitened(result), "yes")
    text = _refusal(result) + _once_whitened(result)
    return Headline("The runs are not the same representation", text, "no")


def _once_whitened(result: StatisticalIdentifiability) -> str:
    """Add what whitening and ICA make of a verdict that leaves single coordinates open."""
    if result.verdict in ("identity", "signed_permutation"):
        return ""
    if result.verdict_whitened == "ica":
        return (
            " After whitening and ICA, of each run by itself, only order and signs are left open: "
            "single components can be trusted."
        )
    if result.verdict_whitened == "signed_permutation":
        return " After whitening, the PCA axes of the runs agree but for order and signs."
    return ""


def _refusal(result: StatisticalIdentifiability) -> str:
    rows = result.overall[result.overall["frame"] == "native"].to_dict("records")
    closest = min(rows, key=lambda row: row["relative"])
    name = closest["group"].replace("_", " ")
    text = "Verdict: not identifiable. None of the maps that were tried brings every pair of runs "
    text += (
        f"within the tolerance. The closest is the {name} map, at {percent(closest['relative'])}"
    )
    text += " of chance"
    if closest["relative"] > 0.9:
        return text + ": the runs are hardly closer than unrelated ones."
    if np.isfinite(closest["r2"]) and closest["r2"] > 0:
        text += f" (it explains {percent(closest['r2'])} of the variance)"
    return text + ": related, but not interchangeable."


def efficiency_text(result: StatisticalIdentifiability) -> Headline:
    """Say what an unsupervised rotation achieved, and plainly where it achieved nothing.

    Examples
    --------
    >>> import nearid, numpy as np
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> efficiency_text(nearid.statistical_identifiability([z, -z], ica=False)).title
    'ICA was not run'
    """
    if not result.settings["ica"]:
        return Headline(
            "ICA was not run",
            "It was switched off for this comparison; the picture shows the runs without it.",
            "unknown",
        )
    if not np.isfinite(result.ica_efficiency):
        return Headline("ICA efficiency is undefined", _undefined(result), "unknown")
    low, high = result.ica_efficiency_ci
    interval = f"{percent(result.ica_efficiency)} (95 % interval {percent(low)} to {percent(high)})"
    if result.ica_efficiency <= 0:
        text = (
            f"ICA efficiency is {interval}: rotating each run by ICA brings the runs no closer "
            f"than their PCA axes do. Do not expect ICA components to replicate here."
        )
        return Headline("ICA does not help here", text, "no")
    text = (
        f"ICA efficiency is {interval}. Each run was whitened, to {result.n_components} "
        f"components, and rotated by ICA by itself; this removes "
        f"{percent(result.ica_efficiency)} of what the best rotation, which sees both runs, could "
        f"remove beyond the PCA axes.{_remaining(result)}"
    )
    if low <= 0:
        return Headline("ICA may help; the interval includes zero", text, "after")
    return Headline(f"ICA removes {percent(result.ica_efficiency)} of the ambiguity", text, "yes")


def _undefined(result: StatisticalIdentifiability) -> str:
    if not result.n_components:
        return "No two runs could be compared."
    text = "In no pair does the best rotation bring the runs closer than their PCA axes do"
    agreeing, at_chance = undefined_pairs(result.efficiencies, result.pairs)
    if at_chance and agreeing:
        return (
            f"{text}: {agreeing} ordered pairs already match as well as they can, and {at_chance} "
            f"stay at chance. ICA has nothing to add."
        )
    if at_chance:
        return text + ", because nothing does: they stay at chance. ICA has nothing to recover."
    return text + ": the PCA axes already match as well as they can, and ICA has nothing to add."


def _remaining(result: StatisticalIdentifiability) -> str:
    rows = result.overall[result.overall["frame"] == "whitened"].set_index("group")
    left = float(rows["relative"]["ica"])
    text = f" Error after ICA is {percent(left)} of chance"
    if result.verdict_whitened in ("ica", "signed_permutation"):
        return text + ", within the tolerance: components replicate from run to run."
    return text + ", so components replicate only in part: see below which ones do."
