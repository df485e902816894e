import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nearid.experiments.ranks import interval_over_runs, partial_spearman, spearman


def test_spearman_is_scipys():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 50)).round(1)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


def test_the_partial_correlation_is_that_of_residual_ranks():
    rng = np.random.default_rng(0)
    given = rng.normal(size=200)
    x, y = given + rng.normal(size=(2, 200))
    ranks = [stats.rankdata(v) for v in (x, y, given)]
    left = [v - np.polyval(np.polyfit(ranks[2], v, 1), ranks[2]) for v in ranks[:2]]
    assert partial_spearman(x, y, given) == pytest.approx(np.corrcoef(left)[0, 1])
    # what two share through a third alone is gone
    assert spearman(x, y) > 0.3
    assert abs(partial_spearman(x, y, given)) < 0.15


def test_without_variation_there_is_no_correlation():
    assert np.isnan(spearman(np.ones(5), np.arange(5.0)))
    assert np.isnan(spearman(np.zeros(0), np.zeros(0)))


def pairs_of(values):
    runs = len(values)
    rows = [(1.0, a, b, values[a] + values[b]) for a in range(runs) for b in range(runs) if a != b]
    return pd.DataFrame(rows, columns=["alpha", "source", "target", "value"])


def test_the_interval_knows_that_pairs_share_runs():
    # the mean over pairs of a sum over both runs is twice the mean over runs
    rng = np.random.default_rng(0)
    values = rng.normal(size=30)
    low, high = interval_over_runs(
        pairs_of(values), lambda p: p["value"].mean() / 2, rng=rng, draws=2000
    )
    half = stats.t.isf(0.025, 29) * values.std(ddof=1) / np.sqrt(30)
    assert low == pytest.approx(values.mean() - half, abs=0.25 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.25 * half)


@pytest.mark.parametrize(("settings", "freedom"), [(1, 5), (2, 10)])
def test_few_runs_widen_the_interval(settings, freedom):
    values = np.random.default_rng(1).normal(size=6)
    pairs = pd.concat([pairs_of(values).assign(alpha=i) for i in range(settings)])
    seen = []

    def mean(part):
        seen.append(part["value"].mean())
        return seen[-1]

    low, high = interval_over_runs(pairs, mean, rng=np.random.default_rng(0), draws=399)
    value = pairs["value"].mean()
    draws = [draw for draw in seen if draw != value]
    ends = np.quantile(draws, [0.025, 0.975], method="weibull")
    wider = stats.t.isf(0.025, freedom) / 1.96 * np.sqrt((freedom + 1) / freedom)
    assert [low, high] == pytest.approx(value + wider * (ends - value), rel=0.01)


def test_the_interval_stays_within_the_range_of_the_statistic():
    values = np.random.default_rng(1).normal(size=5)
    bounds = (2 * values.mean() - 0.1, 2 * values.mean() + 0.1)
    found = interval_over_runs(
        pairs_of(values),
        lambda p: p["value"].mean(),
        rng=np.random.default_rng(0),
        bounds=bounds,
    )
    assert found == bounds


def test_two_runs_are_enough_for_an_interval_to_be_tried():
    low, high = interval_over_runs(
        pairs_of([1.0, 2.0]),
        lambda p: float(len(p)),
        rng=np.random.default_rng(0),
        bounds=(0, np.inf),
    )
    assert (low, high) == (0, 2)
    undefined = interval_over_runs(
        pairs_of([1.0, 2.0]), lambda _: np.nan, rng=np.random.default_rng(0), draws=5
    )
    assert np.isnan(undefined).all()
