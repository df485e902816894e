"""Whether a representation is right: recovery, controls, and factors of every kind."""

import numpy as np
import pandas as pd
import pytest

from nearid import InputError, structural_identifiability
from nearid.identifiability.factors import embed_factors

QUICK = {"n_bootstrap": 20, "n_null": 2, "n_random": 2, "random_state": 0}
SCORES = {"metrics": ["mcc", "r2"], **QUICK}


@pytest.fixture(scope="module")
def factors():
    return np.random.default_rng(0).integers(0, [10, 8, 6, 12], size=(4000, 4)).astype(float)


@pytest.fixture(scope="module")
def mixing():
    return np.random.default_rng(1).standard_normal((4, 4))


def scores(result, metric, part="value"):
    chosen = (result.scores["metric"] == metric) & (result.scores["part"] == part)
    return result.scores[chosen].set_index("version")["value"]


def test_ica_finds_independent_factors_behind_a_linear_map(factors, mixing, dtype):
    result = structural_identifiability((factors @ mixing).astype(dtype), factors, **SCORES)
    assert result.verdict == "linear"
    assert result.verdict_whitened == "ica"
    assert result.ica_efficiency > 0.95
    found = scores(result, "mcc")
    assert found["ica"] > 0.99 > 0.8 > found["random"]
    assert scores(result, "r2")["raw"] > 0.999
    assert sorted(result.matches["ica"][1].partner) == [0, 1, 2, 3]


def test_gaussian_factors_are_the_negative_control(mixing):
    u = np.random.default_rng(2).standard_normal((4000, 4))
    result = structural_identifiability(u @ mixing, u, **SCORES)
    assert result.verdict == "linear"
    assert result.verdict_whitened not in ("ica", "signed_permutation")
    assert any("Gaussian" in warning for warning in result.warnings)


def test_unrelated_codes_are_at_chance(factors):
    codes = np.random.default_rng(3).laplace(size=(4000, 4))
    result = structural_identifiability(codes, factors, **SCORES)
    assert result.verdict is None
    linear = result.ladder[result.ladder["group"] == "linear"]
    assert linear["relative"].between(0.95, 1.05).all()
    assert (scores(result, "r2").abs() < 0.02).all()


def test_the_factors_themselves_are_the_identity(factors):
    unit = embed_factors(factors, list("abcd")).values
    result = structural_identifiability(unit, factors, **SCORES)
    assert result.verdict == "identity"


def test_infomec_before_and_after(factors, mixing):
    smooth = factors + 0.3 * np.random.default_rng(4).standard_normal(factors.shape)
    result = structural_identifiability(smooth @ mixing, factors, metrics=["infomec"], **QUICK)
    infom = scores(result, "infomec", "infom")
    assert infom["ica"] > 0.9 > 0.6 > infom["raw"]
    row = result.scores.query("version == 'ica' and part == 'infom'").iloc[0]
    assert row["ci_low"] <= row["value"] <= row["ci_high"]
    assert row["chance"] < row["value"]


def test_a_circle_is_a_circle():
    rng = np.random.default_rng(5)
    hue, size = rng.integers(0, 12, 3000), rng.integers(0, 8, 3000)
    angle = 2 * np.pi * hue / 12
    codes = np.stack([np.cos(angle), np.sin(angle), size / 4], axis=1)
    table = pd.DataFrame({"hue": hue, "size": size})
    as_circle = structural_identifiability(codes, table, periods={"hue": 12}, **SCORES)
    assert as_circle.verdict in ("signed_permutation", "rigid", "similarity", "linear")
    assert scores(as_circle, "r2")["raw"] > 0.999
    assert any("hue is circular" in warning for warning in as_circle.warnings)
    as_interval = structural_identifiability(codes, table, **SCORES)
    assert scores(as_interval, "r2")["raw"] < 0.9


