"""Intervals: as wide as theory says, ordered, and never of what cannot be known."""

import numpy as np
import pytest
from scipy.stats import t as student

from nearid.identifiability.percentiles import interval_over_pairs, percentile_interval

PAIRS = np.array([[a, b] for a in range(4) for b in range(4) if a != b])


def test_percentiles_of_a_mean_are_students_interval():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal(20)
    draws = rows[rng.integers(20, size=(200_000, 20))].mean(axis=1)
    low, high = percentile_interval(draws, rows.mean(), n_units=20)
    half = student.ppf(0.975, 19) * rows.std(ddof=1) / np.sqrt(20)
    np.testing.assert_allclose([low, high], [rows.mean() - half, rows.mean() + half], atol=0.01)


def test_one_unit_knows_nothing_of_its_spread():
    assert percentile_interval([1.0, 1.0], 1.0, n_units=1) == (1.0, 1.0)


def test_additive_effects_of_runs_are_found_by_the_jackknife():
    """Where a pair's error is the mean of its runs' effects, the mean over pairs is their mean."""
    effects = np.array([1.0, 2.0, 4.0, 7.0])
    values = effects[PAIRS].mean(axis=1)
    draws = np.repeat(values[:, None], 30, axis=1)
    found = interval_over_pairs(values, draws, PAIRS, n_units=100, positive=False)
    half = student.ppf(0.975, 3) * effects.std(ddof=1) / np.sqrt(4)
    np.testing.assert_allclose(found, [3.5 - half, 3.5 + half])


def test_two_runs_are_about_rows_alone():
    draws = np.random.default_rng(0).normal(1.0, 0.1, size=(2, 400))
    found = interval_over_pairs(np.ones(2), draws, PAIRS[[0, 3]], n_units=50, positive=True)
    np.testing.assert_array_equal(found, percentile_interval(draws.mean(axis=0), 1.0, n_units=50))


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_errors_keep_their_unit_and_stay_positive(scale):
    values = np.random.default_rng(0).lognormal(sigma=0.5, size=len(PAIRS))
    draws = np.repeat(values[:, None], 30, axis=1)
    alone = interval_over_pairs(values, draws, PAIRS, n_units=9, positive=True)
    found = interval_over_pairs(scale * values, scale * draws, PAIRS, n_units=9, positive=True)
    assert 0 < alone[0] < values.mean() < alone[1]
    np.testing.assert_allclose(np.divide(found, scale), alone)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
@pytest.mark.parametrize("other", [0.0, 1e-16, 0.01, 0.03])
def test_errors_of_different_scales_have_an_end_of_their_size(scale, other):
    """Two runs are as good as the same, and a third is not: logarithms would end beyond reason."""
    runs = np.array([(a, b) for a in range(3) for b in range(3) if a != b])
    values = np.where((runs == 2).any(axis=1), 0.2, other) * scale
    draws = np.outer(values, np.ones(50))
    low, high = interval_over_pairs(values, draws, runs, n_units=100, positive=True)
    assert 0 <= low < values.mean() < high < scale


def test_runs_that_are_the_same_have_no_error_and_no_interval():
    nothing = np.zeros(len(PAIRS))
    draws = np.zeros((len(PAIRS), 30))
    assert interval_over_pairs(nothing, draws, PAIRS, n_units=9, positive=True) == (0.0, 0.0)
    known = np.full(len(PAIRS), np.nan)
    found = interval_over_pairs(known, draws + np.nan, PAIRS, n_units=9, positive=True)
    assert np.isnan(found).all()
