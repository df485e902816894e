"""The page that tells biology from batch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from nearid.plots.deconfounding import attribution_figure, scores_figure, tradeoff_figure
from nearid.plots.labels import capital
from nearid.report.explanations import Headline
from nearid.report.numerals import score
from nearid.report.page import Page, Section
from nearid.report.pictures import picture
from nearid.report.tables import frame_table

if TYPE_CHECKING:
    from nearid.deconfounding import Attribution, Deconfounding

__all__ = ["deconfounding_page"]

#: Columns of the summary that the first table shows; the page holds all of them further down.
SHOWN = {
    "method": "method",
    "classifier": "classifier",
    "auroc": "AUROC",
    "auroc_low": "from",
    "auroc_high": "to",
    "average_precision": "average precision",
    "hoyer": "sparsity of weights",
    "concentration": "concentration",
    "minus_pca": "less PCA",
    "minus_pca_p": "p",
    "minus_pca_random": "less random rotation",
    "minus_pca_random_p": "p ",
}


def deconfounding_page(
    result: Deconfounding,
    attribution: Attribution | None = None,
    *,
    dropped: Mapping[str, float] | None = None,
    command: str = "",
) -> Page:
    """Lay out what held-out batches said, and what the components are, as a page.

    Parameters
    ----------
    result : Deconfounding
    attribution : Attribution, optional
    dropped : mapping of str to float, optional
        Components that were dropped, and the share of each that the batch explains.
    command : str
        The command that made it.

    Returns
    -------
    Page
    """
    sections = [_scores(result), _batches(result)]
    if attribution is not None:
        sections.append(_components(attribution, dropped or {}))
    sections.append(
        Section(
            "All numbers", tables=[frame_table(result.to_frame(), "Held-out batches", n_headers=3)]
        )
    )
    warnings = (*result.warnings, *(attribution.warnings if attribution is not None else ()))
    return Page(
        title="Is it biology, or the batch?",
        headline=_headline(result),
        sections=sections,
        warnings=tuple(dict.fromkeys(warnings)),
        command=command or "nearid.deconfounding.evaluate(…)",
        from_python=not command,
        settings=result.settings,
        method="Four versions of an embedding, trained and tested on different batches, are its "
        "experiment on cell microscopy.",
    )


def _headline(result: Deconfounding) -> Headline:
    verdict = result.verdict
    status = "unknown" if verdict.startswith("no verdict") else "no"
    status = "yes" if verdict.startswith("ICA helps") else status
    title, _, rest = verdict.partition(": ")
    effect = result.batch_effect
    text = (
        f"{capital(rest or title)}. Batches are told apart with an accuracy "
        f"{score(effect.value)} above chance. Everything was fitted on other batches than it was "
        f"tested on."
    )
    return Headline(capital(title), text, status)


def _scores(result: Deconfounding) -> Section:
    table = result.summary()
    kept = [name for name in SHOWN if name in table]
    best = table.sort_values("auroc", ascending=False).iloc[0]
    alt = (
        f"AUROC of every method and classifier on held-out batches; the highest mean is "
        f"{score(best['auroc'])}, of {best['method']} with {best['classifier']}."
    )
    text = (
        "Grey dots are held-out batches, squares their mean, bars its 95 % interval, corrected for "
        "what trainings share; .5 is chance. Diamonds saw the new batch's rows when they were "
        "fitted, and are to be compared with each other. L2 is blind to rotations, so PCA, ICA and "
        "a random rotation must agree there.\n\n"
        "Differences are paired over batches. Concentration is how much of the held-out signal "
        "lies in the quarter of the features that was best in training: 0 if it is a quarter."
    )
    return Section(
        "What carries over to batches that were held out",
        text,
        [picture(partial(scores_figure, result), alt)],
        [frame_table(table[kept], "Means over held-out batches", n_headers=2, headings=SHOWN)],
    )


def _batches(result: Deconfounding) -> Section:
    table = result.batch_scores()
    alt = "What is left of the batch against what is kept of the label: " + "; ".join(
        f"{row['method']} batch {score(row['batch_accuracy'])}, label {score(row['auroc'])}"
        for row in table.to_dict("records")
    )
    text = (
        "Removing everything would remove the batch as well, so both are shown and never added up. "
        "A method that hides the batches it was fitted on may still leave a new one in plain sight."
    )
    return Section(
        "What is left of the batch, and what is kept of the biology",
        text,
        [picture(partial(tradeoff_figure, result), alt + ".")],
        [frame_table(table, caption="Batch and label")],
    )


def _components(attribution: Attribution, dropped: Mapping[str, float]) -> Section:
    table = attribution.to_frame()
    most = table.iloc[int(table[attribution.batch].to_numpy().argmax())]
    alt = (
        f"Share of each component's variance that each column explains; the batch explains most of "
        f"{most['component']}, {score(most[attribution.batch])}."
    )
    left_out = ", ".join(f"{name} ({score(share)})" for name, share in dropped.items())
    text = (
        "Shares are of rows left out: 0 is chance. They are of these batches; that a component is "
        "free of batch here does not say that a new batch will not shift it.\n\n"
        f"Dropped as technical: {left_out or 'none'}."
    )
    tables = [frame_table(table, caption="Components")]
    top = attribution.top_features()
    if not top.empty:
        tables.append(frame_table(top, caption="Features that follow each component most closely"))
    return Section(
        "What each component varies with",
        text,
        [picture(partial(attribution_figure, attribution), alt)],
        tables,
    )
