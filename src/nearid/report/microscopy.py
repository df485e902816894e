"""The page on microscopy: the bars, the tables behind them, and what is left of the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from nearid.plots.microscopy import gains_figure
from nearid.report.explanations import Headline, sentence
from nearid.report.numerals import score
from nearid.report.page import Page, Section
from nearid.report.pictures import Picture, picture
from nearid.report.tables import Table, frame_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["microscopy_page"]

CLAIM = (
    "An embedding that was whitened and rotated by ICA, without labels, is said to let classifiers "
    "of one plate work on others. The bars' thresholds were set beforehand. Worlds 0 and 1 were "
    "looked at when the negative control that decides, the number of components, the strength of "
    "L1 and the rule by which plates are dropped were chosen: only other worlds are fresh."
)
SCORES = ["auroc", "auroc_low", "auroc_high", "average_precision", "prevalence", "hoyer"]
SCORES += ["concentration", "batch_accuracy", "chance_batch_accuracy", "new_batch_auroc"]
SCORES += ["found", "low", "high"]
HEADINGS = {
    "auroc": "AUROC",
    "auroc_low": "from",
    "auroc_high": "to",
    "average_precision": "average precision",
    "hoyer": "sparsity",
    "batch_accuracy": "plates told apart",
    "chance_batch_accuracy": "by chance",
    "new_batch_auroc": "new plate told",
    "n_kept": "axes kept",
    "seen": "purity, plates of the fit",
    "unseen": "purity, other plates",
    "explained": "explained, other plates",
    "low": "from",
    "high": "to",
}


def microscopy_page(
    bars: pd.DataFrame,
    means: pd.DataFrame,
    dropped: pd.DataFrame,
    purity: pd.DataFrame,
    profiles: pd.DataFrame,
    left: pd.DataFrame,
    *,
    verdict: str,
    said: Mapping[str, str],
    warnings: Sequence[str] = (),
    command: str = "",
    settings: Mapping[str, object] | None = None,
) -> Page:
    """Lay out the experiment as a page.

    Parameters
    ----------
    bars, means, dropped, purity, profiles, left : DataFrame
        As the properties of :class:`nearid.experiments.microscopy_reproduction.Microscopy`.
    verdict : str
    said : mapping of str to str
        The verdict on each real table.
    warnings : sequence of str
    command : str
    settings : mapping

    Returns
    -------
    Page
    """
    sections = [
        Section(
            "Bars, and what was found",
            "Differences are paired over plates and perturbations.",
            [_picture(bars)],
            [_table(bars.fillna({"met": ""}), "What was asked for, and found")],
        ),
        Section(
            "Four versions on drawn plates",
            "All Gaussian: technical factors are drawn for every cell, and nothing is left for ICA "
            "to find; this became the control that decides after Gaussian phenotypes on plates as "
            "they are, the control that was planned, had shown a gain of ICA. There ICA tells the "
            "plates' factors, which take one value a plate and so are not Gaussian, from those of "
            "biology, though not these from each other: see the purities below.",
            tables=[_table(means, "Means over worlds, plates and perturbations", n_headers=4)],
        ),
        Section(
            "Dropping plates",
            "Axes are dropped until plates of training are told apart half as well, above chance, "
            "as by all; NAP projects plate means out, and Harmony sees the held-out plate. A new "
            "plate can still be told where the last column is far above .5.",
            tables=[_table(dropped, "Wells, encoders that were trained", n_headers=2)],
        ),
        Section(
            "Are components of biology or of the plate?",
            "Purity is 1 if each component varies with biological factors alone or with technical "
            "ones alone, and .5 at worst. Regressions that were fitted on some plates are used on "
            "these, and on the others: only the second number says what holds for a new plate.",
            tables=[_table(purity, "Means over worlds and folds", n_headers=2)],
        ),
    ]
    if len(profiles):
        words = "\n\n".join(f"{name}: {text}." for name, text in said.items())
        shown = profiles[["table", "method", "classifier", *_there(SCORES, profiles)]]
        rest = left[["table", "method", *_there(SCORES, left)]]
        sections.append(
            Section(
                "Real profiles",
                words,
                tables=[
                    _table(shown, "Each batch held out in turn", n_headers=3),
                    _table(rest, "What is left of the batch, beside the label", n_headers=2),
                ],
            )
        )
    return Page(
        "Reproduction: microscopy",
        Headline(
            verdict.split(":")[0].split(";")[0].capitalize(),
            f"{CLAIM} {sentence(verdict, ())}",
            _status(verdict),
        ),
        sections,
        warnings=warnings,
        command=command,
        settings=settings or {},
        libraries=["torch", "transformers"],
        method="The versions are those of its tables on cell microscopy.",
    )


def _picture(bars: pd.DataFrame) -> Picture:
    met, missed = (int((bars["met"] == told).sum()) for told in ("yes", "no"))
    alt = f"Differences and their intervals; {met} bars are met and {missed} are missed."
    caption = "Squares: what was asked for, green if it is met. Circles decide nothing."
    return picture(partial(gains_figure, bars), alt, caption=caption)


def _table(frame: pd.DataFrame, caption: str, *, n_headers: int = 1) -> Table:
    formats = dict.fromkeys(_there(SCORES, frame), score)
    return frame_table(frame, caption, n_headers=n_headers, headings=HEADINGS, formats=formats)


def _there(names: Sequence[str], frame: pd.DataFrame) -> list[str]:
    return [name for name in names if name in frame.columns]


def _status(verdict: str) -> str:
    if verdict.startswith("no verdict"):
        return "unknown"
    return "yes" if verdict.startswith("reproduced") else "no"
