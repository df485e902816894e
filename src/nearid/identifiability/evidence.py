"""What is measured: every rung's held-out errors for every ordered pair of runs, with its null."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.ica.dependence import discounted
from nearid.ica.fitting import Fit
from nearid.ica.settings import Settings
from nearid.identifiability.ladder import Frame, Rung, fit_rungs
from nearid.identifiability.percentiles import interval_over_pairs
from nearid.identifiability.residuals import Bags, Diameter, diameter, residual_norms
from nearid.identifiability.units import bags_of
from nearid.moments import Moments, check_finite, moments
from nearid.rows import Rows

__all__ = ["FrameEvidence", "Match", "PairEvidence", "Study", "measure_frame"]

Array = NDArray[np.float64]

#: Bags of units from whose spread it follows how much rows of a unit have in common.
UNIT_BAGS = 512


@dataclass(frozen=True, eq=False)
class Study:
    """Runs split into rows to fit on and rows to measure on, with the moments of both.

    Parameters
    ----------
    train, test : list of Rows
        One of each per run.
    train_moments, test_moments : Moments
    n_jobs : int
    train_units, test_units : ndarray of int, optional
        The unit of each row, where rows come in units.
    """

    train: Sequence[Rows]
    test: Sequence[Rows]
    train_moments: Moments
    test_moments: Moments
    n_jobs: int
    train_units: NDArray[np.intp] | None = None
    test_units: NDArray[np.intp] | None = None

    @property
    def n_independent(self) -> int:
        """Held-out rows, or units."""
        units = self.test_units
        return len(self.test[0]) if units is None else len(np.unique(units))

    @property
    def names(self) -> list[str]:
        """Names of the runs."""
        return [run.name for run in self.train]

    def subset(self, runs: Sequence[int]) -> Study:
        """Keep the given runs only."""
        return replace(
            self,
            train=[self.train[m] for m in runs],
            test=[self.test[m] for m in runs],
            train_moments=self.train_moments.subset(runs),
            test_moments=self.test_moments.subset(runs),
        )

    def discounted(self, fit: Fit, rows: Rows) -> Fit:
        """Describe components of fitting rows as by so many independent ones as units give."""
        if self.train_units is None:
            return fit
        bags = bags_of(self.train_units, UNIT_BAGS)
        return discounted(fit, rows, bags, Settings(n_jobs=self.n_jobs))

    def bags(self, n_bootstrap: int, rng: np.random.Generator) -> Bags:
        """Draw resamples of the held-out rows."""
        return Bags.draw(len(self.test[0]), n_bootstrap, rng, self.test_units)

    def shuffled(self, rng: np.random.Generator) -> Study:
        """Break the correspondence: every run's rows in a random order of their own.

        Rows, not units: chance is what runs give that have not even the units in common.
        """
        train = [run.take(rng.permutation(len(run))) for run in self.train]
        test = [run.take(rng.permutation(len(run))) for run in self.test]
        fitted = moments(train, n_jobs=self.n_jobs)
        return Study(train, test, fitted, self.test_moments, self.n_jobs)


@dataclass(frozen=True, eq=False)
class Match:
    """Coordinates of two runs paired by a signed permutation, as seen on held-out rows.

    Parameters
    ----------
    partner : ndarray of int, shape (k_target,)
        The source coordinate of each target coordinate; -1 where there is none.
    sign : ndarray, shape (k_target,)
    correlation, runner_up : ndarray, shape (k_target,)
        |correlation| with the partner, and the largest with or of any other coordinate.
    matrix : ndarray, shape (k_target, k_source)
        |correlation| of all pairs.
    """

    partner: NDArray[np.intp]
    sign: Array
    correlation: Array
    runner_up: Array
    matrix: Array

    def ambiguous(self, n_rows: int) -> NDArray[np.bool_]:
        """Whether a partner cannot be told from the runner-up: Fisher's z within 1.96 errors."""
        best, second = (
            np.arctanh(np.minimum(r, 1 - 1e-12)) for r in (self.correlation, self.runner_up)
        )
        return np.asarray(best - second < 1.96 * np.sqrt(2 / max(n_rows - 3, 1)))


