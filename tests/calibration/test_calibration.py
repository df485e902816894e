"""A slice of the simulations: bounds that chance alone breaks once in ten thousand runs."""

from functools import partial

import numpy as np
import pytest
from scipy.stats import binom, kstest

from tests.calibration import intervals, verdicts
from tests.calibration.__main__ import covered, shares
from tests.calibration.draws import SHAPES
from tests.calibration.page import write_page

CHANCE = 1e-4


def plausible(said, level=0.95):
    """Whether so many hits are what intervals of this level give, but for chance."""
    hits, count = sum(said), len(said)
    return binom.cdf(hits, count, level) > CHANCE


@pytest.mark.parametrize("shape", SHAPES)
def test_errors_of_a_pair_are_covered(shape):
    found = [intervals.errors(shape, 200, 4, seed) for seed in range(60)]
    for name in found[0]:
        assert plausible([one[name] for one in found]), name


@pytest.mark.parametrize("n_runs", [3, 5])
def test_the_mean_over_pairs_is_covered(n_runs):
    found = covered([intervals.overall(n_runs, 200, 4, seed) for seed in range(40)])
    assert plausible([one["ε, mean over pairs"] for one in found], level=0.93)


@pytest.mark.parametrize("n_batches", [3, 9])
def test_the_mean_over_batches_is_covered(n_batches):
    found = covered([intervals.batches(n_batches, 48, 5, seed) for seed in range(100)])
    assert plausible([one["AUROC, mean over batches"] for one in found])


def test_errors_of_rows_in_units_are_covered_by_units_and_not_by_rows():
    by_unit, by_row = (
        [intervals.errors_of_wells(60, 20, 4, by_unit, seed) for seed in range(60)]
        for by_unit in (True, False)
    )
    for name in by_unit[0]:
        assert plausible([one[name] for one in by_unit]), name
        assert not plausible([one[name] for one in by_row]), name


def test_ica_of_gaussian_wells_is_no_verdict_by_units():
    found = [verdicts.of_wells(60, 20, 4, True, seed) for seed in range(12)]
    assert not any(said for one in found for said in one.values())


def test_agreement_is_covered():
    found = [intervals.agreement(3, 200, 4, seed) for seed in range(60)]
    assert plausible([one["agreement of a component"] for one in found])


@pytest.mark.parametrize("shape", SHAPES)
def test_independent_runs_are_not_called_the_same(shape):
    found = [verdicts.independent(shape, 200, 4, seed) for seed in range(10)]
    assert not any(said for one in found for said in one.values())


def test_verdicts_are_found_where_noise_is_small_and_not_where_it_is_large():
    small, large = (
        [verdicts.noisy("rigid", s, 200, 4, seed) for seed in range(5)] for s in (0.02, 0.3)
    )
    assert all(one["rigid"] for one in small)
    assert not any(one["rigid"] for one in large)


@pytest.mark.parametrize(
    "job", [partial(verdicts.p_of_permutations, 120), partial(verdicts.p_of_batches, 5)]
)
def test_p_values_are_uniform_under_the_null(job):
    assert kstest([job(seed) for seed in range(150)], "uniform").pvalue > CHANCE


def test_the_page_says_what_is_outside(tmp_path):
    rows = shares([{"ε, native, rigid": True}] * 80 + [{"ε, native, rigid": False}] * 20, "a")
    power = [row | {"noise": noise} for noise in (0.1, 0.2) for row in rows]
    uniform = [{"what": "p", "n": 10, "distance": 0.1, "p": 0.5, "below .05": 0.0}]
    found = {"coverage": rows, "false": rows, "units": rows, "power": power, "uniform": uniform}
    write_page(found, tmp_path, command="command")
    page = (tmp_path / "calibration.md").read_text()
    assert "by more than chance: ε, native, rigid (a) 0.800" in page
    assert {path.suffix for path in tmp_path.iterdir()} == {".md", ".png"}
    assert np.isclose(rows[0]["low"], 0.708, atol=1e-3)
