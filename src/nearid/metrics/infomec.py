"""InfoMEC: modularity, explicitness and compactness from normalised mutual information."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nearid.errors import InputError
from nearid.metrics.arguments import Arguments, check_arguments, labels, standardised
from nearid.metrics.informativeness import design, held_out_share, in_sample_share
from nearid.metrics.mutual_information import (
    discrete_information,
    entropies,
    jittered,
    ross_information,
)
from nearid.metrics.score import DEAD, ONE_FACTOR, Score

__all__ = ["VARIANTS", "Prune", "Variant", "concentration", "infomec"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Prune = Literal["range", "iqr", "nmi"]
SCORES = ("infom", "infoe", "infoc")

#: A code is significant if it tells more of a factor than this many times the most that any of the
#: codes tells of any factor in NULL_SHUFFLES shuffles.
SIGNIFICANT = 2.0
NULL_SHUFFLES = 3

ONE_CODE = "with one active code there is no other that a factor could be spread over"


@dataclass(frozen=True)
class Variant:
    """What differs between the scores that go by this name.

    Parameters
    ----------
    k : int
        Neighbours in Ross's estimate.
    prune : {"range", "iqr", "nmi"}
        How active codes are told, unless another way is asked for.
    divisor : float
        A code is active whose range is above the largest one divided by this.
    skip_codes, skip_factors : bool
        Whether active codes that tell of no factor are left out of InfoM, and factors that no
        active code tells of out of InfoC; if not, the score is undefined.
    held_out : bool
        Whether InfoE is the converged one, on held-out rows.
    """

    k: int
    prune: Prune
    divisor: float
    skip_codes: bool
    skip_factors: bool
    held_out: bool


VARIANTS = {
    "standalone": Variant(10, "range", 20.0, False, False, False),
    "training": Variant(3, "range", 8.0, True, False, False),
    "converged": Variant(10, "nmi", 20.0, True, True, True),
}


def infomec(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    variant: Literal["standalone", "training", "converged"] = "standalone",
    discrete_codes: bool = False,
    prune: Prune | Literal["default"] | None = "default",
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Score:
    r"""Measure modularity (InfoM), explicitness (InfoE) and compactness (InfoC).

    With :math:`\mathrm{NMI}_{ij} = I(s_i; z_j) / H(s_i)`, over the L active codes,

    .. math:: \mathrm{InfoM} = \frac{\langle \max_i \mathrm{NMI}_{ij} / \sum_i \mathrm{NMI}_{ij}
              \rangle_j - 1/S}{1 - 1/S}, \quad
              \mathrm{InfoC} = \frac{\langle \max_j \mathrm{NMI}_{ij} / \sum_j \mathrm{NMI}_{ij}
              \rangle_i - 1/L}{1 - 1/L},

    and :math:`\mathrm{InfoE} = \langle 1 - \mathrm{CE}_i / \log K_i \rangle_i` of a logistic
    regression of factor i, with K values, on all codes. InfoM and InfoC are in [0, 1], InfoE is at
    most 1; higher is better. **Noise does not score 0**: see ``chance``.

    Information is Ross's estimate (:func:`nearid.metrics.mutual_information.ross_information`), or
    plug-in for discrete codes. It does not depend on the scale of a code, so whether latents are
    standardised first, which the published programs do differently, changes nothing. On codes
    without noise it jumps: turning them by one degree costs InfoM .6.

    Parameters
    ----------
    factors : array, shape (n, S)
        Labels.
    codes : array, shape (n, L)
    variant : {"standalone", "training", "converged"}, default "standalone"
        The authors' stand-alone program: 10 neighbours, codes with more than 1/20 of the largest
        range, InfoE in-sample after 100 iterations of an unpenalised fit. What their training
        program logs: 3 neighbours, 1/8, and active codes that tell of nothing are skipped. And
        ours: 10 neighbours, codes that tell significantly more than shuffled ones, what tells of
        nothing and is told by nothing skipped, InfoE on held-out rows from the optimum of a fit
        with penalty 1e-4.
    discrete_codes : bool, default False
        Whether codes are labels.
    prune : {"range", "iqr", "nmi"} or None, default the variant's
        How active codes are told: by range, which a single outlier inflates; by interquartile
        range; by information, which alone finds dead ones among whitened codes; or all are.
    n_shuffles : int, default 1
        Shuffles of the rows for the chance levels; each costs as much as the score itself.
    random_state : int, Generator or None
        Draws the noise of relative size 1e-10 that parts equal values of a code, the shuffles and
        the folds.

    Returns
    -------
    Score
        ``value`` is InfoM. ``parts``: ``infom``, ``infoe``, ``infoc`` (None where undefined),
        ``chance_infom``, ``chance_infoe``, ``chance_infoc``, ``nmi`` (S × L, all codes) and
        ``active``, the mask of codes. Chance is of the same active codes.

    Raises
    ------
    InputError
        If factors and codes do not fit each other, a factor is constant or continuous, or a
        parameter is unknown.

    References
    ----------
    Hsu, Dorrell, Whittington, Wu & Finn, Disentanglement via latent quantization, NeurIPS 2023,
    section 5.1. Ross, PLoS ONE 9(2), 2014.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> s = rng.integers(0, 4, size=(1000, 2))
    >>> found = infomec(s, -s[:, ::-1] + rng.normal(size=s.shape) / 9, random_state=0)
    >>> round(found.parts["infom"], 2), round(found.parts["infoe"], 2)
    (1.0, 1.0)
    """
    chosen, how = _settings(variant, prune)
    given = check_arguments(factors, codes, varying=True)
    rng = np.random.default_rng(random_state)
    problem = _Problem(given, chosen, discrete_codes)
    nmi = problem.nmi(given.codes, rng)
    active = _active(problem, nmi, how, rng)
    parts, reasons = _scores(nmi, active, chosen)
    if not np.ptp(given.codes, axis=0).any():
        reasons = [DEAD]
    parts["infoe"] = problem.explicitness(given.codes, rng)
    chances = [_shuffled(problem, active, rng) for _ in range(n_shuffles)]
    parts |= {f"chance_{name}": _mean(chance[name] for chance in chances) for name in SCORES}
    parts |= {"nmi": nmi, "active": active}
    return Score(
        f"infomec({variant})",
        parts["infom"],
        parts,
        parts["chance_infom"],
        reason="; ".join(reasons) or None,
    )


class _Problem:
    """The factors and settings, and the two things that are computed of any codes for them."""

    def __init__(self, given: Arguments, variant: Variant, discrete: bool) -> None:
        self.given, self.variant, self.discrete = given, variant, discrete
        self.targets = [labels(s, name=f"factor {i}") for i, s in enumerate(given.factors.T)]
        self.entropy = entropies(given.factors)

    def nmi(self, codes: Array, rng: np.random.Generator) -> Array:
        if self.discrete:
            return discrete_information(self.given.factors, codes) / self.entropy[:, None]
        noisy = jittered(standardised(codes)[0], rng)
        information = ross_information(self.given.factors, noisy, k=self.variant.k)
        information[:, np.ptp(codes, axis=0) == 0] = 0.0  # not what the noise seems to tell
        return information / self.entropy[:, None]

    def explicitness(self, codes: Array, rng: np.random.Generator) -> float | None:
        x = design(codes, discrete=self.discrete)
        if self.variant.held_out:
            return _mean(held_out_share(x, target, rng) for target in self.targets)
        return _mean(in_sample_share(x, target) for target in self.targets)


def _settings(variant: str, prune: str | None) -> tuple[Variant, str | None]:
    if variant not in VARIANTS:
        raise InputError(f"variant must be one of {', '.join(VARIANTS)}; got {variant!r}")
    if prune not in ("default", "range", "iqr", "nmi", None):
        raise InputError(f'prune must be "range", "iqr", "nmi" or None; got {prune!r}')
    chosen = VARIANTS[variant]
    return chosen, chosen.prune if prune == "default" else prune


def _active(problem: _Problem, nmi: Array, how: str | None, rng: np.random.Generator) -> Mask:
    codes = problem.given.codes
    if how is None:
        return np.asarray(np.ptp(codes, axis=0) > 0, dtype=bool)
    if how == "nmi":
        null = max(
            problem.nmi(codes[rng.permutation(len(codes))], rng).max() for _ in range(NULL_SHUFFLES)
        )
        return np.asarray(nmi.max(axis=0) > SIGNIFICANT * null, dtype=bool)
    low, high = (0.0, 1.0) if how == "range" else (0.25, 0.75)
    spread = np.quantile(codes, high, axis=0) - np.quantile(codes, low, axis=0)
    return np.asarray(spread > spread.max() / problem.variant.divisor, dtype=bool)


def _scores(nmi: Array, active: Mask, variant: Variant) -> tuple[dict[str, Any], list[str]]:
    """Return InfoM and InfoC, and why one of them is undefined."""
    if not active.any():
        return {"infom": None, "infoc": None}, ["no code is active"]
    told = nmi[:, active]
    sides = {
        "infom": (told.T, variant.skip_codes, ONE_FACTOR, "an active code tells of no factor"),
        "infoc": (told, variant.skip_factors, ONE_CODE, "no active code tells of a factor"),
    }
    parts: dict[str, Any] = {}
    reasons = []
    for name, (rows, skip, alone, silent) in sides.items():
        parts[name] = concentration(rows, skip=skip)
        if parts[name] is None:
            reasons.append(f"{name}: {alone if rows.shape[1] == 1 else silent}")
    return parts, reasons


def concentration(rows: Array, *, skip: bool) -> float | None:
    """Return how far the greatest of each row stands out: 0 if all are equal, 1 if it is alone.

    Parameters
    ----------
    rows : ndarray, shape (m, n)
        0 or more.
    skip : bool
        Whether rows of zeros are left out; if not, they make it undefined.

    Returns
    -------
    float or None
        None for one column.

    Examples
    --------
    >>> concentration(np.array([[0.0, 2.0], [1.0, 1.0], [0.0, 0.0]]), skip=True)
    0.5
    """
    n = rows.shape[1]
    total = rows.sum(axis=1)
    empty = total == 0
    if n == 1 or empty.all() or (empty.any() and not skip):
        return None
    share = rows.max(axis=1)[~empty] / total[~empty]
    return float((share.mean() - 1 / n) / (1 - 1 / n))


def _shuffled(problem: _Problem, active: Mask, rng: np.random.Generator) -> dict[str, float | None]:
    """Score shuffled codes; those of them that seem to tell of nothing are skipped."""
    codes = problem.given.codes[rng.permutation(len(problem.given.codes))]
    told = problem.nmi(codes, rng)[:, active]
    return {
        "infom": concentration(told.T, skip=True),
        "infoc": concentration(told, skip=True),
        "infoe": problem.explicitness(codes, rng),
    }


def _mean(values: Any) -> float | None:
    found = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(found)) if found else None
