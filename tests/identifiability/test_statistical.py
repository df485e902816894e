"""Definition 1 on runs whose relation is known: verdicts, the ICA rung, intervals, the frame."""

import json

import numpy as np
import pytest
from scipy import stats

from nearid import GROUPS
from nearid import statistical_identifiability as compare
from nearid.linalg import random_orthogonal

CHEAP = {"n_bootstrap": 50, "n_null": 3, "n_random": 2, "random_state": 0}
COLUMNS = [
    "target",
    "source",
    "frame",
    "group",
    "mean",
    "median",
    "q95",
    "q99",
    "max",
    "ci_low",
    "ci_high",
    "null",
    "relative",
    "r2",
    "mcc",
]
NATIVE = ["identity", "signed_permutation", "rigid", "similarity", "linear"]
WHITENED = ["random", "signed_permutation", "ica", "rigid", "linear"]


def rng(seed=0):
    return np.random.default_rng(seed)


def laplace(n=2000, d=6, seed=0):
    return rng(seed).laplace(size=(n, d)) * np.linspace(1, 2, d)


def turned(z, noise, n_runs=3):
    """Runs that are one representation, each turned on its own and with noise of its own."""
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    turns = [random_orthogonal(z.shape[1], rng(seed)) for seed in range(n_runs)]
    return [z @ turn + noise * rng(90 + i).normal(size=z.shape) for i, turn in enumerate(turns)]


def rungs(result, frame, column="mean"):
    rows = result.to_frame().query(f"frame == '{frame}'")
    return rows.groupby("group", sort=False)[column].mean()


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_the_verdict_is_the_group_that_the_runs_differ_by(name, noise, dtype):
    z = laplace()
    runs = [GROUPS[name].sample(6, rng(seed)).transform(z) for seed in range(3)]
    runs = [(run + noise * rng(7).normal(size=run.shape)).astype(dtype) for run in runs]
    result = compare(runs, **CHEAP)
    assert result.verdict == name
    place = NATIVE.index(name)
    relative = rungs(result, "native", "relative")
    assert (relative.iloc[place:] < 0.1).all()
    assert (relative.iloc[:place] > 0.1).all()


def test_independent_runs_have_no_verdict():
    result = compare([laplace(seed=seed) for seed in range(3)], **CHEAP)
    assert result.verdict is None
    assert result.verdict_whitened is None
    assert rungs(result, "native", "relative").between(0.97, 1.03).all()


@pytest.mark.parametrize("seed", range(3))
def test_relative_is_one_on_independent_runs_of_100_rows_and_64_columns(seed):
    result = compare(rng(seed).normal(size=(2, 100, 64)), ica=False, **(CHEAP | {"n_null": 10}))
    assert rungs(result, "native", "relative").between(0.93, 1.07).all()


def test_errors_decrease_along_the_ladder_in_both_frames():
    result = compare(turned(laplace(), 0.3), **CHEAP)
    native = rungs(result, "native")[["signed_permutation", "rigid", "linear"]]
    whitened = rungs(result, "whitened")[["random", "signed_permutation", "ica", "rigid", "linear"]]
    assert (np.diff(native) < 0).all()
    assert (np.diff(whitened) < 0).all()


def test_ica_finds_what_a_supervised_rotation_would():
    result = compare(turned(laplace(4000), 0.05), **CHEAP)
    assert (result.verdict, result.verdict_whitened) == ("rigid", "ica")
    assert result.ica_efficiency > 0.95
    low, high = result.ica_efficiency_ci
    assert low <= result.ica_efficiency <= high
    assert rungs(result, "whitened", "mcc")["ica"] > 0.99
    assert not result.components.query("group == 'ica'")["ambiguous"].any()


def test_ica_undoes_linear_maps():
    z = laplace(4000)
    runs = [z @ rng(seed).normal(size=(6, 6)) for seed in range(3)]
    result = compare(runs, n_components=None, **CHEAP)
    assert (result.verdict, result.verdict_whitened) == ("linear", "ica")
    assert result.ica_efficiency > 0.9


