"""What held-out batches said of every correction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.deconfounding.correctors import METHODS
from nearid.deconfounding.intervals import Mean, mean_over_batches
from nearid.plain import plain, records

__all__ = ["Deconfounding"]

KEY = ["method", "classifier", "held_out"]
MEASURES = ["auroc", "average_precision", "prevalence", "hoyer", "concentration"]
#: What every method is compared with, fold by fold.
REFERENCES = ("base", "pca", "pca_random")
#: Above chance by this much, the batch can be told, and there is something to correct.
BATCH_EFFECT = 0.05


@dataclass(frozen=True, eq=False)
class Deconfounding:
    """Scores on held-out batches, of every method and classifier.

    Parameters
    ----------
    scores : DataFrame
        One row per method, classifier, repetition, class and held-out batch.
    batches : DataFrame
        What is left of the batch in the codes: ``batch_accuracy`` between training batches (with
        ``chance_batch_accuracy``), ``new_batch_auroc`` of telling the held-out batch (chance .5),
        and ``retrieval_map`` with its chance where it was asked for.
    test_share : float
        Rows tested over rows trained on.
    refused : str or None
        Why no verdict is given.
    warnings : tuple of str
    settings : mapping
    """

    scores: pd.DataFrame
    batches: pd.DataFrame
    test_share: float
    refused: str | None
    warnings: tuple[str, ...]
    settings: Mapping[str, Any]

    @property
    def methods(self) -> list[str]:
        """Methods, in the order in which they were asked for."""
        return list(dict.fromkeys(self.scores["method"]))

    @property
    def classifiers(self) -> list[str]:
        """Classifiers, in the order in which they were asked for; the first decides."""
        return list(dict.fromkeys(self.scores["classifier"]))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per method, classifier and held-out batch.

        Columns ``method, classifier, held_out, auroc, average_precision, n_train, n_test``, with
        ``prevalence`` (chance of the average precision; that of the AUROC is .5), ``hoyer``,
        ``concentration`` and ``transductive``: means over classes and repetitions. A score that is
        not defined, for want of a class, is nan.
        """
        return self._frame.copy()

    @cached_property
    def _frame(self) -> pd.DataFrame:
        """The frame, made once: every mean and difference below is of it."""
        grouped = self.scores.groupby(KEY, sort=False)
        counts = grouped[["n_train", "n_test"]].mean().round().astype(int)
        frame = grouped[MEASURES].mean().join(counts).reset_index()
        order = (
            frame["classifier"].map(self.classifiers.index),
            frame["method"].map(self.methods.index),
        )
        frame = frame.iloc[np.lexsort(order)].reset_index(drop=True)
        first = [*KEY, "auroc", "average_precision", "n_train", "n_test"]
        frame = frame[first + [name for name in MEASURES if name not in first]]
        return frame.assign(transductive=[METHODS[name].transductive for name in frame["method"]])

    def summary(self) -> pd.DataFrame:
        """Return one row per method and classifier.

        Means over held-out batches of ``auroc`` (with ``auroc_low`` and ``auroc_high``: 95 %,
        corrected for the overlap of training sets), ``average_precision``, ``hoyer`` and
        ``concentration``; and for ``base``, ``pca`` and ``pca_random`` the paired difference of
        the AUROC, such as ``minus_base``, its interval and its two-sided p-value.
        """
        frame = self._frame
        rows = []
        for (method, classifier), part in frame.groupby(["method", "classifier"], sort=False):
            row: dict[str, Any] = {"method": method, "classifier": classifier}
            row |= _told("auroc", self._mean(part["auroc"].to_numpy()), p=False)
            # the interval is symmetric, the score is not: it ends where the score does
            row["auroc_low"] = np.clip(row["auroc_low"], 0, 1)
            row["auroc_high"] = np.clip(row["auroc_high"], 0, 1)
            row |= {name: part[name].mean() for name in MEASURES if name != "auroc"}
            for reference in REFERENCES:
                if reference in self.methods:
                    found = self.difference(str(method), reference, classifier=str(classifier))
                    row |= _told(f"minus_{reference}", found, p=True)
            rows.append(row | {"transductive": METHODS[str(method)].transductive})
        return pd.DataFrame(rows)

    def difference(
        self, method: str, reference: str, *, classifier: str, measure: str = "auroc"
    ) -> Mean:
        """Return how much better a method is than another, paired over held-out batches.

        Parameters
        ----------
        method, reference, classifier : str
        measure : {"auroc", "average_precision", "hoyer", "concentration"}
        """
        frame = self._frame
        table = frame[frame["classifier"] == classifier].pivot(
            index="held_out", columns="method", values=measure
        )
        return self._mean((table[method] - table[reference]).to_numpy(dtype=np.float64))

    def batch_scores(self) -> pd.DataFrame:
        """Return one row per method: what is left of the batch, beside what is kept of the label.

        Removing all would remove the batch as well: the columns are to be read together, and are
        not added up.
        """
        names = [c for c in self.batches.columns if c not in ("method", "repeat", "held_out")]
        table = self.batches.groupby("method", sort=False)[names].mean().reset_index()
        scores = self._frame
        decisive = scores[scores["classifier"] == self.classifiers[0]]
        kept = decisive.groupby("method")["auroc"].mean()
        return table.assign(auroc=[kept[name] for name in table["method"]])

    @property
    def batch_effect(self) -> Mean:
        """How much better than by chance the batch is told from the first method's codes."""
        first = self.batches[self.batches["method"] == self.methods[0]]
        above = first["batch_accuracy"] - first["chance_batch_accuracy"]
        return self._mean(above.groupby(first["held_out"]).mean().to_numpy())

    @property
    def verdict(self) -> str:
        """Whether ICA helps on batches that it has not seen, in one sentence."""
        if self.refused is not None:
            return f"no verdict: {self.refused}"
        if not {"pca", "pca_random", "pca_ica"} <= set(self.methods):
            return "no verdict: it takes pca, pca_random and pca_ica to see what the rotation does"
        if not self.batch_effect.value > BATCH_EFFECT:
            return "no verdict: batches cannot be told apart, so there is nothing to correct"
        decisive = self.classifiers[0]
        over_random = self.difference("pca_ica", "pca_random", classifier=decisive)
        over_pca = self.difference("pca_ica", "pca", classifier=decisive)
        if over_random.low > 0 and over_pca.low > 0:
            return "ICA helps: better than whitening, and than a random rotation"
        if over_random.high < 0 or over_pca.high < 0:
            worse = "a random rotation" if over_random.high < 0 else "whitening alone"
            return f"ICA harms: worse than {worse}"
        if over_random.low > 0:
            return "ICA does not help over whitening alone, but is better than a random rotation"
        return "ICA does not help: no better than whitening alone or a random rotation"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {
            "verdict": self.verdict,
            "warnings": list(self.warnings),
            "settings": plain(dict(self.settings)),
            "batch_effect": plain(vars(self.batch_effect)),
            "summary": records(self.summary()),
            "batches": records(self.batch_scores()),
            "scores": records(self.to_frame()),
        }

    def _mean(self, values: NDArray[np.float64]) -> Mean:
        return mean_over_batches(values, test_share=self.test_share)


def _told(name: str, found: Mean, *, p: bool) -> dict[str, float]:
    row = {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return row | {f"{name}_p": found.p} if p else row