@dataclass(frozen=True, eq=False)
class PairEvidence:
    """Held-out errors of one ordered pair in one frame; a row of each array per rung.

    Parameters
    ----------
    source, target : int
    errors : ndarray, shape (n_rungs, 5)
        Mean, median, 95 % and 99 % quantile and maximum of ε, in units of the diameter.
    resampled : ndarray, shape (n_bootstrap, n_rungs)
        Bootstrap of the mean.
    null : ndarray, shape (n_rungs,)
        Mean ε after shuffling.
    r2, mcc : ndarray, shape (n_rungs,)
    scale : float
        Root mean square stretch of the fitted similarity, nan without that rung.
    matches : dict of str to Match
        For the rungs that pair coordinates.
    n_units : int
        Bags of rows that were resampled.
    """

    source: int
    target: int
    errors: Array
    resampled: Array
    null: Array
    r2: Array
    mcc: Array
    scale: float
    matches: dict[str, Match]
    n_units: int

    @property
    def unit(self) -> Array:
        """The null, by which relative errors are divided; nan where not even chance errs."""
        return np.where(self.null > 0, self.null, np.nan)


@dataclass(frozen=True, eq=False)
class FrameEvidence:
    """Everything measured in one frame."""

    frame: Frame
    pairs: Sequence[PairEvidence]
    diameters: Sequence[Diameter]

    @property
    def rungs(self) -> list[str]:
        """Names of the rungs, smallest group first."""
        return [name for name, _ in self.frame.rungs]

    @property
    def n_units(self) -> int:
        """Bags of rows that were resampled."""
        return self.pairs[0].n_units

    def interval(
        self, values: Array, draws: Array, *, positive: bool, of: NDArray[np.bool_] | None = None
    ) -> tuple[float, float]:
        """Return the interval of a mean over pairs, or over the chosen ones.

        Parameters
        ----------
        values, draws, positive
            As of :func:`nearid.identifiability.percentiles.interval_over_pairs`.
        of : ndarray of bool, optional
            Which of the pairs the values are of.
        """
        runs = np.array([(pair.source, pair.target) for pair in self.pairs])
        runs = runs if of is None else runs[of]
        return interval_over_pairs(values, draws, runs, n_units=self.n_units, positive=positive)

    def stack(self, what: str) -> Array:
        """Return one of the pairs' arrays for all pairs, the pairs first."""
        return np.stack([getattr(pair, what) for pair in self.pairs])


def measure_frame(
    study: Study, frame: Frame, shuffles: Sequence[Study], bags: Bags
) -> FrameEvidence:
    """Measure every ordered pair of runs in one frame.

    Parameters
    ----------
    study : Study
    frame : Frame
    shuffles : sequence of Study
        The same runs with the correspondence broken.
    bags : Bags
        Bootstrap draws, shared so that intervals of differences are paired.

    Raises
    ------
    InputError
        If the held-out rows of a run are all the same.
    """
    diameters = [diameter(run, frame, m, n_jobs=study.n_jobs) for m, run in enumerate(study.test)]
    for run, found in zip(study.test, diameters, strict=True):
        if found.value == 0:
            raise InputError(
                f"the {len(run)} held-out rows of {run.name} are all the same, so that there is no "
                f"distance to measure errors by: give more rows, or hold out others (random_state)"
            )
    fits = frame.moments(study.train_moments)
    held_out = frame.moments(study.test_moments)
    null_fits = [frame.moments(shuffle.train_moments) for shuffle in shuffles]
    pairs = []
    for source, target in permutations(range(len(study.train)), 2):
        rungs = list(fit_rungs(frame, fits, source, target))
        norms = residual_norms(study.test, frame, rungs, source, target, study.n_jobs)
        null = [
            _null_mean(shuffle, frame, null_fit, source, target)
            for shuffle, null_fit in zip(shuffles, null_fits, strict=True)
        ]
        delta = diameters[target].value
        average = _averaging(rungs)
        matching = _matches(rungs, held_out, source, target)
        pairs.append(
            PairEvidence(
                source,
                target,
                errors=average @ (_summary(norms) / delta),
                resampled=bags.means(norms) @ average.T / delta,
                null=average @ np.mean(null, axis=0) / delta,
                r2=average @ _r2(norms, fits, held_out, target),
                mcc=average @ np.array([_mcc(rung, held_out, source, target) for rung in rungs]),
                scale=_scale(rungs),
                matches=matching,
                n_units=bags.weights.shape[1],
            )
        )
    return FrameEvidence(frame, pairs, diameters)


