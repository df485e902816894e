"""Held-out batches: what is fitted sees none of them, and nothing is gained that is not there."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from nearid.deconfounding import METHODS, evaluate
from nearid.errors import InputError

BATCH, LABEL = "Metadata_Plate", "Metadata_Label"
QUICK = {"batch": BATCH, "label": LABEL, "n_repeats": 2, "classifiers": ["l1", "l2"]}
#: Methods that need no other library; the adapters have tests of their own.
INDUCTIVE = ["base", "pca", "pca_random", "pca_ica", "pca_ica_drop", "pca_drop", "nap", "tvn"]
INDUCTIVE += ["ica_controls"]
HELD_FIXED = ["method", "classifier", "held_out", "auroc", "average_precision", "n_train", "n_test"]


@pytest.fixture(scope="module")
def result(frame):
    """All the rotations, by both penalties."""
    return evaluate(frame, **QUICK)


def test_one_row_per_method_classifier_and_batch(result, frame):
    table = result.to_frame()
    assert list(table.columns[:7]) == HELD_FIXED
    assert len(table) == 4 * 2 * frame[BATCH].nunique()
    assert not table.duplicated(["method", "classifier", "held_out"]).any()
    assert (table["n_train"] == 300).all()
    assert (table["n_test"] == 60).all()
    assert table["auroc"].between(0, 1).all()


def test_l2_is_blind_to_rotations(result):
    """Its penalty has no preferred axes, so every rotation must give the same scores."""
    scores = result.scores[result.scores["classifier"] == "l2"]
    wide = scores[scores["repeat"] == 0].pivot(index="held_out", columns="method", values="auroc")
    for rotated in ("pca_random", "pca_ica"):
        np.testing.assert_allclose(wide[rotated], wide["pca"], atol=1e-6)


def test_l2_is_blind_to_rotations_where_a_class_meets_controls_alone(frame):
    """A classifier sees some of the training rows, and these are not white."""
    three = frame.assign(**{LABEL: np.where(np.arange(len(frame)) % 3, frame[LABEL], "c")})
    found = evaluate(three, **QUICK | {"classifiers": ["l2"], "n_repeats": 1}, control="b")
    wide = found.scores.pivot(index=["held_out", "task"], columns="method", values="auroc")
    for rotated in ("pca_random", "pca_ica"):
        np.testing.assert_allclose(wide[rotated], wide["pca"], atol=1e-6)


def test_ica_isolates_a_sparse_factor(result, plates):
    """One of twelve independent factors carries the label: the best axis, and sparse weights."""
    frame = plates(n_plates=8, biology=2.5)
    best = evaluate(frame, **QUICK | {"classifiers": ["top1"], "n_repeats": 1})
    gain = best.difference("pca_ica", "pca_random", classifier="top1")
    assert gain.low > 0
    sparser = result.difference("pca_ica", "pca_random", classifier="l1", measure="hoyer")
    assert sparser.low > 0
    assert best.verdict.startswith("ICA helps")


def test_gaussian_factors_give_no_gain(plates):
    """Negative control: nothing tells a rotation of Gaussian factors from another."""
    frame = plates(gaussian=True, batch=0.3, seed=3)
    found = evaluate(frame, **QUICK | {"classifiers": ["top1"], "n_repeats": 3})
    assert not found.verdict.startswith("ICA helps")


def test_false_gains_on_shuffled_labels_are_rare(plates):
    """Labels that mean nothing: by chance "helps" would be said in less than one of 40 shuffles."""
    frame = plates(n_plates=4, n_wells=30, n_features=6)
    rng = np.random.default_rng(0)
    asked = QUICK | {"classifiers": ["top1"], "methods": ["pca", "pca_random", "pca_ica"]}
    asked |= {"n_repeats": 1}
    said = 0
    for _ in range(12):
        shuffled = frame.assign(**{LABEL: rng.permutation(frame[LABEL])})
        found = evaluate(shuffled, **asked)
        said += found.verdict.startswith("ICA helps")
    assert said <= 1


@pytest.mark.parametrize("name", INDUCTIVE)
def test_a_planted_row_in_the_held_out_batch_changes_nothing_that_is_fitted(frame, fold_of, name):
    """Inductive methods: training codes are bit-identical, and so are the other test rows'."""
    values = frame.filter(like="Cells").to_numpy()
    held_out = (frame[BATCH] == "plate0").to_numpy()

    def codes(rows):
        return METHODS[name].codes(fold_of(frame, rows, held_out))

    planted = values.copy()
    planted[np.flatnonzero(held_out)[0]] = 1e4
    before, after = codes(values), codes(planted)
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_allclose(before[1][1:], after[1][1:], rtol=1e-9)
    assert len(before[1]) == held_out.sum()


