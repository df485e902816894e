"""The consensus of many runs: what is shared is found, and what is not is not claimed."""

import json

import numpy as np
import pandas as pd
import pytest

import nearid
from nearid import InputError, consensus
from nearid.identifiability.agreement import measure_agreement, sums_of
from nearid.identifiability.consensus_cautions import about_shared_components
from nearid.identifiability.ladder import Frame
from nearid.identifiability.mean_rows import held, mean_rows
from nearid.linalg import random_orthogonal
from nearid.rows import Rows

QUICK = {"n_bootstrap": 40, "n_null": 2, "check_replication": False, "random_state": 0}
MAPS = {
    "rigid": lambda d, r: random_orthogonal(d, r),
    "similarity": lambda d, r: random_orthogonal(d, r) * r.uniform(0.1, 10),
    "linear": lambda d, r: r.normal(size=(d, d)),
}


def rng(seed=0):
    return np.random.default_rng(seed)


def laplace(n=3000, d=4):
    return rng().laplace(size=(n, d)) * np.linspace(1, 2, d)


def copies(z, group="rigid", noise=0.0, n_runs=4):
    """Runs of one representation, each with its own map of the group, offset and noise."""
    scale = z.std(axis=0)
    return {
        f"seed {m}": (z + noise * scale * rng(70 + m).normal(size=z.shape))
        @ MAPS[group](z.shape[1], rng(m))
        + 10 * m
        for m in range(n_runs)
    }


def best(a, b):
    """|correlation| of each column of a with its best column of b."""
    return np.abs(np.corrcoef(a.T, b.T)[: a.shape[1], a.shape[1] :]).max(axis=1)


@pytest.mark.parametrize("group", MAPS)
def test_factors_behind_maps_of_the_group_are_found(group, dtype):
    z = laplace()
    runs = {name: run.astype(dtype) for name, run in copies(z, group).items()}
    found = consensus(runs, group=group, n_components=None, **QUICK)
    assert found.n_reproduced == found.n_components == 4
    assert found.alignment.shared == pytest.approx(1, abs=1e-4)
    assert (found.agreement["correlation"] > 0.999).all()
    assert (found.agreement["r2"] > 0.999).all()
    components = found.transform_mean(runs)
    assert components.dtype == dtype
    assert (best(z, components) > 0.98).all()
    for name, run in runs.items():
        np.testing.assert_allclose(found.transform(name, run), components, atol=0.02)


@pytest.mark.parametrize("group", MAPS)
def test_the_mean_is_closer_to_the_factors_than_any_run(group):
    z = laplace()
    runs = copies(z, group, noise=0.5)
    found = consensus(runs, group=group, n_components=4, **QUICK)
    consensus_is = best(z, found.transform_mean(runs))
    for name, run in runs.items():
        assert (consensus_is > best(z, found.transform(name, run)) + 0.02).all()


def test_noise_in_one_run_is_seen_in_that_run():
    z = laplace()
    runs = copies(z, noise=0.1)
    runs["seed 2"] = runs["seed 2"] + 3 * rng(99).normal(size=z.shape)
    found = consensus(runs, n_components=4, **QUICK)
    by_run = found.agreement.groupby("run")["correlation"].mean()
    assert by_run.idxmin() == "seed 2"
    assert by_run.drop("seed 2").min() > by_run["seed 2"] + 0.2
    assert (found.components["worst_run"] == "seed 2").all()


def test_a_run_with_nothing_in_common_is_named():
    runs = copies(laplace(), noise=0.1)
    runs["other"] = rng(5).laplace(size=(3000, 4))
    found = consensus(runs, n_components=4, **QUICK)
    assert found.n_reproduced == 0
    assert any(w.startswith("other reproduces no component") for w in found.warnings)
    part = found.agreement.query("run != 'other'")
    assert (part["correlation"] > 0.8).all()


@pytest.mark.parametrize("group", MAPS)
@pytest.mark.parametrize("n_runs", [2, 5])
def test_independent_runs_reproduce_nothing(group, n_runs):
    runs = [rng(m).laplace(size=(2000, 8)) for m in range(n_runs)]
    found = consensus(runs, group=group, threshold=0.2, **QUICK)
    assert found.n_reproduced == 0
    assert found.agreement["correlation"].abs().max() < 0.15
    assert (found.agreement["r2"] < 0.05).all()
    assert found.agreement["chance"].between(0.02, 0.12).all()
    assert found.meaning.startswith("none of 8")