def _averaging(rungs: Sequence[Rung]) -> Array:
    """Return the matrix that averages the draws of each rung, shape (n_names, n_rungs)."""
    names = list(dict.fromkeys(rung.group for rung in rungs))
    member = np.array([[rung.group == name for rung in rungs] for name in names], dtype=float)
    return np.asarray(member / member.sum(axis=1, keepdims=True))


def _summary(norms: Array) -> Array:
    quantiles = np.quantile(norms, [0.5, 0.95, 0.99], axis=0)
    return np.stack([norms.mean(axis=0), *quantiles, norms.max(axis=0)], axis=1)


def _null_mean(study: Study, frame: Frame, fits: Moments, source: int, target: int) -> Array:
    rungs = list(fit_rungs(frame, fits, source, target))
    norms = residual_norms(study.test, frame, rungs, source, target, study.n_jobs)
    return np.asarray(norms.mean(axis=0))


def _r2(norms: Array, fits: Moments, held_out: Moments, target: int) -> Array:
    """Return ``1 − Σ‖r‖² / Σ‖y − ȳ_train‖²`` on held-out rows, from sums alone."""
    block = held_out.block(target)
    drift = held_out.mean[block] - fits.mean[block]
    total = np.trace(held_out.cov[block, block]) + drift @ drift
    return np.asarray(1 - np.mean(norms**2, axis=0) / total)


def _mcc(rung: Rung, held_out: Moments, source: int, target: int) -> float:
    """Mean |correlation| of the target's coordinates with their predictions, held out.

    A coordinate that is constant in the target is left out; a constant prediction counts as 0.
    """
    pair = rung.own_coordinates(held_out.pair(source, target))
    shared = np.einsum("st,st->t", rung.inner, pair.cross_cov)
    power = np.einsum("st,st->t", rung.inner, pair.source_cov @ rung.inner)
    variance = np.diag(pair.target_cov)
    varies = variance > 0
    if not varies.any():
        return np.nan
    spread = np.sqrt(np.maximum(power, 0)) * np.sqrt(np.maximum(variance, 0))
    correlation = np.divide(shared, spread, out=np.zeros_like(shared), where=spread > 0)
    return float(np.abs(correlation[varies]).mean())


def _scale(rungs: Sequence[Rung]) -> float:
    for rung in rungs:
        if rung.group == "similarity":
            return float(np.sqrt(np.sum(rung.matrix**2) / min(rung.matrix.shape)))
    return np.nan


def _matches(
    rungs: Sequence[Rung], held_out: Moments, source: int, target: int
) -> dict[str, Match]:
    paired = (r for r in rungs if r.group in ("signed_permutation", "ica"))
    return {rung.group: _match(rung, held_out, source, target) for rung in paired}


def _match(rung: Rung, held_out: Moments, source: int, target: int) -> Match:
    pair = rung.own_coordinates(held_out.pair(source, target))
    spread = np.outer(*(np.sqrt(np.diag(c).clip(0)) for c in (pair.target_cov, pair.source_cov)))
    cross = pair.cross_cov.T
    correlation = np.divide(cross, spread, out=np.zeros_like(cross), where=spread > 0)
    size = np.minimum(np.abs(correlation), 1.0)
    has_partner = rung.inner.any(axis=0)
    partner = np.where(has_partner, np.abs(rung.inner).argmax(axis=0), -1)
    rows = np.arange(len(partner))
    sign = np.where(has_partner, rung.inner[partner, rows], 0.0)
    matched = np.where(has_partner, size[rows, partner], 0.0)
    others = size.copy()
    others[rows[has_partner], partner[has_partner]] = -1.0
    runner_up = np.maximum(others.max(axis=1), 0.0)
    by_source = others.max(axis=0)
    runner_up = np.where(has_partner, np.maximum(runner_up, by_source[partner]), runner_up)
    return Match(partner, sign, matched, runner_up, size)


def split(
    rows: Sequence[Rows],
    train: Any,
    test: Any,
    n_jobs: int,
    units: NDArray[np.intp] | None = None,
) -> Study:
    """Make the study of runs from row numbers to fit on and to measure on, and all rows' units."""
    fitting = [run.take(train) for run in rows]
    held_out = [run.take(test) for run in rows]
    try:
        fitted, measured = (moments(part, n_jobs=n_jobs) for part in (fitting, held_out))
    except InputError:
        check_finite(rows)  # counted over all the rows, not those of one part
        raise
    of_units = (None, None) if units is None else (units[train], units[test])
    return Study(fitting, held_out, fitted, measured, n_jobs, *of_units)
