"""Inputs on which published tools give a wrong answer, each with the right one."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from nearid import InputError, LatentICA, Linear, SignedPermutation, as_rows
from nearid import statistical_identifiability as compare
from nearid.linalg import random_orthogonal
from nearid.report import render_report
from nearid.report.explanations import efficiency_text

CHEAP = {"n_bootstrap": 50, "n_null": 3, "n_random": 2, "random_state": 0}


def rng(seed=0):
    return np.random.default_rng(seed)


def laplace(n=2000, d=6, seed=0):
    return rng(seed).laplace(size=(n, d)) * np.linspace(1, 2, d)


def native(result):
    return result.to_frame().query("frame == 'native'").set_index("group")


def said(result, *words):
    return any(all(word in warning for word in words) for warning in result.warnings)


def r_squared(target, predicted):
    return 1 - np.sum((target - predicted) ** 2) / np.sum((target - target.mean(axis=0)) ** 2)


def test_independent_gaussian_runs_of_100_rows_and_64_columns():
    runs = rng().normal(size=(2, 100, 64))
    in_sample = r_squared(runs[1], Linear().fit(*runs).transform(runs[0]))
    assert in_sample > 0.6  # which a peer reports as agreement
    result = compare(runs, **CHEAP)
    assert (native(result)["r2"] < 0.05).all()
    assert native(result)["relative"].between(0.9, 1.1).all()
    assert (result.overall["null"] > 0.4).all()
    assert result.verdict is None
    assert result.verdict_whitened is None
    assert np.isnan(result.ica_efficiency)
    assert "verdict: not identifiable" in result.summary()
    assert "chance" in result.summary()


def test_fewer_rows_than_columns():
    runs = rng().normal(size=(2, 50, 64))
    in_sample = r_squared(runs[1], Linear().fit(*runs).transform(runs[0]))
    assert in_sample == pytest.approx(1)  # which a peer reports without a warning
    result = compare(runs, **CHEAP)
    assert result.verdict is None
    assert (native(result)["r2"] < 0.05).all()
    assert said(result, "N = 25", "D = 64")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_ica_of_gaussian_noise():
    z = rng().normal(size=(4000, 40))
    agreement, chance = [], []
    for seed in range(4):
        halves = [LatentICA(replication=False, random_state=seed).fit(h) for h in (z[::2], z[1::2])]
        both = np.corrcoef(*(fit.transform(z).T for fit in halves))[:40, 40:]
        agreement.append(matched(both))
        chance.append(matched(random_orthogonal(40, rng(seed))))
    assert np.mean(agreement) == pytest.approx(np.mean(chance), abs=0.03)
    assert 0.3 < np.mean(agreement) < 0.42
    result = compare([z, z @ random_orthogonal(40, rng(9))], **CHEAP)
    assert result.components.query("group == 'ica'")["gaussian"].mean() > 0.9
    assert said(result, "run 0", "of 40 ICA components are Gaussian")
    assert result.verdict_whitened != "ica"


def matched(correlation):
    rows, columns = linear_sum_assignment(-np.abs(correlation))
    return np.abs(correlation[rows, columns]).mean()


@pytest.mark.parametrize("kind", ["uniform", "signs"])
def test_uniform_sources_with_an_offset(kind):
    draw = {"uniform": rng().uniform(size=(2000, 8)), "signs": rng().choice([-1.0, 1], (2000, 8))}
    source = draw[kind]
    truth = SignedPermutation().sample(8, rng(1))
    result = compare({"a": source, "b": truth.transform(source) + 5}, **CHEAP)
    assert result.verdict == "signed_permutation"
    found = result.components.query("frame == 'native' and target == 'b'")
    np.testing.assert_array_equal(found["partner"], np.abs(truth.matrix).argmax(axis=0))
    np.testing.assert_array_equal(found["sign"], truth.matrix.sum(axis=0))
    assert (found["correlation"] > 0.999).all()
    assert not found["ambiguous"].any()


def test_one_run_scaled_by_3():
    z = laplace()
    result = compare({"small": z, "large": 3 * z}, **CHEAP)
    relative = native(result)["relative"]
    assert (relative[["identity", "signed_permutation", "rigid"]] > 0.3).all()
    assert (relative[["similarity", "linear"]] < 1e-9).all()
    assert result.verdict == "similarity"
    assert said(result, "large and small differ by a scale of 3.0")


def test_three_independent_runs_and_no_diagonal():
    result = compare(rng().normal(size=(3, 2000, 10)), **CHEAP)
    frame = result.to_frame()
    assert (frame["target"] != frame["source"]).all()
    assert len(frame) == 6 * 10
    assert native(result)["mcc"].max() < 0.06
    assert native(result)["r2"].max() < 0.01
    assert result.verdict is None


def test_a_collapsed_run():
    z = laplace()
    result = compare({"a": z, "dead": np.zeros_like(z), "b": z}, **CHEAP)
    assert said(result, "dead has collapsed", "excluded from the verdict")
    assert result.verdict == "identity"
    assert [run.collapsed for run in result.runs] == [False, True, False]
    frame = result.to_frame()
    dead = (frame["target"] == "dead") | (frame["source"] == "dead")
    assert frame.loc[dead, "mean":].isna().all(axis=None)
    assert frame.loc[~dead, "mean"].notna().all()
    assert len(frame) == 6 * 10
    alone = compare({"a": z, "dead": np.full_like(z, 0.1)}, **CHEAP)
    assert alone.verdict is None
    assert len(alone.to_frame()) == 2 * 10


def test_rows_in_another_order():
    z, order, ids = laplace(), rng(1).permutation(2000), np.arange(2000)
    known = compare([as_rows(z, ids=ids), as_rows(z[order], ids=ids[order])], **CHEAP)
    assert known.verdict == "identity"
    assert not said(known, "same order")
    unknown = compare([z, z[order]], **CHEAP)
    assert unknown.verdict is None
    assert said(unknown, "no run has ids", "assumed", "same order")
    with pytest.raises(InputError, match=r"of which 1999 are shared and 1 are not, such as '9999'"):
        compare([as_rows(z, ids=ids), as_rows(z, ids=[9999, *ids[1:]])])


def test_different_numbers_of_rows():
    with pytest.raises(InputError, match=r"run 0 has 2000 rows, run 1 has 1998.*id column"):
        compare([laplace(), laplace()[2:]])


def test_different_numbers_of_columns():
    z = laplace()
    result = compare({"wide": z, "narrow": z[:, 3:]}, n_components=None, **CHEAP)
    frame = native(result).reset_index().set_index(["group", "target", "source"])["relative"]
    for group in ("signed_permutation", "rigid", "linear"):
        assert frame[group, "narrow", "wide"] < 0.75 * frame[group, "wide", "narrow"]
    assert frame["linear", "narrow", "wide"] < 1e-9
    assert frame["linear", "wide", "narrow"] > 0.3  # half of the target is unknown to the source
    assert said(result, "wide 6, narrow 3", "partial isometries", "partial matchings")
    matches = result.components.query("frame == 'native' and target == 'wide'")["partner"]
    assert sorted(matches) == [-1, -1, -1, 0, 1, 2]


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_data_at_every_scale(scale, kind):
    z = laplace()
    mixed = z @ rng(2).normal(size=(6, 6))
    plain = compare([z.astype(kind), mixed.astype(kind)], ica=False, **CHEAP)
    both = compare([(z * scale).astype(kind), (mixed * scale).astype(kind)], ica=False, **CHEAP)
    assert plain.verdict == both.verdict == "linear"
    np.testing.assert_allclose(both.pairs["mean"], plain.pairs["mean"], rtol=1e-4, atol=1e-5)
    one = compare([z.astype(kind), (mixed * scale).astype(kind)], ica=False, **CHEAP)
    assert one.verdict == "linear"
    assert (one.pairs.query("group == 'linear' and frame == 'native'")["relative"] < 1e-4).all()


def test_duplicate_columns():
    z = laplace(d=4)
    doubled = np.column_stack([z, z[:, 0]])
    result = compare([doubled, doubled[:, ::-1]], **CHEAP)
    found = result.components.query("frame == 'native' and target == 'run 0'")
    assert found.set_index("component")["ambiguous"].to_list() == [True, False, False, False, True]
    assert (found["correlation"] > 0.999).all()
    assert said(result, "40% of the matched coordinates", "ambiguous")
    assert said(result, "run 0 has rank 4 of 5")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_inf(bad):
    z, broken = laplace(), laplace()
    broken[[40, 1500], 2] = bad
    message = (
        r"run 1 has 2 NaN or infinite values, in 2 of its 2000 rows \(the first in row 40, "
        r"column 2\); drop those rows from every run, or impute them"
    )
    with pytest.raises(InputError, match=message):
        compare([z, broken], **CHEAP)


def test_fit_and_score_on_the_same_rows():
    runs = rng().normal(size=(2, 300, 64))
    in_sample = r_squared(runs[1], Linear().fit(*runs).transform(runs[0]))
    held_out = native(compare(runs, ica=False, **CHEAP)).loc["linear", "r2"]
    assert in_sample > 0.15
    assert (held_out < 0).all()
    with pytest.raises(InputError, match="holdout must be a share of the rows between 0 and 1"):
        compare(runs, holdout=0.0)


@pytest.mark.parametrize("where", ["names", "command"])
def test_label_strings_with_a_script(where):
    attack = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&"
    z = laplace(d=3)
    runs = {attack: z, "b": z, "dead" + attack: 0 * z} if where == "names" else [z, z]
    html = render_report(compare(runs, **CHEAP), command=attack if where == "command" else None)
    assert "&lt;script&gt;alert" in html
    assert attack not in html
    assert html.count("<script") == 1  # the page's own
    assert "<img src=x" not in html


def test_shuffled_rows_do_not_agree_already():
    z = laplace()
    shuffled, turned = rng(1).permutation(z), z @ random_orthogonal(z.shape[1], rng(2))
    apart = compare({"a": z, "b": shuffled}, **CHEAP)
    assert said(apart, "undefined for 2 of 2", "no rotation", "nothing that ICA could find")
    assert "no rotation" in apart.efficiency_in_words
    # PCA axes of the same rows agree, and a third run does not change that
    agreeing = compare({"a": z, "b": turned}, **CHEAP)
    assert said(agreeing, "undefined for 2 of 2", "PCA axes already agree", "nothing to remove")
    assert "nothing to remove" in agreeing.efficiency_in_words
    both = compare({"a": z, "b": turned, "c": shuffled}, **CHEAP)
    assert said(both, "undefined for 2 of 6", "nothing to remove")
    assert said(both, "undefined for 4 of 6", "nothing that ICA could find")
    assert both.efficiency_in_words.endswith("undefined (see the warnings)")
    assert "2 ordered pairs already match" in efficiency_text(both).text


def test_frames_are_named_in_words():
    z = laplace()
    found = compare({"a": z, "b": rng(1).permutation(z)}, **CHEAP)
    for named in ("own coordinates, signed permutation", "whitened, ICA"):
        assert said(found, f"of the matched coordinates ({named}) are ambiguous")
    assert "native" not in " ".join(found.warnings)
