"""The answer to *is it the same every time?*, as frames, as JSON and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.identifiability.runs import RunSummary
from nearid.identifiability.verdict import (
    NOTHING_TO_FIND,
    NOTHING_TO_REMOVE,
    smallest_group,
    undefined_pairs,
)
from nearid.plain import plain, records

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Correlations", "StatisticalIdentifiability"]

#: What each verdict says to someone who has never heard of groups.
MEANING = {
    "identity": "the runs agree coordinate by coordinate, as they are",
    "signed_permutation": "the runs agree once coordinates are reordered and their signs flipped: "
    "single coordinates can be trusted",
    "rigid": "the runs agree up to a rotation: distances and angles can be trusted, "
    "single coordinates cannot",
    "similarity": "the runs agree up to a rotation and one scale: angles and ratios of distances "
    "can be trusted, single coordinates cannot",
    "linear": "the runs agree up to a linear map: linear read-outs can be trusted, "
    "distances and single coordinates cannot",
    None: "no group of maps brings the runs together within the tolerance",
}

#: What the verdict of the whitened frame adds, to be read after the word "whitened".
MEANING_WHITENED = {
    "signed_permutation": "the principal axes of the runs agree but for order and signs",
    "ica": "whitening and ICA of each run by itself leave only order and signs open: "
    "single components can be trusted",
    "rigid": "the runs agree up to a rotation",
    "linear": "the runs agree up to a linear map",
    None: None,
}

#: What is said where ICA's components agree, but may be those of these rows alone.
NOT_COUNTED = (
    "ICA of each run by itself agrees too, but is not counted, for components are Gaussian as far "
    "as these rows show (more rows may show more)"
)


@dataclass(frozen=True, eq=False)
class Correlations:
    """|correlation| between the matched coordinates of two runs, on held-out rows.

    Parameters
    ----------
    target, source : str
        Names of the runs.
    matrices : mapping of str to ndarray, shape (d, d)
        ``"own"`` coordinates, whitened ``"pca"`` axes and ``"ica"`` components; rows are the
        target's, columns the source's, matched pairs on the diagonal, best first.
    """

    target: str
    source: str
    matrices: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class StatisticalIdentifiability:
    """How far apart several trainings of one representation are, and up to what (Definition 1).

    Errors are held-out ``ε = ‖Z_target − h(Z_source)‖ / Δ``: lower is closer, 0 is identical.
    ``relative`` divides by the null's ε, that of shuffled rows: 0 is identical, 1 is chance.

    Attributes
    ----------
    verdict : str or None
        The smallest native group at which every pair of runs is within the tolerance.
    verdict_whitened : str or None
        Likewise in the whitened frame: ``"ica"`` says that whitening and ICA, of each run by
        itself, leave only order and signs open.
    ica_efficiency : float
        Mean over pairs of ``(ε_perm − ε_ICA) / (ε_perm − ε_rigid)``: 1 as good as the supervised
        rotation, 0 no better than the PCA axes; nan where undefined, see the warnings.
    ica_efficiency_ci : (float, float)
        95 % interval, over held-out rows (and runs, from three up).
    overall : DataFrame
        A row per frame and group: means over pairs with their interval, the null, and the worst
        pair.
    efficiencies : DataFrame
        ICA efficiency of each ordered pair.
    components : DataFrame
        A row per pair and matched coordinate: held-out correlation, runner-up, whether the match
        is ambiguous, and whether the component is Gaussian as far as ICA can see.
    warnings : list of str
        Everything that a reader must know before trusting the numbers.
    runs : tuple of RunSummary
    correlations : Correlations or None
        The picture of one typical pair.
    settings : dict
        The arguments, with defaults filled in.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, Definition 1.
    """

    pairs: pd.DataFrame
    overall: pd.DataFrame
    efficiencies: pd.DataFrame
    components: pd.DataFrame
    ica_efficiency: float
    ica_efficiency_ci: tuple[float, float]
    verdict: str | None
    verdict_whitened: str | None
    warnings: list[str]
    runs: tuple[RunSummary, ...]
    correlations: Correlations | None
    settings: Mapping[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per ordered pair, frame and group.

        Columns: ``target, source, frame, group, mean, median, q95, q99, max, ci_low, ci_high,
        null, relative, r2, mcc``; errors are divided by the target's diameter, the interval is
        that of ``mean``.
        """
        return self.pairs.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the picture as plain values, ready for JSON (nan becomes None)."""
        return {
            "verdict": self.verdict,
            "verdict_whitened": self.verdict_whitened,
            "ica_efficiency": plain(self.ica_efficiency),
            "ica_efficiency_ci": [plain(v) for v in self.ica_efficiency_ci],
            "warnings": list(self.warnings),
            "runs": [asdict(run) for run in self.runs],
            "settings": {key: plain(value) for key, value in self.settings.items()},
            "overall": records(self.overall),
            "pairs": records(self.pairs),
            "efficiencies": records(self.efficiencies),
            "components": records(self.components),
        }

    @property
    def meaning(self) -> str:
        """The verdict in plain words."""
        return MEANING[self.verdict]

    @property
    def meaning_whitened(self) -> str | None:
        """The verdict of the whitened frame in plain words, if there is one."""
        meaning = MEANING_WHITENED[self.verdict_whitened]
        if self.verdict_whitened not in ("rigid", "linear"):
            return meaning
        bound = {"tolerance": self.settings["tolerance"], "epsilon": self.settings["epsilon"]}
        rows = self.overall[self.overall["group"] == "ica"]
        if smallest_group(rows, "whitened", **bound) is not None:
            return f"{meaning}; {NOT_COUNTED}"
        rigid = self.verdict_whitened == "rigid"
        return f"{meaning}, which ICA alone does not find" if rigid else meaning

    @property
    def n_components(self) -> int:
        """How many whitened components of each run were compared, 0 where no two runs were."""
        whitened = self.components.loc[self.components["frame"] == "whitened", "component"]
        return int(whitened.max()) + 1 if len(whitened) else 0

    @property
    def efficiency_in_words(self) -> str:
        """The ICA efficiency and its interval in one sentence."""
        if not np.isfinite(self.ica_efficiency):
            return f"ICA efficiency: undefined{self._why_undefined()}"
        low, high = self.ica_efficiency_ci
        return (
            f"ICA efficiency: {self.ica_efficiency:.0%} [{low:.0%}, {high:.0%}] of what a rotation "
            f"can remove is gone after ICA of each run by itself"
        )

    def summary(self) -> str:
        """Return the verdict, the ladder and the warnings as text for a terminal."""
        lines = [f"verdict: {self.verdict or 'not identifiable'} — {self.meaning}"]
        if self.n_components:
            words = self.meaning_whitened or MEANING[None]
            named = self.verdict_whitened or "not identifiable"
            lines.append(f"whitened: {named} — {words}")
            lines.append(f"whitened components of each run: {self.n_components}")
        lines += ["", *_ladder_text(self.overall), "", self.efficiency_in_words]
        lines += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)

    def _why_undefined(self) -> str:
        if not self.settings["ica"]:
            return ": ICA was not run"
        agreeing, at_chance = undefined_pairs(self.efficiencies, self.pairs)
        if agreeing and not at_chance:
            return f": {NOTHING_TO_REMOVE}"
        if at_chance and not agreeing:
            return f": {NOTHING_TO_FIND}"
        return " (see the warnings)"


def _ladder_text(overall: pd.DataFrame) -> list[str]:
    head = f"{'frame':9} {'up to':19} {'ε':>7} {'95 % interval':>17} {'chance':>7} {'ε/chance':>9}"
    return [head] + [
        f"{row.frame:9} {row.group:19} {row.mean:7.4f} [{row.ci_low:7.4f}, {row.ci_high:7.4f}]"
        f" {row.null:7.4f} {row.relative:9.3f}"
        for row in overall.itertuples()
    ]