def test_projecting_out_batch_means_hides_the_known_batches(frame):
    found = evaluate(frame, **QUICK | {"methods": ["pca", "nap"], "classifiers": ["l2"]})
    told = found.batch_scores().set_index("method")
    assert told.loc["pca", "batch_accuracy"] > 0.5
    assert told.loc["nap", "batch_accuracy"] < 0.3


def test_a_fit_on_controls_sees_no_other_row(frame, fold_of):
    values = frame.filter(like="Cells").to_numpy()
    held_out = (frame[BATCH] == "plate0").to_numpy()
    fold = fold_of(frame, values, held_out)
    loud = fold.train.copy()
    loud[~fold.train_control] *= 3
    before = METHODS["ica_controls"].codes(fold)
    after = METHODS["ica_controls"].codes(replace(fold, train=loud))
    np.testing.assert_array_equal(before[0][fold.train_control], after[0][fold.train_control])
    np.testing.assert_array_equal(before[1], after[1])
    with pytest.raises(InputError, match="have 1 controls; ask for fewer"):
        METHODS["ica_controls"].codes(replace(fold, train_control=np.arange(len(fold.train)) == 0))


def test_dropping_keeps_what_is_not_technical(frame):
    found = evaluate(
        frame, **QUICK | {"methods": ["pca_ica", "pca_ica_drop"], "classifiers": ["l2"]}
    )
    told = found.batch_scores().set_index("method")
    assert told.loc["pca_ica_drop", "batch_accuracy"] < told.loc["pca_ica", "batch_accuracy"] - 0.2
    assert told.loc["pca_ica_drop", "auroc"] > told.loc["pca_ica", "auroc"] - 0.05


@pytest.mark.parametrize("splits", ["group-k-fold", (["plate0", "plate1"], ["plate4", "plate5"])])
def test_other_splits_score_each_batch_apart(frame, splits):
    found = evaluate(frame, **QUICK | {"methods": ["pca"]}, splits=splits).to_frame()
    held_out = set(found["held_out"])
    assert held_out == (set(frame[BATCH]) if splits == "group-k-fold" else {"plate4", "plate5"})


def test_several_classes_are_each_told_from_the_controls(frame):
    three = frame.assign(**{LABEL: np.where(np.arange(len(frame)) % 3, frame[LABEL], "c")})
    found = evaluate(three, **QUICK | {"methods": ["pca"]}, control="b")
    assert set(found.scores["task"]) == {"a", "c"}
    assert len(found.to_frame()) == 2 * 6


def test_summary_pairs_every_method_with_its_references(result):
    table = result.summary().set_index(["method", "classifier"])
    row = table.loc[("pca_ica", "l1")]
    assert row["auroc_low"] < row["auroc"] < row["auroc_high"]
    paired = result.to_frame().pivot(
        index=["classifier", "held_out"], columns="method", values="auroc"
    )
    expected = (paired["pca_ica"] - paired["base"]).loc["l1"].mean()
    assert row["minus_base"] == pytest.approx(expected)
    assert table.loc[("base", "l1"), "minus_base"] == 0
    assert result.to_dict()["verdict"] == result.verdict


def test_repeats_are_the_same_for_a_seed(frame):
    asked = QUICK | {"classifiers": ["top1"], "methods": ["pca_random", "pca_ica"]}
    again = [evaluate(frame, **asked).to_frame() for _ in range(2)]
    pd.testing.assert_frame_equal(*again)


def test_float32_profiles_say_the_same(frame, result):
    features = frame.filter(like="Cells").astype(np.float32)
    methods = ["base", "pca"]  # starts of a rotation are drawn along axes, whose signs may differ
    found = evaluate(frame.assign(**features), **QUICK | {"methods": methods}).to_frame()
    plain = result.to_frame()
    expected = plain[plain["method"].isin(methods)]["auroc"]
    np.testing.assert_allclose(found["auroc"], expected, atol=0.01)