def test_ica_finds_nothing_in_gaussian_runs():
    noisy = compare(turned(rng().normal(size=(4000, 8)), 1.0), **CHEAP)
    assert abs(noisy.ica_efficiency) < 0.2
    assert noisy.verdict_whitened is None
    assert noisy.components.query("group == 'ica'")["gaussian"].all()
    assert any("8 of 8 ICA components are Gaussian" in warning for warning in noisy.warnings)
    laplacian = compare(turned(laplace(4000, 8), 1.0), **CHEAP)
    assert laplacian.ica_efficiency > 0.4  # the same noise, but something to find


def test_efficiency_is_undefined_where_there_is_nothing_to_remove():
    z = laplace()
    result = compare([z, z], **CHEAP)
    assert np.isnan(result.ica_efficiency)
    assert np.isnan(result.ica_efficiency_ci).all()
    assert result.efficiencies["efficiency"].isna().all()
    assert any("ICA efficiency is undefined for 2 of 2" in w for w in result.warnings)
    assert "undefined" in result.summary()


def test_efficiency_follows_its_definition():
    found = compare(turned(laplace(), 0.3), **CHEAP)
    table = found.efficiencies
    by_hand = (table["permutation"] - table["ica"]) / (table["permutation"] - table["rigid"])
    np.testing.assert_allclose(table["efficiency"], by_hand)
    assert found.ica_efficiency == pytest.approx(by_hand.mean())


@pytest.fixture(scope="module")
def result():
    return compare(dict(zip("abc", turned(laplace(), 0.3), strict=True)), **CHEAP)


def test_the_frame_has_the_columns_and_rows_that_it_promises(result):
    frame = result.to_frame()
    assert list(frame.columns) == COLUMNS
    expected = {
        (target, source, name, group)
        for target in "abc"
        for source in "abc"
        if source != target
        for name, groups in (("native", NATIVE), ("whitened", WHITENED))
        for group in groups
    }
    found = list(frame[["target", "source", "frame", "group"]].itertuples(index=False, name=None))
    assert len(found) == len(expected) == 60
    assert set(found) == expected
    assert frame.notna().all(axis=None)