@pytest.mark.parametrize("group", MAPS)
def test_a_map_of_the_group_on_each_run_changes_nothing(group):
    runs = copies(laplace(), group, noise=0.3)
    moved = {
        name: run @ MAPS[group](4, rng(30 + m)) - m for m, (name, run) in enumerate(runs.items())
    }
    first, second = (consensus(r, group=group, n_components=4, **QUICK) for r in (runs, moved))
    np.testing.assert_allclose(
        best(first.transform_mean(runs), second.transform_mean(moved)), 1, atol=1e-3
    )
    np.testing.assert_allclose(
        first.agreement["correlation"], second.agreement["correlation"], atol=0.01
    )


def test_ids_put_rows_in_order():
    runs = copies(laplace(), noise=0.3)
    names = [f"image {i}" for i in range(3000)]
    tables = {k: pd.DataFrame(run, index=names).add_prefix("z") for k, run in runs.items()}
    mixed = tables | {"seed 1": tables["seed 1"].sample(frac=1, random_state=0)}
    first, second = (consensus(t, **QUICK) for t in (tables, mixed))
    assert first.to_dict() == second.to_dict()
    found = first.fit_run(mixed["seed 1"])
    assert (found.correlation > 0.9).all()


def test_runs_are_known_by_their_names():
    runs = copies(laplace(500), noise=0.2)
    found = consensus(runs, **QUICK)
    backwards = dict(reversed(runs.items()))
    np.testing.assert_array_equal(found.transform_mean(backwards), found.transform_mean(runs))
    np.testing.assert_array_equal(
        found.transform(2, runs["seed 2"]), found.transform("seed 2", runs["seed 2"])
    )


def test_a_new_run_without_ids_is_placed_by_position_aloud(caplog):
    runs = copies(laplace(200))
    view = consensus(runs, **QUICK).fit_run(runs["seed 1"], name="new")
    assert "new: no run has ids" in caplog.text
    assert (view.correlation > 0.99).all()


def test_widths_may_differ():
    z = laplace()
    runs = copies(z, noise=0.05)
    runs["wide"] = np.hstack([z, 0.01 * rng(8).normal(size=(3000, 3))]) @ random_orthogonal(
        7, rng(2)
    )
    for group in MAPS:
        found = consensus(runs, group=group, n_components=4, **QUICK)
        assert found.n_reproduced == 4
        assert found.transform("wide", runs["wide"]).shape == (3000, 4)


@pytest.mark.parametrize("group", MAPS)
def test_a_new_run_joins_without_changing_the_consensus(group):
    z = laplace()
    runs = copies(z, group, noise=0.2)
    left_out = runs.pop("seed 3")
    found = consensus(runs, group=group, n_components=4, **QUICK)
    before = found.transform_mean(runs)
    view = found.fit_run(left_out, name="new")
    assert (view.correlation > 0.9).all()
    assert (view.low <= view.correlation).all()
    assert (view.r2 > 0.8).all()
    assert view.chance < 0.1
    signed = np.diag(np.corrcoef(view.transform(left_out).T, before.T)[:4, 4:])
    assert (signed > 0.9).all()
    np.testing.assert_array_equal(found.transform_mean(runs), before)
    unseen = laplace(50)
    assert view.transform(unseen).shape == (50, 4)


@pytest.mark.parametrize("group", MAPS)
def test_a_run_that_is_there_already_gets_the_map_that_it_has(group):
    runs = copies(laplace(), group, noise=0.3)
    found = consensus(runs, group=group, n_components=4, **QUICK)
    again = found.fit_run(runs["seed 1"]).matrix
    np.testing.assert_allclose(again, found.views["seed 1"].matrix, atol=2e-3 * np.abs(again).max())


def test_a_new_run_that_is_unrelated_is_seen_to_be():
    found = consensus(copies(laplace(), noise=0.1), n_components=4, **QUICK)
    view = found.fit_run(rng(9).laplace(size=(3000, 4)))
    assert np.abs(view.correlation).max() < 0.15


def test_gaussian_factors_are_shared_and_yet_arbitrary():
    z = rng().normal(size=(3000, 4))
    found = consensus(copies(z, noise=0.1), n_components=4, **QUICK)
    assert found.n_reproduced == 4
    assert any("cannot be told apart by ICA" in warning for warning in found.warnings)
    assert not found.components["identifiable"].any()


