"""The page that says how near a decoder is to an isometry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from nearid.plots.decoder import constants_figure
from nearid.report.explanations import Headline
from nearid.report.numerals import number
from nearid.report.page import Page, Section
from nearid.report.pictures import picture
from nearid.report.tables import Table

if TYPE_CHECKING:
    from nearid.decoder import BiLipschitz, WorstCase
    from nearid.decoder.implied import Implied

__all__ = ["decoder_page"]

METHOD = "The error that a decoder’s constants allow is its Theorem 1."

#: What is measured at each latent, and how it is written.
MEASURES = {
    "sigma_max": "σ_max",
    "sigma_min": "σ_min",
    "condition": "σ_max / σ_min",
    "constant": "1 + L",
    "constant_scale_free": "1 + L_sim",
}

STATISTICS = {"max": "largest constant (the theorem’s)", "median": "median (predicts better)"}


def decoder_page(
    result: BiLipschitz,
    implied: Implied,
    *,
    worst: WorstCase | None = None,
    why_not: str = "",
    command: str = "",
    settings: Mapping[str, object] | None = None,
) -> Page:
    """Lay out what is known of a decoder as a page.

    Parameters
    ----------
    result : BiLipschitz
    implied : Implied
        What the result implies, from :func:`nearid.decoder.implied.implied`.
    worst : WorstCase, optional
        Bounds from the weights alone.
    why_not : str, default ""
        Why there are none.
    command : str, default ""
        The command that made it.
    settings : mapping of str to object, optional

    Returns
    -------
    Page

    Examples
    --------
    >>> import nearid, numpy as np
    >>> from nearid.decoder.implied import implied
    >>> found = nearid.bilipschitz(lambda z: -z, np.random.default_rng(0).normal(size=(9, 2)))
    >>> decoder_page(found, implied(found)).headline.title
    'The decoder is an isometry at every latent'
    """
    return Page(
        title="How near is the decoder to an isometry?",
        headline=_headline(result, implied),
        sections=[_constants(result), _epsilon(implied), _at_worst(worst, why_not)],
        warnings=result.warnings,
        command=command or "nearid.bilipschitz(…)",
        from_python=not command,
        settings=settings or {"method": result.method},
        libraries=["torch"],
        method=METHOD,
    )


def _headline(result: BiLipschitz, implied: Implied) -> Headline:
    dimensions, live = result.live_basis.shape
    where = f"Measured at {len(result.sigma_max)} latents, on {live} of {dimensions} dimensions."
    if implied.rigid["max"] == 0:
        title = "The decoder is an isometry at every latent"
        text = "By Theorem 1 the representation is then unique up to a rigid map."
        return Headline(title, f"{text} {where}", "yes")
    if implied.similarity["max"] == 0:
        title = "The decoder is an isometry at every latent, up to one scale"
        text = (
            f"It scales every small distance by {number(1 / result.scale)}. By Theorem 1 the "
            f"representation is then unique up to a similarity."
        )
        return Headline(title, f"{text} {where}", "yes")
    if not math.isfinite(result.constant_scale_free):
        title = "The decoder forgets a direction, and nothing is implied"
        text = "Where its Jacobian has a singular value of 0, outputs do not determine latents."
        return Headline(title, f"{text} {where}", "no")
    title = (
        f"The decoder is a factor of {number(result.constant_scale_free)} from an isometry, after "
        f"the best scale"
    )
    text = (
        f"That is the worst latent; the median is {number(result.median_scale_free)}. Without a "
        f"scale they are {number(result.constant)} and {number(result.median)}. The nearer to 1, "
        f"the smaller the error up to which Theorem 1 has the representation unique."
    )
    return Headline(title, f"{text} {where}", "unknown")


def _constants(result: BiLipschitz) -> Section:
    quantiles = result.quantiles
    alt = "Quantiles over latents. " + "; ".join(
        f"{heading}: {number(quantiles[name][0.0])} to {number(quantiles[name][1.0])}, median "
        f"{number(quantiles[name][0.5])}"
        for name, heading in MEASURES.items()
    )
    text = (
        "At each latent, σ_max and σ_min are the most and the least by which the decoder stretches "
        "a small distance. The local constant 1 + L is the larger of σ_max and 1/σ_min: 1 for an "
        "isometry. 1 + L_sim is the same after the one scale of the decoder that suits it best."
    )
    caption = "Curves that rise at 1, and steeply, are those of an isometry."
    shown = picture(partial(constants_figure, result), f"{alt}.", caption=caption)
    return Section("Singular values and local constants", text, [shown], [_quantiles(result)])


def _quantiles(result: BiLipschitz) -> Table:
    quantiles = result.quantiles
    levels = [f"{level:.0%}".replace("%", "\u00a0%") for level in quantiles["constant"]]
    rows = [
        (heading, *(number(value) for value in quantiles[name].values()))
        for name, heading in MEASURES.items()
    ]
    return Table("Quantiles over latents", ["measure", *levels], rows, 1, len(rows))


def _epsilon(implied: Implied) -> Section:
    unit = f" Given here in units of {implied.unit}." if implied.unit else ""
    text = (
        "Theorem 1: where two trainings compute the same outputs, their representations agree up "
        "to a rigid map and an error of at most ε = c_D·√(2L + L²)·Δ, Δ being the diameter. c_D "
        f"depends on the dimension alone, and is not known.{unit}"
    )
    rows = [
        (heading, number(implied.rigid[name]), number(implied.similarity[name]))
        for name, heading in STATISTICS.items()
    ]
    columns = ["by the", "up to a rigid map", "up to a similarity"]
    heading = f"Implied ε{f', in units of {implied.unit}' if implied.unit else ''}"
    return Section("Implied ε", text, tables=[Table(heading, columns, rows, 1, len(rows))])


def _at_worst(worst: WorstCase | None, why_not: str) -> Section:
    title = "What the weights alone allow"
    if worst is None:
        reason = why_not.rstrip(".") or "it was not asked for"
        return Section(title, f"There is no bound from the weights: {reason}.")
    text = (
        f"Whatever the latent, every singular value lies between {number(worst.lower)} and "
        f"{number(worst.upper)}, so that 1 + L is at most {number(worst.constant)}, and "
        f"{number(worst.constant_scale_free)} after the best scale. Products of the layers’ "
        f"bounds are loose: what counts is what was measured above."
    )
    rows = [(name, number(lower), number(upper)) for name, (upper, lower) in worst.layers.items()]
    columns = ["layer", "least stretch", "most stretch"]
    return Section(title, text, tables=[Table("Bounds by layer", columns, rows, 1, len(rows))])
