"""The consensus of many runs: one frame, the mean representation, and its components."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.ica.fitting import Fit, rotate
from nearid.ica.replication import REPLICATES, replication
from nearid.ica.settings import Settings
from nearid.ica.whitening import Whitening, whitening
from nearid.identifiability import cautions
from nearid.identifiability.agreement import (
    measure_agreement,
    predicted_share,
    sums_of,
)
from nearid.identifiability.common_frame import (
    CommonFrame,
    canonical_frame,
    mean_covariance,
    procrustes_frame,
)
from nearid.identifiability.consensus_cautions import (
    about_alignment,
    about_rows,
    about_scales,
    about_shared_components,
    about_views,
)
from nearid.identifiability.consensus_fitted import Fitted, turned, view_of
from nearid.identifiability.consensus_result import Alignment, Consensus, View
from nearid.identifiability.consensus_tables import agreement_frame, components_frame
from nearid.identifiability.evidence import Study, split
from nearid.identifiability.ladder import SINGLE, Frame
from nearid.identifiability.mean_rows import held, mean_rows
from nearid.identifiability.runs import RunSummary, align, collect_runs, split_rows, summarise_run
from nearid.identifiability.units import split_units, told_unit, unit_codes
from nearid.moments import Moments
from nearid.rows import one_blas_thread

__all__ = ["consensus"]

Array = NDArray[np.float64]

CONSENSUS_GROUPS = ("rigid", "similarity", "linear")


def consensus(
    runs: Mapping[str, Any] | Iterable[Any],
    *,
    group: str = "rigid",
    n_components: int | float | None = 0.99,
    n_axes: int | float | None = None,
    threshold: float = REPLICATES,
    holdout: float | int = 0.5,
    unit: Any = None,
    n_bootstrap: int = 200,
    n_null: int = 5,
    check_replication: bool = True,
    n_jobs: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Consensus:
    r"""Bring runs into one frame, and find the independent components of their mean.

    Every run m gets a map ``P_m`` of the group, fitted to all the others' at once from the joint
    second moments alone.  The consensus is the mean ``Σ_m (z_m − mean_m) P_m / M``; its ICA gives
    components that all runs share by construction.  How well a run reproduces each is measured on
    rows that nothing was fitted to, against the mean of the *other* runs.

    Parameters
    ----------
    runs : mapping of name to table, or iterable of tables
        At least two; each an array of shape (n, D_m), a frame, a tensor,
        :class:`~nearid.rows.Rows` or a path.  Rows correspond: by ids where every run has them,
        else by position.
    group : {"rigid", "similarity", "linear"}, default "rigid"
        ``"rigid"``: generalised Procrustes, rotations and reflections.  ``"similarity"``: the
        same after each run was brought to one total variance.  ``"linear"``: generalised
        canonical correlation, in which any linear map is free.
    n_components : int, float in (0, 1) or None, default 0.99
        Components of the consensus: that many, as many as explain this share of the mean's
        variance, or all.
    n_axes : int, float in (0, 1) or None, default None
        Principal axes of each run that a linear map may use; None: all.  Runs with many columns
        may share more directions almost perfectly than there are components to keep, and then it
        is arbitrary which are kept (a warning says so): as many axes as components avoid that.
        No part of the other groups.
    threshold : float, default 0.9
        Correlation from which a component counts as reproduced.
    holdout : float in (0, 1) or int, default 0.5
        Share, or number, of rows to measure on.
    unit : str or array-like of shape (n,), optional
        As for :func:`nearid.statistical_identifiability`.
    n_bootstrap, n_null : int
        Resamples of the intervals, shuffles of the null.
    check_replication : bool, default True
        Whether to fit ICA to disjoint halves of the rows as well, to see which components come
        back.
    n_jobs : int, default 1
        Worker threads; the result does not depend on it.
    random_state : int, Generator or None

    Returns
    -------
    Consensus

    Raises
    ------
    InputError
        If the runs cannot be compared: fewer than two that have not collapsed, different lengths
        or ids, missing values, too few rows; or an argument is out of range.

    References
    ----------
    Gower, Psychometrika 40, 1975; ten Berge, Psychometrika 42, 1977; Kettenring, Biometrika 58,
    1971; Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, Theorem 2.

    Examples
    --------
    Three runs see the same factors, each from another direction and with noise of its own:

    >>> rng = np.random.default_rng(0)
    >>> factors = rng.laplace(size=(4000, 3)) * [1.0, 1.2, 1.4]
    >>> turns = [np.linalg.qr(rng.standard_normal((3, 3)))[0] for _ in range(3)]
    >>> runs = [factors @ turn + 0.2 * rng.standard_normal((4000, 3)) for turn in turns]
    >>> found = consensus(runs, random_state=0)
    >>> found.n_reproduced, found.n_components
    (3, 3)
    >>> np.abs(np.corrcoef(factors.T, found.transform_mean(runs).T)[:3, 3:]).max(axis=1) > 0.99
    array([ True,  True,  True])
    """
    settings: dict[str, Any] = {
        "group": group,
        "n_components": n_components,
        "n_axes": n_axes,
        "threshold": threshold,
        "holdout": holdout,
        "unit": told_unit(unit),
        "n_bootstrap": n_bootstrap,
        "n_null": n_null,
        "check_replication": check_replication,
        "random_state": random_state if isinstance(random_state, int) else None,
    }
    _check_arguments(settings)
    with one_blas_thread():
        return _agree(runs, unit, settings, n_jobs, np.random.default_rng(random_state))


def _check_arguments(settings: Mapping[str, Any]) -> None:
    if settings["group"] not in CONSENSUS_GROUPS:
        raise InputError(
            f"group must be one of {', '.join(CONSENSUS_GROUPS)}; got {settings['group']!r}"
        )
    if not 0 < settings["threshold"] < 1:
        raise InputError(
            f"threshold is a correlation between 0 and 1; got {settings['threshold']!r}"
        )
    for name, least in (("n_bootstrap", 2), ("n_null", 1)):
        if not settings[name] >= least:
            raise InputError(f"{name} must be at least {least}; got {settings[name]!r}")


def _agree(
    runs: Mapping[str, Any] | Iterable[Any],
    unit: Any,
    settings: dict[str, Any],
    n_jobs: int,
    rng: np.random.Generator,
) -> Consensus:
    rows, warnings = align(collect_runs(runs))
    units = unit_codes(rows, unit)
    train, test = split_rows(len(rows[0]), settings["holdout"], rng, units)
    everything = split(rows, train, test, n_jobs, units)
    summaries = tuple(
        summarise_run(run, everything.train_moments, m) for m, run in enumerate(everything.train)
    )
    warnings += cautions.about_runs(summaries, everything)
    warnings += cautions.about_units(everything)
    alive = [m for m, run in enumerate(summaries) if not run.collapsed]
    if len(alive) < 2:
        raise InputError(
            f"expected at least two runs that vary with their inputs, got {len(alive)}: in "
            f"{', '.join(run.name for run in summaries if run.collapsed)} every row is the same"
        )
    study = everything.subset(alive)
    common = _common_frame(study, settings)
    frame = _frame(study.train_moments, common)
    white = _whiten_mean(study, common, settings["n_components"])
    fit, agreeing = _rotate(study, frame, white, settings, rng)
    fitted = Fitted(
        study, train, test, rows[0], frame, common.variance, white.matrix.T @ fit.unmixing.T
    )
    found = _measure(fitted, settings, rng)
    return _conclude(fitted, common, white, fit, agreeing, found, summaries, warnings, settings)


def _common_frame(study: Study, settings: Mapping[str, Any]) -> CommonFrame:
    joint = study.train_moments
    if settings["group"] == "linear":
        whitened = _whiten_runs(study, settings["n_axes"])
        # A variate is shared by two runs at least, so the second most axes bound their number.
        size = sorted(w.n_components for w in whitened)[-2]
        return canonical_frame(joint, whitened, size=size)
    scales = None
    if settings["group"] == "similarity":
        power = [np.trace(joint.pair(m, m).source_cov) for m in range(len(study.train))]
        scales = [float(1 / np.sqrt(p)) for p in power]
    return procrustes_frame(joint, scales=scales)


def _whiten_runs(study: Study, n_axes: int | float | None) -> list[Whitening]:
    joint = study.train_moments
    blocks = [joint.block(m) for m in range(len(study.train))]
    return [
        whitening(joint.mean[b], joint.cov[b, b], dtype=run.dtype, n_components=n_axes)
        for b, run in zip(blocks, study.train, strict=True)
    ]


def _frame(joint: Moments, common: CommonFrame) -> Frame:
    means = [joint.mean[joint.block(m)] for m in range(len(joint.widths))]
    spread = np.sqrt(np.diag(joint.cov).clip(0))
    single = all(SINGLE[0] < spread[joint.block(m)].max() < SINGLE[1] for m in range(len(means)))
    return Frame("consensus", (), means, list(common.maps), {}, single)


def _whiten_mean(study: Study, common: CommonFrame, n_components: int | float | None) -> Whitening:
    size = len(common.variance)
    dtype = mean_rows(study.train, _frame(study.train_moments, common), name="").dtype
    cov = mean_covariance(study.train_moments, common.maps)
    return whitening(np.zeros(size), cov, dtype=dtype, n_components=n_components)


def _rotate(
    study: Study,
    frame: Frame,
    white: Whitening,
    settings: Mapping[str, Any],
    rng: np.random.Generator,
) -> tuple[Fit, Array]:
    """Rotate the whitened mean by ICA, and see which components come back on halves of the rows."""
    how = Settings(n_jobs=study.n_jobs)
    k = white.n_components
    lazy = mean_rows(study.train, turned(frame, white.matrix.T), name="the consensus")
    rows = held(lazy, limit=how.memory_limit, n_jobs=study.n_jobs)
    is_white = Whitening(np.zeros(k), np.eye(k), np.eye(k), np.ones(k), k)
    fit = study.discounted(rotate(rows, is_white, how, random_state=rng), rows)
    if not settings["check_replication"]:
        return fit, np.full(k, np.nan)
    units, parts = study.train_units, None
    if units is not None:
        parts = [rows.take(part) for part in split_units(units, len(rows) // 2, rng)]
    agreeing = replication(rows, fit.unmixing, np.eye(k), how, n_components=k, rng=rng, parts=parts)
    return fit, agreeing


def _measure(fitted: Fitted, settings: Mapping[str, Any], rng: np.random.Generator) -> list[View]:
    study, frame = fitted.study, fitted.components
    found = measure_agreement(
        study.test,
        frame,
        n_bootstrap=settings["n_bootstrap"],
        n_null=settings["n_null"],
        n_jobs=study.n_jobs,
        rng=rng,
        units=study.test_units,
    )
    share = predicted_share(sums_of(study.train, frame, study.n_jobs), found.sums)
    return [view_of(m, run.name, frame, found, share) for m, run in enumerate(study.train)]


def _conclude(
    fitted: Fitted,
    common: CommonFrame,
    white: Whitening,
    fit: Fit,
    agreeing: Array,
    found: Sequence[View],
    summaries: tuple[RunSummary, ...],
    warnings: list[str],
    settings: dict[str, Any],
) -> Consensus:
    n_train = len(fitted.train)
    mixing = white.inverse @ fit.mixing
    explained = (mixing**2).sum(axis=0) / white.eigenvalues.clip(0).sum()
    components = components_frame(found, fit, agreeing, explained, settings["threshold"])
    iterated = len(common.rounds) - 1
    alignment = Alignment(common.shared, iterated, common.converged, common.gap)
    warnings += about_scales(summaries, settings["group"])
    warnings += about_rows(common, n_train)
    warnings += about_alignment(common, white, n_train)
    warnings += cautions.about_ica({0: fit}, ["the consensus"], n_train)
    warnings += about_shared_components(components)
    warnings += about_views(found)
    return Consensus(
        group=settings["group"],
        n_components=len(fit.unmixing),
        n_reproduced=int(components["reproduced"].sum()),
        components=components,
        agreement=agreement_frame(found, settings["threshold"]),
        alignment=alignment,
        views={view.name: view for view in found},
        runs=summaries,
        warnings=warnings,
        settings=settings,
        _fitted=fitted,
    )