def test_components_that_halves_of_the_rows_do_not_give_again_are_named():
    table = pd.DataFrame(
        {"component": range(4), "identifiable": True, "replication": [0.95, 0.5, 0.99, 0.2]}
    )
    (said,) = about_shared_components(table)
    assert said.startswith("components 1, 3 of 4 did not come back from disjoint halves")
    found = consensus(copies(laplace()), **(QUICK | {"check_replication": True}))
    assert (found.components["replication"] > 0.95).all()
    assert not any("disjoint halves" in warning for warning in found.warnings)


def test_a_cut_between_equal_variances_is_told():
    z = rng().uniform(-1, 1, size=(3000, 5)) * [3, 2, 1, 1, 0.1]
    cut = consensus(copies(z), n_components=3, **QUICK)
    assert any("partly arbitrary" in warning for warning in cut.warnings)
    between = consensus(copies(z), n_components=2, **QUICK)
    assert not any("partly arbitrary" in warning for warning in between.warnings)


def test_few_rows_for_linear_maps_are_told():
    found = consensus(copies(laplace(60)), group="linear", **QUICK)
    assert any("30 fitting rows are few for linear maps" in w for w in found.warnings)
    assert not any("few for linear" in w for w in consensus(copies(laplace(60)), **QUICK).warnings)


def test_a_run_that_outweighs_the_others_is_named():
    runs = copies(laplace(300), noise=0.1)
    runs["seed 2"] = 30 * runs["seed 2"]
    (said,) = [w for w in consensus(runs, **QUICK).warnings if "differ in scale" in w]
    assert "seed 2 being 3" in said
    for group in ("similarity", "linear"):
        assert not any("scale" in w for w in consensus(runs, group=group, **QUICK).warnings)


def test_one_dimension_and_whole_numbers_are_enough():
    z = laplace(300)
    for group in MAPS:
        runs = [z[:, :1], -3 * z[:, :1], (1000 * z[:, :1]).astype(np.int32)]
        found = consensus(runs, group=group, **QUICK)
        assert found.n_reproduced == found.n_components == 1
        assert found.transform(2, runs[2]).dtype == np.float64


def test_the_tables_agree_with_each_other():
    found = consensus(copies(laplace(), noise=0.4), n_components=4, threshold=0.8, **QUICK)
    frame = found.to_frame()
    assert list(frame.columns) == [
        "run",
        "component",
        "correlation",
        "ci_low",
        "ci_high",
        "r2",
        "chance",
        "reproduced",
    ]
    assert len(frame) == 16
    assert (frame["ci_low"] <= frame["correlation"]).all()
    assert (frame["correlation"] <= frame["ci_high"]).all()
    by_component = frame.groupby("component")
    np.testing.assert_allclose(by_component["correlation"].mean(), found.components["correlation"])
    np.testing.assert_allclose(by_component["correlation"].min(), found.components["worst"])
    assert by_component["reproduced"].all().tolist() == found.components["reproduced"].tolist()
    assert found.components["explained"].sum() == pytest.approx(1)
    frame["correlation"] = 7.0
    assert (found.to_frame()["correlation"] < 1).all()


def test_the_same_seed_gives_the_same_result_for_any_number_of_workers():
    runs = copies(laplace(), noise=0.3)
    first, second = (consensus(runs, n_jobs=n, **QUICK) for n in (1, 3))
    text = json.dumps(first.to_dict(), allow_nan=False)
    assert text == json.dumps(second.to_dict(), allow_nan=False)
    assert f"{first.n_reproduced} of {first.n_components} components" in first.summary()
    assert "seed 3" in first.summary()


def test_views_agree_with_correlations_by_hand():
    rows = [rng(m).normal(size=(700, 3)) + rng(9).normal(size=(700, 3)) for m in range(3)]
    frame = Frame("by hand", (), [np.zeros(3)] * 3, [np.eye(3)] * 3, {})
    found = measure_agreement(
        [Rows(r) for r in rows], frame, n_bootstrap=50, n_null=2, n_jobs=1, rng=rng()
    )
    for m in range(3):
        others = sum(rows[n] for n in range(3) if n != m) / 2
        expected = np.diag(np.corrcoef(rows[m].T, others.T)[:3, 3:])
        np.testing.assert_allclose(found.correlation[m], expected, atol=1e-12)
    assert sums_of([Rows(r) for r in rows], frame, 1).mean == pytest.approx(np.mean(rows, axis=1))