def test_names_are_indicators():
    rng = np.random.default_rng(6)
    shape, size = rng.integers(0, 3, 3000), rng.integers(0, 8, 3000)
    codes = np.column_stack([np.eye(3)[[2, 0, 1]][shape], size]) @ rng.standard_normal((4, 4))
    table = pd.DataFrame({"shape": shape, "size": size})
    result = structural_identifiability(codes, table, nominal=["shape"], **SCORES)
    assert scores(result, "r2")["raw"] > 0.999
    assert result.matches["ica"][0] == ("shape 0", "shape 1", "shape 2", "size")


def test_continuous_factors_are_cut_into_bins_aloud(mixing):
    u = np.random.default_rng(7).uniform(size=(3000, 4))
    result = structural_identifiability(u @ mixing, u, metrics=["mig"], **QUICK)
    assert scores(result, "mig")["ica"] > 0.6
    assert any("20 bins" in warning for warning in result.warnings)


def test_the_number_of_components_does_not_come_from_the_factors(factors, mixing):
    noise = 1e-4 * np.random.default_rng(8).standard_normal((4000, 3))
    codes = np.hstack([factors @ mixing, noise])
    assert structural_identifiability(codes, factors, **SCORES).n_components == 4


def test_ids_align_rows(factors, mixing):
    names = [f"s{i}" for i in range(4000)]
    codes = pd.DataFrame(factors @ mixing, index=names).add_prefix("z")
    table = pd.DataFrame(factors, index=names, columns=list("abcd"))
    straight = structural_identifiability(codes, table, **SCORES)
    shuffled = structural_identifiability(codes, table.sample(frac=1, random_state=0), **SCORES)
    assert straight.ladder["mean"].tolist() == shuffled.ladder["mean"].tolist()


def test_results_are_plain_and_repeatable(factors, mixing):
    import json

    first, again = (structural_identifiability(factors @ mixing, factors, **SCORES) for _ in "ab")
    text = json.dumps(first.to_dict(), allow_nan=False)
    assert text == json.dumps(again.to_dict(), allow_nan=False)
    assert "verdict: linear" in first.summary()
    table = first.table()
    assert list(table.columns) == ["raw", "pca", "random", "ica"]
    rows = [("mcc", part) for part in ("value", "matched", "coverage", "crossfit")]
    assert table.index.tolist() == [*rows, ("r2", "value")]
    assert table.loc[("mcc", "value"), "ica"] == scores(first, "mcc")["ica"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factors": np.ones((40, 2))}, "4000 rows, the factors have 40; give both an id column"),
        ({"factors": np.ones((4000, 2))}, "constant"),
        ({"factors": np.full((4000, 1), np.nan)}, "missing or infinite"),
        ({"representation": np.ones((4000, 3))}, "collapsed"),
        ({"metrics": ["mood"]}, "no metric 'mood'"),
        ({"periods": {"hue": 3}}, "no factor 'hue'"),
        ({"periods": {"factor 0": 0}}, "above 0"),
        ({"nominal": ["factor 0"], "periods": {"factor 0": 3}}, "both"),
        ({"factor_names": ["a", "a", "b", "c"]}, "different names"),
    ],
)
def test_wrong_input_is_said(change, message, factors, mixing):
    options = {"representation": factors @ mixing, "factors": factors, **SCORES} | change
    with pytest.raises(InputError, match=message):
        structural_identifiability(**options)


@pytest.mark.parametrize("scale", [1e300, 1e-300, 2.0**40])
def test_the_unit_of_a_factor_changes_nothing(scale):
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(50, 2))
    found, plain = (embed_factors(factors * s, ["a", "b"]).values for s in (scale, 1.0))
    np.testing.assert_allclose(found, plain, rtol=1e-12)


def test_factors_without_rows_are_refused():
    with pytest.raises(InputError, match="the factors have no rows"):
        embed_factors(np.zeros((0, 2)), ["a", "b"])