def test_the_numbers_of_the_frame_are_in_order(result):
    frame = result.to_frame()
    assert (frame["ci_low"] <= frame["mean"]).all()
    assert (frame["mean"] <= frame["ci_high"]).all()
    assert (frame[["median", "q95", "q99", "max"]].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert (frame["max"] <= 1.5).all()
    np.testing.assert_allclose(frame["relative"], frame["mean"] / frame["null"])
    assert (frame["r2"] <= 1).all()
    assert frame["mcc"].between(0, 1).all()


def test_the_frame_is_a_copy(result):
    frame = result.to_frame()
    frame["mean"] = 7.0
    assert (result.to_frame()["mean"] < 1).all()


def test_groups_are_a_subset_and_ica_is_a_choice():
    frame = compare(turned(laplace(), 0.3), groups=["linear", "rigid"], ica=False, **CHEAP)
    names = frame.to_frame().groupby("frame")["group"].unique()
    assert list(names["native"]) == ["rigid", "linear"]
    assert list(names["whitened"]) == ["random", "signed_permutation", "rigid", "linear"]
    assert np.isnan(frame.ica_efficiency)


def test_a_verdict_by_an_absolute_error():
    runs = turned(laplace(), 0.3)
    worst = compare(runs, **CHEAP).overall.query("frame == 'native'").set_index("group")
    bound = float(worst.loc["rigid", "worst_upper"])
    assert compare(runs, epsilon=bound * 1.001, **CHEAP).verdict == "rigid"
    assert compare(runs, epsilon=bound * 0.5, **CHEAP).verdict is None


def test_the_worst_pair_decides():
    z = laplace()
    far = z @ random_orthogonal(6, rng(3))
    assert compare([z, z, far], **CHEAP).verdict == "rigid"


def test_the_dictionary_is_strict_json(result):
    for made in (result, compare([laplace(), np.zeros((2000, 2))], **CHEAP)):
        text = json.dumps(made.to_dict(), allow_nan=False)
        again = json.loads(text)
        assert again["verdict"] == made.verdict
        assert len(again["pairs"]) == len(made.to_frame())
        assert again["settings"]["groups"] == NATIVE
        assert again["runs"][1]["collapsed"] == (made is not result)


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_workers_change_nothing(n_jobs):
    runs = turned(laplace(30_000), 0.3, n_runs=2)
    alone, shared = (compare(runs, n_jobs=n, **CHEAP).to_dict() for n in (1, n_jobs))
    assert alone == shared


def test_a_seed_makes_it_reproducible():
    runs = turned(laplace(), 0.3)
    one, other = compare(runs, **CHEAP).to_dict(), compare(runs, **CHEAP).to_dict()
    assert one == other
    state = np.random.get_state()[1].copy()  # noqa: NPY002 -- the point is that it stays as it was
    changed = compare(runs, **(CHEAP | {"random_state": 1})).to_dict()
    assert changed["pairs"] != one["pairs"]
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_the_data_are_left_alone():
    runs = turned(laplace(), 0.3)
    before = [run.copy() for run in runs]
    compare(runs, **CHEAP)
    for run, copy in zip(runs, before, strict=True):
        np.testing.assert_array_equal(run, copy)


def test_offsets_of_a_million_change_nothing():
    runs = turned(laplace(), 0.3)
    plain = rungs(compare(runs, ica=False, **CHEAP), "native")
    moved = rungs(compare([run + 1e6 for run in runs], ica=False, **CHEAP), "native")
    np.testing.assert_allclose(moved, plain, rtol=1e-6)


def test_the_interval_covers_the_true_error():
    # The target lies on the unit circle (Δ = 2), the noise is a Rayleigh variable of known mean.
    truth, covered = 0.1 * np.sqrt(np.pi / 2) / 2, 0
    for seed in range(200):
        draw = rng(seed)
        angle = draw.uniform(0, 2 * np.pi, 400)
        target = np.column_stack([np.cos(angle), np.sin(angle)])
        source = target + 0.1 * draw.normal(size=target.shape)
        found = compare(
            {"source": source, "target": target},
            groups=["identity"],
            ica=False,
            n_null=1,
            n_random=1,
            random_state=seed,
        ).pairs
        row = found.query("frame == 'native' and target == 'target'").iloc[0]
        covered += row["ci_low"] <= truth <= row["ci_high"]
    assert stats.binomtest(covered, 200, 0.95).pvalue > 0.01


@pytest.mark.parametrize("draw", ["standard_normal", "laplace"])
def test_gaussian_rows_are_not_identifiable_by_ica(draw):
    """Both ICAs see the same rows, and find the same structure where there is none."""
    rng = np.random.default_rng(0)
    z = getattr(rng, draw)(size=(4000, 4))
    runs = [z @ rng.standard_normal((4, 4)) for _ in range(2)]
    result = compare(runs, n_components=None, random_state=0)
    assert result.verdict_whitened == {"standard_normal": "rigid", "laplace": "ica"}[draw]
    assert ("is not counted" in result.meaning_whitened) == (draw == "standard_normal")
    warned = any("agreement after ICA is no verdict" in warning for warning in result.warnings)
    assert warned == (draw == "standard_normal")


def test_the_summary_says_what_whitening_leaves_open():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2000, 4))
    runs = [z @ rng.standard_normal((4, 4)) for _ in range(2)]
    found = compare(runs, n_components=3, random_state=0)
    assert found.n_components == 3
    assert "whitened components of each run: 3" in found.summary().splitlines()
    named = found.verdict_whitened or "not identifiable"
    assert f"\nwhitened: {named} — " in found.summary()
    assert "whitened, " not in compare(runs, n_components=None, random_state=0).meaning_whitened
    nothing = compare([z, 0 * z], random_state=0)
    assert nothing.n_components == 0
    assert "whitened" not in nothing.summary().splitlines()[1]
