"""What follows from single scores, against arithmetic written out."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap, ttest_1samp

from nearid.experiments.disentanglement_tables import (
    attainable_shares,
    interval,
    means,
    metric_means,
    regrets,
)


@pytest.fixture
def scores():
    """Two models of three seeds, in four versions; only one has a best rotation."""
    rng = np.random.default_rng(0)
    rows = []
    for model in ("ae", "vae"):
        for seed in range(3):
            for version, infom in {"random": 0.3, "ica": 0.7, "attainable": 0.8}.items():
                if model == "vae" and version == "attainable":
                    continue
                row = {"model": model, "seed": seed, "version": version, "n_components": 9 + seed}
                row |= {"infom": infom + 0.01 * seed, "chance_infom": 0.2, "mig": rng.random()}
                rows.append(row | {"chance_mig": 0.0})
    return pd.DataFrame(rows)


def test_interval_is_students():
    values = np.random.default_rng(0).normal(size=7)
    mean, half = interval(values)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean - half, mean + half) == pytest.approx((expected.low, expected.high))
    resampled = bootstrap((values,), np.mean, rng=np.random.default_rng(0)).confidence_interval
    assert half > (resampled.high - resampled.low) / 2  # seven values know little of their spread
    assert np.isnan(interval([1.0])[1])
    assert np.isnan(interval([np.nan])[0])


def test_means_are_over_seeds(scores):
    table = means(scores, ["infom", "mig"]).set_index(["model", "version"])
    assert table.loc[("ae", "ica"), "infom"] == pytest.approx(0.71)
    assert table.loc[("ae", "ica"), "n_components"] == 10
    assert (table["runs"] == 3).all()
    assert (table["infom_low"] < table["infom"]).all()
    long = metric_means(scores, ["infom", "mig"]).set_index(["model", "version", "metric"])
    assert long.loc[("vae", "random", "infom"), "chance"] == pytest.approx(0.2)
    assert long.loc[("vae", "ica", "mig"), "mean"] == table.loc[("vae", "ica"), "mig"]


def test_regret_is_what_the_oracle_would_have_gained():
    grid = pd.DataFrame(
        {
            "model": ["ae"] * 3 + ["vae"] * 2,
            "dropped": [0, 1, 2, 0, 1],
            "solver": ["jade", "jade", "nearid", "jade", "jade"],
            "chosen": [True, False, False, False, True],
            "infom": [0.70, 0.72, np.nan, 0.5, 0.6],
        }
    )
    found = regrets(grid).set_index("model")
    assert found.loc["ae", "regret"] == pytest.approx(0.02)
    assert found.loc["ae", "best_dropped"] == 1
    assert found.loc["vae", "regret"] == 0


def test_shares_of_the_attainable_are_paired_by_seed(scores):
    found = attainable_shares(scores)
    assert list(found["model"]) == ["ae"] * 3  # the other model has no best rotation
    np.testing.assert_allclose(found["share"], [0.70 / 0.80, 0.71 / 0.81, 0.72 / 0.82])
    np.testing.assert_allclose(found["share_above_random"], 0.8)
    assert attainable_shares(scores[scores["model"] == "vae"]).empty
