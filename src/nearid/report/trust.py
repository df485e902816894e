"""What the ladder means for someone who wants to use a representation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nearid.report.numerals import number, percent

if TYPE_CHECKING:
    from nearid.identifiability.result import StatisticalIdentifiability

__all__ = ["Question", "questions"]

LINEAR = "What a linear model reads from one run, it can read from another."
KEPT = "Only from the whitened components that were kept."
SAME = "Between any two runs."
WHITE = "Only after whitening each run by itself."


@dataclass(frozen=True)
class Use:
    """One use of a representation, and what each verdict says about it.

    Parameters
    ----------
    title, example : str
    native, whitened : dict of str to str
        The verdicts of each frame that allow the use, and in which words.
    refusal : str
    """

    title: str
    example: str
    native: dict[str, str]
    whitened: dict[str, str]
    refusal: str


USES = (
    Use(
        "Single coordinates",
        "“Feature 7 responds to this gene”; interpreting or plotting one coordinate.",
        {
            "identity": "As they are.",
            "signed_permutation": "Once they are reordered and their signs are flipped.",
        },
        {
            "signed_permutation": "Only after whitening: the PCA axes match from run to run.",
            "ica": "Only after whitening and ICA of each run by itself.",
        },
        "Coordinate 7 of one run is not coordinate 7 of another, nor any other single one.",
    ),
    Use(
        "Distances and angles",
        "Nearest neighbours, clustering, cosine similarity, UMAP.",
        {
            "identity": SAME,
            "signed_permutation": SAME,
            "rigid": SAME,
            "similarity": "Up to one scale per run: compare ratios of distances, or angles.",
        },
        {"signed_permutation": WHITE, "ica": WHITE, "rigid": WHITE},
        "What is near in one run need not be near in another.",
    ),
    Use(
        "Linear read-outs",
        "Linear probes, logistic regression, and what they predict.",
        dict.fromkeys(("identity", "signed_permutation", "rigid", "similarity", "linear"), LINEAR),
        dict.fromkeys(("signed_permutation", "ica", "rigid", "linear"), KEPT),
        "A linear map does not carry one run into another within the tolerance.",
    ),
)


@dataclass(frozen=True)
class Question:
    """One use of a representation, and whether the runs allow it.

    Parameters
    ----------
    title, example : str
        The use, and what someone would do with it.
    status : {"yes", "after", "no", "unknown"}
    answer : str
    evidence : str
        The numbers behind the answer.
    """

    title: str
    example: str
    status: str
    answer: str
    evidence: str


def questions(result: StatisticalIdentifiability) -> list[Question]:
    """Answer what can be trusted: single coordinates, distances, linear read-outs.

    Examples
    --------
    >>> import nearid, numpy as np
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> turned = z @ [[0.6, 0.8], [-0.8, 0.6]]
    >>> result = nearid.statistical_identifiability([z, turned], random_state=0)
    >>> [question.status for question in questions(result)]
    ['after', 'yes', 'yes']
    """
    return [_question(result, use) for use in USES]


def _question(result: StatisticalIdentifiability, use: Use) -> Question:
    rows = {(row["frame"], row["group"]): row for row in result.overall.to_dict("records")}
    asked = [rows["native", group] for group in use.native if ("native", group) in rows]
    if not asked:
        reason = "No such map was asked for." if rows else "No two runs could be compared."
        return Question(use.title, use.example, "unknown", reason, "")
    if result.verdict in use.native:
        status, answer = "yes", use.native[result.verdict]
        row = rows["native", result.verdict]
    elif result.verdict_whitened in use.whitened:
        status, answer = "after", use.whitened[result.verdict_whitened]
        row = rows["whitened", result.verdict_whitened]
    else:
        status, answer = "no", use.refusal
        row = min(asked, key=lambda row: float(row["relative"]))
    return Question(use.title, use.example, status, answer, _evidence(row, result))


def _evidence(row: dict[Any, Any], result: StatisticalIdentifiability) -> str:
    if result.settings["epsilon"] is not None:
        bound = number(result.settings["epsilon"])
        worst = number(row["worst_upper"])
        return f"ε {number(row['mean'])} on average, up to {worst} (allowed: {bound})."
    return (
        f"Error is {percent(row['relative'])} of chance on average, up to "
        f"{percent(row['worst_relative_upper'])} in the worst pair "
        f"(allowed: {percent(result.settings['tolerance'])})."
    )
