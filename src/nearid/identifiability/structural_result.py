"""The answer to *is it right?*, as frames, as JSON and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nearid.plain import plain, records

if TYPE_CHECKING:
    import pandas as pd

    from nearid.identifiability.evidence import Match

__all__ = ["StructuralIdentifiability"]

#: The versions of the codes, in the order of tables.
VERSIONS = ["raw", "pca", "random", "ica"]
#: What each verdict says of a representation beside the true factors.
MEANING = {
    "identity": "the coordinates are the factors, as they are",
    "signed_permutation": "the coordinates are the factors, but for order and signs",
    "rigid": "the representation has the geometry of the factors, seen from another direction",
    "similarity": "the representation has the geometry of the factors, turned and scaled",
    "linear": "the factors are linear read-outs of the representation",
    "ica": "whitening and ICA, which saw no factor, leave only order and signs open",
    None: "no group of maps leads to the factors within the tolerance",
}


@dataclass(frozen=True, eq=False)
class StructuralIdentifiability:
    """How far a representation is from the true factors, and up to what (Definition 2).

    Errors are held-out ``ε = ‖u − h(z)‖ / Δ``: 0 is right; ``relative`` divides by the ε of
    shuffled rows: 1 is chance.

    Attributes
    ----------
    verdict, verdict_whitened : str or None
        The smallest group within the tolerance, for the representation as it is and once whitened.
    ladder : DataFrame
        A row per frame and group.
    scores : DataFrame
        A row per version of the codes (``raw, pca, random, ica``), metric and part, with the value,
        its interval, the chance level, and a reason where undefined.
    matches : mapping of str to (columns, Match)
        For ``"signed_permutation"`` (PCA axes) and ``"ica"``: which component was matched to which
        coordinate of the factors, and all |correlations|, held out.
    ica_efficiency : float
        ``(ε_PCA − ε_ICA) / (ε_PCA − ε_rigid)`` towards the factors; nan where undefined.
    ica_efficiency_ci : (float, float)
    n_components : int
    warnings : list of str
    settings : mapping

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, Definition 2.
    """

    ladder: pd.DataFrame
    scores: pd.DataFrame
    matches: Mapping[str, tuple[tuple[str, ...], Match]]
    ica_efficiency: float
    ica_efficiency_ci: tuple[float, float]
    verdict: str | None
    verdict_whitened: str | None
    n_components: int
    warnings: list[str]
    settings: Mapping[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """Return the scores: one row per version, metric and part."""
        return self.scores.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON (nan becomes None)."""
        return {
            "verdict": self.verdict,
            "verdict_whitened": self.verdict_whitened,
            "ica_efficiency": plain(self.ica_efficiency),
            "ica_efficiency_ci": [plain(value) for value in self.ica_efficiency_ci],
            "n_components": self.n_components,
            "warnings": list(self.warnings),
            "settings": {key: plain(value) for key, value in self.settings.items()},
            "ladder": records(self.ladder),
            "scores": records(self.scores),
            "matches": {
                group: {
                    "factor": list(columns),
                    "component": match.partner.tolist(),
                    "correlation": match.correlation.tolist(),
                }
                for group, (columns, match) in self.matches.items()
            },
        }

    @property
    def meaning(self) -> str:
        """The verdict in plain words."""
        return MEANING[self.verdict]

    def table(self) -> pd.DataFrame:
        """Return the scores with a row per metric and part and a column per version."""
        keys = ["metric", "part"]
        wide = self.scores.set_index([*keys, "version"])["value"].unstack("version")
        rows = self.scores[keys].drop_duplicates()
        return wide.reindex(rows.apply(tuple, axis=1).tolist()).reindex(columns=VERSIONS)

    def summary(self) -> str:
        """Return the verdict, the ladder, the scores and the warnings as text for a terminal."""
        lines = [f"verdict: {self.verdict or 'not identifiable'} — {self.meaning}"]
        if self.verdict_whitened is not None:
            lines.append(f"whitened: {self.verdict_whitened} — {MEANING[self.verdict_whitened]}")
        lines += ["", f"{'frame':9} {'up to':19} {'ε':>7} {'chance':>7} {'ε/chance':>9} {'R²':>7}"]
        lines += [
            f"{row.frame:9} {row.group:19} {row.mean:7.4f} {row.null:7.4f} {row.relative:9.3f}"
            f" {row.r2:7.3f}"
            for row in self.ladder.itertuples()
        ]
        low, high = self.ica_efficiency_ci
        if np.isfinite(self.ica_efficiency):
            lines += ["", f"ICA efficiency: {self.ica_efficiency:.0%} [{low:.0%}, {high:.0%}]"]
        if len(self.scores):
            lines += ["", self.table().round(3).to_string()]
        lines += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)