def test_real_plates_without_batch_effect_get_no_verdict(data_folder):
    """Single heart cells on plates that cannot be told apart: no gain may be reported."""
    file = data_folder / "profiles" / "targeted_fibrosis.parquet"
    found = evaluate(
        file, batch="Metadata_batch", label="Metadata_pert", classifiers=["l2"],
        methods=["pca", "pca_random", "pca_ica"],
        scaling="standard", n_components=16, n_repeats=1,
    )  # fmt: skip
    assert not found.verdict.startswith("ICA helps")
    assert found.to_frame()["auroc"].mean() > 0.6  # the disease itself is seen


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda f: f[f[BATCH] == "plate0"], {}, "one batch only, plate0"),
        (lambda f: f.assign(**{LABEL: "a"}), {}, "nothing to tell apart"),
        (lambda f: f.assign(**{LABEL: f[BATCH]}), {}, "confounded"),
        (lambda f: f.assign(**{BATCH: f[BATCH].where(f.index > 3)}), {}, "missing in Metadata_Pl"),
        (lambda f: f.assign(x=np.nan), {}, "1 of 13 features have missing .* no value at all"),
        (lambda f: f.drop(columns=BATCH), {}, "no column Metadata_Plate"),
        (lambda f: f, {"methods": ["pca", "icq"]}, "methods must be some of"),
        (lambda f: f, {"methods": "pca"}, "must be a list"),
        (lambda f: f, {"methods": ["tvn"]}, "needs control="),
        (lambda f: f, {"control": "DMSO"}, "neither a column nor a value"),
        (lambda f: f, {"control": "metadata_well"}, r"values .*; did you mean Metadata_Well\?$"),
        (lambda f: f, {"control": "Metadata_Well"}, "whether it is a control"),
        (lambda f: f, {"n_components": 2.5}, "whole number"),
        (lambda f: f, {"n_components": 999}, "ask for at most"),
        (lambda f: f, {"scaling": "z"}, "scaling must be one of"),
        (lambda f: f, {"splits": "random"}, "leave-one-batch-out"),
        (lambda f: f, {"splits": (["plate0"], ["plate0"])}, "not both"),
        (lambda f: f, {"splits": (["plate0"], ["plate9"])}, "no batch is called plate9"),
        (lambda f: f.filter(like="Metadata"), {}, "no numeric column|numeric"),
    ],
)  # fmt: skip
def test_bad_input_is_named(frame, change, settings, message):
    with pytest.raises(InputError, match=message):
        evaluate(change(frame), **QUICK | settings)


def test_a_batch_without_controls_is_named(frame):
    none = frame.assign(
        Metadata_control=frame["Metadata_control"].where(frame[BATCH] != "plate3", 0)
    )
    with pytest.raises(InputError, match="controls on every batch: plate3"):
        evaluate(none, **QUICK | {"methods": ["tvn"]}, control="Metadata_control")


def test_a_partly_confounded_label_gets_numbers_and_no_verdict(frame):
    mostly = np.where(frame[BATCH] < "plate3", "a", "b")
    skewed = frame.assign(**{LABEL: np.where(np.arange(len(frame)) % 10, mostly, frame[LABEL])})
    found = evaluate(skewed, **QUICK | {"classifiers": ["l2"], "methods": ["pca"]})
    assert found.verdict.startswith("no verdict: Metadata_Label and Metadata_Plate are confounded")
    assert found.to_frame()["auroc"].notna().any()


def test_a_label_in_one_batch_only_is_said(frame):
    rare = frame[LABEL].where(frame.index >= 20, "<b>neu</b>")
    found = evaluate(frame.assign(**{LABEL: rare}), **QUICK | {"methods": ["pca"]})
    assert any("<b>neu</b> occurs in one batch only" in warning for warning in found.warnings)
    scores = found.scores.set_index("task")
    assert scores.loc["<b>neu</b>", "auroc"].isna().all()


def test_duplicated_wells_and_units_of_measurement_are_warned_of(frame):
    twice = pd.concat([frame, frame.iloc[:4]], ignore_index=True)
    twice["Cells_Texture_0"] *= 1e6
    twice["constant"] = 1.0
    found = evaluate(twice, **QUICK | {"methods": ["pca"], "classifiers": ["l2"]})
    assert any("4 of 364 rows repeat" in warning for warning in found.warnings)
    assert any("units of measurement" in warning for warning in found.warnings)


def test_what_a_method_warned_of_while_it_was_fitted_is_said(frame):
    outlier = frame.copy()
    outlier.loc[3, "Cells_Texture_0"] = 1e5
    found = evaluate(
        outlier, **QUICK | {"methods": ["pca", "pca_ica"], "classifiers": ["l2"], "n_repeats": 1}
    )
    [said] = [warning for warning in found.warnings if "warned" in warning]
    assert said.startswith(
        "pca_ica warned 5 times"
    )  # the row is not in the fold that it is held out of
    assert "a few rows carry most of the variance" in said


def test_profiles_without_rows_are_refused():
    empty = pd.DataFrame({"f": [], "Metadata_b": [], "Metadata_l": []}, dtype=float)
    with pytest.raises(InputError, match="the profiles have no rows"):
        evaluate(empty, batch="Metadata_b", label="Metadata_l")


def test_a_control_may_be_the_number_that_a_label_is(frame):
    numbered = frame.assign(Metadata_Number=(frame[LABEL] == "b").astype(int))
    asked = QUICK | {"label": "Metadata_Number", "methods": ["pca"], "classifiers": ["l2"]}
    found = evaluate(numbered, **asked, control=0)
    assert set(found.scores["task"]) == {"1"}
    with pytest.raises(InputError, match="control is 7, which is neither a column nor a value"):
        evaluate(numbered, **asked, control=7)


def test_values_that_cannot_be_squared_are_refused(frame):
    huge = frame.assign(Cells_Texture_0=frame["Cells_Texture_0"] * 1e200)
    with pytest.raises(InputError, match=r"1 features have values beyond 1e\+150.*Texture_0"):
        evaluate(huge, **QUICK)
