"""Statistical ε-near-identifiability: *is it the same every time?* (Definition 1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.groups import GROUPS
from nearid.ica.fitting import Fit, rotate
from nearid.ica.settings import Settings
from nearid.ica.whitening import Whitening, choose_n_components, whitening
from nearid.identifiability import cautions
from nearid.identifiability.evidence import FrameEvidence, Study, measure_frame, split
from nearid.identifiability.ladder import native_frame, rung_names, whitened_frame
from nearid.identifiability.result import StatisticalIdentifiability
from nearid.identifiability.runs import RunSummary, align, collect_runs, split_rows, summarise_run
from nearid.identifiability.tables import (
    components_frame,
    overall_frame,
    pairs_frame,
    typical_correlations,
)
from nearid.identifiability.units import told_unit, unit_codes
from nearid.identifiability.verdict import efficiencies_frame, efficiency_interval, smallest_group
from nearid.rows import one_blas_thread

__all__ = ["statistical_identifiability"]

Array = NDArray[np.float64]


def statistical_identifiability(
    runs: Mapping[str, Any] | Iterable[Any],
    *,
    groups: Sequence[str] = tuple(GROUPS),
    ica: bool = True,
    n_components: int | float | None = 0.99,
    tolerance: float = 0.1,
    epsilon: float | None = None,
    holdout: float | int = 0.5,
    unit: Any = None,
    n_bootstrap: int = 200,
    n_null: int = 5,
    n_random: int = 5,
    n_jobs: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> StatisticalIdentifiability:
    """Measure how far apart runs of one representation are, up to each group of maps.

    For every ordered pair of runs and every group the map h is fitted on one part of the rows,
    and ``r_i = ‖Z_target[i] − h(Z_source[i])‖₂`` is taken on the held-out rest, in units of the
    diameter of ``Z_target``.  Beside it stands the null: the same, refitted, after each run's rows
    were shuffled.

    Parameters
    ----------
    runs : mapping of name to table, or iterable of tables
        At least two; each an array of shape (n, D_m), a frame, a tensor,
        :class:`~nearid.rows.Rows` or a path.  Rows correspond: by ids where every run has them,
        else by position.
    groups : sequence of str, default all
        Native rungs: ``"identity", "signed_permutation", "rigid", "similarity", "linear"``.
    ica : bool, default True
        Whether to whiten and rotate each run by ICA, by itself, as a rung of the whitened frame.
    n_components : int, float in (0, 1) or None, default 0.99
        Whitened coordinates per run: that many, as many as explain this share of the variance in
        the run that needs fewest, or as many as the smallest rank.
    tolerance : float, default 0.1
        The largest relative error (ε over the null's ε, upper end of the interval) that still
        counts as the same.
    epsilon : float, optional
        An absolute bound on ε instead.
    holdout : float in (0, 1) or int, default 0.5
        Share, or number, of rows to measure on.
    unit : str or array-like of shape (n,), optional
        What rows are not independent within, such as the well when rows are cells: a column that
        describes the rows of a run (or several, with commas between them), or a label for each
        row. Whole units are held out, and drawn for the intervals; without it every row counts as
        independent, and the intervals of rows that are not are too short.
    n_bootstrap, n_null, n_random : int
        Resamples of the interval, shuffles of the null, draws of the random-rotation control.
    n_jobs : int, default 1
        Worker threads, of one BLAS thread each; the result does not depend on it.
    random_state : int, Generator or None

    Returns
    -------
    StatisticalIdentifiability

    Raises
    ------
    InputError
        If the runs cannot be compared: fewer than two, different lengths or ids, missing values,
        too few rows or units.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, Definition 1, Theorem 2.

    Examples
    --------
    Two runs that differ by an invertible linear map, which ICA removes but for order and signs:

    >>> rng = np.random.default_rng(0)
    >>> z = rng.laplace(size=(4000, 3))
    >>> mixed = z @ rng.standard_normal((3, 3))
    >>> result = statistical_identifiability([z, mixed], random_state=0)
    >>> result.verdict, result.verdict_whitened
    ('linear', 'ica')
    """
    settings: dict[str, Any] = {
        "groups": tuple(groups),
        "ica": ica,
        "n_components": n_components,
        "tolerance": tolerance,
        "epsilon": epsilon,
        "holdout": holdout,
        "unit": told_unit(unit),
        "n_bootstrap": n_bootstrap,
        "n_null": n_null,
        "n_random": n_random,
        "random_state": random_state if isinstance(random_state, int) else None,
    }
    _check_arguments(settings)
    with one_blas_thread():
        return _compare(runs, unit, settings, n_jobs, np.random.default_rng(random_state))


def _compare(
    runs: Mapping[str, Any] | Iterable[Any],
    unit: Any,
    settings: Mapping[str, Any],
    n_jobs: int,
    rng: np.random.Generator,
) -> StatisticalIdentifiability:
    rows, warnings = align(collect_runs(runs))
    units = unit_codes(rows, unit)
    parts = split_rows(len(rows[0]), settings["holdout"], rng, units)
    everything = split(rows, *parts, n_jobs, units)
    summaries = tuple(
        summarise_run(run, everything.train_moments, m) for m, run in enumerate(everything.train)
    )
    warnings += cautions.about_runs(summaries, everything)
    warnings += cautions.about_units(everything)
    alive = [m for m, run in enumerate(summaries) if not run.collapsed]
    study = everything.subset(alive)

    evidence: list[FrameEvidence] = []
    fits: dict[int, Fit] = {}
    if len(alive) > 1:
        whitened = _whiten(study, settings["n_components"])
        fits = _rotate(study, whitened, rng) if settings["ica"] else {}
        evidence = _measure(study, whitened, fits, settings, rng)
    return _conclude(evidence, study, summaries, fits, warnings, settings)


def _check_arguments(settings: Mapping[str, Any]) -> None:
    groups, epsilon, tolerance = (settings[name] for name in ("groups", "epsilon", "tolerance"))
    unknown = [name for name in groups if name not in GROUPS]
    if unknown or not groups:
        raise InputError(f"groups must be some of {', '.join(GROUPS)}; got {list(groups)!r}")
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance is a share of chance, between 0 and 1; got {tolerance!r}")
    if epsilon is not None and not epsilon > 0:
        raise InputError(f"epsilon is a share of the diameter, above 0; got {epsilon!r}")
    for name, least in (("n_bootstrap", 2), ("n_null", 1), ("n_random", 1)):
        if not settings[name] >= least:
            raise InputError(f"{name} must be at least {least}; got {settings[name]!r}")
    wanted = settings["n_components"]
    if wanted is not None and not isinstance(wanted, int | float | np.integer | np.floating):
        raise InputError(
            f"n_components must be a whole number, a share of the variance between 0 and 1, or "
            f"None for all; got {wanted!r}"
        )


def _whiten(study: Study, n_components: int | float | None) -> list[Whitening]:
    """Whiten every run by itself to one common number of components."""
    joint = study.train_moments
    blocks = [joint.block(m) for m in range(len(study.train))]
    full = [
        whitening(joint.mean[block], joint.cov[block, block], dtype=run.dtype)
        for block, run in zip(blocks, study.train, strict=True)
    ]
    k = min(choose_n_components(w.eigenvalues, w.rank, n_components) for w in full)
    return [w.first(k) for w in full]


def _rotate(
    study: Study, whitened: Sequence[Whitening], rng: np.random.Generator
) -> dict[int, Fit]:
    """Rotate every run by ICA, by itself: none sees another."""
    settings = Settings(n_jobs=study.n_jobs)
    fits = {
        m: rotate(run, w, settings, random_state=rng)
        for m, (run, w) in enumerate(zip(study.train, whitened, strict=True))
    }
    return {m: study.discounted(fit, study.train[m]) for m, fit in fits.items()}


def _measure(
    study: Study,
    whitened: Sequence[Whitening],
    fits: Mapping[int, Fit],
    settings: Mapping[str, Any],
    rng: np.random.Generator,
) -> list[FrameEvidence]:
    ordered = rung_names(settings["groups"], ica=False)["native"]
    frames = [
        native_frame(study.train_moments, ordered),
        whitened_frame(
            [w.mean for w in whitened],
            [w.matrix.T for w in whitened],
            ica=[fit.unmixing @ fit.whitening.inverse for fit in fits.values()] or None,
            n_random=settings["n_random"],
            rng=rng,
        ),
    ]
    bags = study.bags(settings["n_bootstrap"], rng)
    shuffles = [study.shuffled(rng) for _ in range(settings["n_null"])]
    return [measure_frame(study, frame, shuffles, bags) for frame in frames]


def _conclude(
    evidence: Sequence[FrameEvidence],
    study: Study,
    summaries: tuple[RunSummary, ...],
    fits: Mapping[int, Fit],
    warnings: list[str],
    settings: Mapping[str, Any],
) -> StatisticalIdentifiability:
    names = study.names
    whitened = evidence[-1] if fits else None
    overall = overall_frame(evidence)
    gaussian = {m: fit.components.gaussian for m, fit in fits.items()}
    arbitrary = any(flagged.sum() > 1 for flagged in gaussian.values())
    n_test = study.n_independent if evidence else 0
    components = components_frame(evidence, names, gaussian, n_test)
    efficiencies = efficiencies_frame(whitened, names)
    defined = efficiencies["efficiency"].notna().to_numpy(dtype=bool)
    bounds = {"tolerance": settings["tolerance"], "epsilon": settings["epsilon"]}
    collapsed = [run.name for run in summaries if run.collapsed]
    pairs = pairs_frame(
        evidence, names, collapsed, rung_names(settings["groups"], ica=settings["ica"])
    )
    if evidence:
        warnings += cautions.about_scales(evidence[0], names, settings["tolerance"])
        warnings += cautions.about_diameters(evidence, names)
        warnings += cautions.about_ica(fits, names, len(study.train[0]))
        warnings += cautions.about_components(components, efficiencies, pairs)
    return StatisticalIdentifiability(
        pairs=pairs,
        overall=overall,
        efficiencies=efficiencies,
        components=components,
        ica_efficiency=float(efficiencies["efficiency"].mean()),
        ica_efficiency_ci=efficiency_interval(whitened, defined),
        verdict=smallest_group(overall, "native", **bounds),
        verdict_whitened=smallest_group(overall, "whitened", **bounds, arbitrary=arbitrary),
        warnings=warnings,
        runs=summaries,
        correlations=typical_correlations(evidence, names),
        settings=settings,
    )