def test_the_interval_covers_as_often_as_it_says():
    covered = []
    for seed in range(40):
        shared, own = rng(seed).normal(size=(400, 1)), rng(1000 + seed).normal(size=(2, 400, 1))
        frame = Frame("by hand", (), [np.zeros(1)] * 2, [np.eye(1)] * 2, {})
        rows = [Rows(shared + noise) for noise in own]
        found = measure_agreement(rows, frame, n_bootstrap=200, n_null=1, n_jobs=1, rng=rng(seed))
        covered.append(found.low[0, 0] <= 0.5 <= found.high[0, 0])
    assert np.mean(covered) >= 0.85


def test_the_mean_is_read_in_any_order_and_held_where_it_fits():
    runs = [Rows(rng(m).normal(size=(40, 2)).astype(np.float32)) for m in range(3)]
    frame = Frame("by hand", (), [np.ones(2)] * 3, [np.eye(2), 2 * np.eye(2), -np.eye(2)], {})
    lazy = mean_rows(runs, frame, name="mean")
    whole = lazy.read(0, 40)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(lazy.take([7, 3]).read(0, 2), whole[[7, 3]])
    assert held(lazy, limit=10, n_jobs=1) is lazy
    np.testing.assert_array_equal(held(lazy, limit=10**6, n_jobs=1).source, whole)


def test_five_trainings_of_a_network_share_components(data_folder):
    with np.load(data_folder / "representations" / "admet_members.npz") as file:
        runs = {f"member_{m}": file[f"member_{m}"] for m in range(5)}
    found = consensus(runs, group="linear", n_components=16, **QUICK)
    assert found.n_reproduced >= 12
    assert (found.agreement["ci_low"] > found.agreement["chance"]).all()
    apart = {name: run[rng(m).permutation(2845)] for m, (name, run) in enumerate(runs.items())}
    control = consensus(apart, group="linear", n_components=16, **QUICK)
    assert control.n_reproduced == 0
    assert control.agreement["correlation"].abs().max() < 0.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"runs": [np.ones((10, 2))]}, "at least two runs"),
        ({"runs": [np.eye(10), np.zeros((10, 2))]}, "at least two runs that vary"),
        ({"runs": [np.eye(10), np.eye(9)]}, "same inputs"),
        ({"runs": [np.eye(10), np.full((10, 2), np.nan)]}, "NaN or infinite"),
        ({"group": "signed_permutation"}, "group must be one of rigid, similarity, linear"),
        ({"threshold": 1.5}, "threshold is a correlation"),
        ({"n_null": 0}, "n_null must be at least 1"),
        ({"n_components": 9}, "9 components were asked for"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(change, message):
    arguments = {"runs": list(copies(laplace(200)).values())} | QUICK | change
    with pytest.raises(InputError, match=message):
        consensus(arguments.pop("runs"), **arguments)


def test_a_consensus_refuses_rows_that_it_cannot_place():
    runs = copies(laplace(200))
    found = consensus(runs, **QUICK)
    with pytest.raises(
        InputError, match=r"expected a run of the consensus, one of seed 0.*'seed 9'"
    ):
        found.transform("seed 9", runs["seed 0"])
    with pytest.raises(InputError, match="has 3 columns, but seed 0 was aligned with 4"):
        found.transform(0, runs["seed 0"][:, :3])
    with pytest.raises(InputError, match="expected the rows of 4 runs"):
        found.transform_mean(list(runs.values())[:2])
    with pytest.raises(InputError, match="same inputs"):
        found.fit_run(runs["seed 0"][:50])
    with pytest.raises(InputError, match="has collapsed"):
        found.fit_run(np.zeros((200, 4)), name="flat")
    with pytest.raises(InputError, match="NaN or infinite"):
        found.transform(0, np.full((3, 4), np.nan))


def test_a_collapsed_run_is_left_out_and_named():
    runs = copies(laplace()) | {"flat": np.zeros((3000, 4))}
    found = consensus(runs, **QUICK)
    assert list(found.views) == ["seed 0", "seed 1", "seed 2", "seed 3"]
    assert any("flat has collapsed" in warning for warning in found.warnings)


def test_it_is_public():
    assert nearid.consensus is consensus
    assert isinstance(consensus(copies(laplace(200)), **QUICK), nearid.Consensus)
