"""Two models layer by layer: verdicts along the depth, and all pairs of layers."""

import json

import numpy as np
import pandas as pd
import pytest

import nearid
from nearid import InputError, layerwise, statistical_identifiability
from nearid.identifiability.layer_pairs import rigid_errors
from nearid.linalg import random_orthogonal
from nearid.moments import moments
from nearid.rows import Rows

QUICK = {"n_components": None, "n_bootstrap": 20, "n_null": 2, "n_random": 1, "random_state": 0}


def rng(seed=0):
    return np.random.default_rng(seed)


def networks(n=1500, d=4):
    """Two models that agree up to another group at each layer, and not at all at the last."""
    z = [rng(depth).laplace(size=(n, d)) * np.linspace(1, 2, d) for depth in range(4)]
    a = dict(zip(["embed", "block.2", "block.10", "head"], z, strict=True))
    b = {
        "embed": z[0],
        "block.2": z[1] @ random_orthogonal(d, rng(7)),
        "block.10": z[2] @ rng(8).normal(size=(d, d)),
        "head": rng(9).laplace(size=(n, d)),
    }
    return a, b


@pytest.fixture(scope="module")
def result():
    return layerwise(*networks(), names=("one", "two"), **QUICK)


def test_each_layer_has_the_verdict_of_its_maps(result):
    assert result.layers["layer"].tolist() == ["embed", "block.2", "block.10", "head"]
    assert result.layers["verdict"].tolist() == ["identity", "rigid", "linear", None]
    assert result.meaning == (
        "embed: identity; block.2: rigid; block.10: linear; head: not identifiable"
    )
    assert result.layers["verdict_whitened"].tolist()[1:3] == ["signed_permutation", "ica"]
    assert result.layers["efficiency"][2] > 0.9


def test_a_layer_is_compared_as_it_is_alone(result):
    a, b = networks()
    alone = statistical_identifiability({"one": a["block.2"], "two": b["block.2"]}, **QUICK)
    assert alone.to_dict() == result.ladders["block.2"].to_dict()
    part = result.to_frame().query("layer == 'block.2'").drop(columns=["layer", "depth"])
    pd.testing.assert_frame_equal(part.reset_index(drop=True), alone.overall)


def test_the_map_is_low_where_layers_correspond_and_only_there(result):
    rows, columns, found = result.matrix()
    assert rows == columns == ["embed", "block.2", "block.10", "head"]
    assert (np.diag(found)[:2] < 1e-6).all()
    assert 0.1 < found[2, 2] < 0.9  # linear, not rigid
    assert found[3, 3] > 0.9
    assert (found[~np.eye(4, dtype=bool)] > 0.9).all()


def test_the_map_agrees_with_the_ladder(result):
    rigid = result.ladder.query("frame == 'native' and group == 'rigid'")["relative"]
    _, _, found = result.matrix()
    np.testing.assert_allclose(np.diag(found), rigid, atol=0.05)


@pytest.mark.parametrize("widths", [(5, 5), (3, 6)])
def test_errors_of_pairs_are_those_of_rows(widths):
    shared = rng().normal(size=(400, 6))
    a, b = (shared[:, :w] + 0.4 * rng(w + i).normal(size=(400, w)) for i, w in enumerate(widths))
    train, test = np.arange(200), np.arange(200, 400)
    fitted = [x[train] - x[train].mean(axis=0) for x in (a, b)]
    held = [x[test] - x[train].mean(axis=0) for x in (a, b)]
    left, _, right = np.linalg.svd(fitted[0].T @ fitted[1], full_matrices=False)
    shares = []
    for (x, y), q in ((held, left @ right), (held[::-1], (left @ right).T)):
        unrelated = np.square(y[:, None] - (x @ q)[None]).sum(axis=2).mean()
        shares.append(np.sqrt(np.square(y - x @ q).sum(axis=1).mean() / unrelated))
    for limit in (10**9, 0):  # all at once, and pair by pair
        found = rigid_errors([Rows(a)], [Rows(b)], train, test, memory_limit=limit)
        assert found[0, 0] == pytest.approx(np.mean(shares), rel=1e-9)


def test_the_memory_limit_changes_nothing_but_the_passes(result, monkeypatch):
    calls = []
    counted = lambda rows, **settings: calls.append(len(rows)) or moments(rows, **settings)  # noqa: E731
    monkeypatch.setattr("nearid.identifiability.layer_pairs.moments", counted)
    settings = QUICK | {"ica": False, "names": ("one", "two")}
    first = layerwise(*networks(), **settings)
    assert calls == [8, 8]
    second = layerwise(*networks(), memory_limit=0, **settings)
    assert set(calls[2:]) == {2}
    np.testing.assert_allclose(first.pairs["relative"], second.pairs["relative"], atol=1e-7)
    np.testing.assert_allclose(first.pairs["relative"], result.pairs["relative"], atol=1e-7)


def test_models_may_have_layers_of_their_own():
    a, b = networks()
    a["only in a"], b["only in b"] = a["head"][:, :2], b["head"]
    found = layerwise(a, b, ica=False, **QUICK)
    assert list(found.ladders) == ["embed", "block.2", "block.10", "head"]
    rows, columns, values = found.matrix()
    assert (rows[-1], columns[-1], values.shape) == ("only in a", "only in b", (5, 5))
    assert np.isfinite(values).all()
    assert values[4, 3] > 0.5


def test_layers_of_other_rows_are_left_out_of_the_map():
    a, b = networks()
    a["tokens"], b["tokens"] = (rng(3).normal(size=(2000, 2)) for _ in "ab")
    found = layerwise(a, b, ica=False, **QUICK)
    assert found.layers["verdict"].tolist()[-1] == "identity"
    assert found.layers["n_rows"].tolist() == [1500] * 4 + [2000]
    assert len(found.pairs) == 16
    assert any("left out: tokens of a, tokens of b" in warning for warning in found.warnings)


def test_the_map_is_a_choice():
    found = layerwise(*networks(), all_pairs=False, ica=False, **QUICK)
    assert found.pairs.empty
    assert found.matrix()[2].shape == (0, 0)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["pairs"] == []


def test_ids_align_layers():
    a, b = networks()
    names = [f"image {i}" for i in range(1500)]
    named = [
        {k: pd.DataFrame(z, index=names).add_prefix("z") for k, z in model.items()}
        for model in (a, b)
    ]
    mixed = {k: table.sample(frac=1, random_state=0) for k, table in named[1].items()}
    first, second = (layerwise(named[0], other, ica=False, **QUICK) for other in (named[1], mixed))
    assert first.to_dict() == second.to_dict()


def test_a_layer_that_has_collapsed_has_no_verdict():
    a, b = networks()
    b["head"] = np.zeros((1500, 4))
    found = layerwise(a, b, ica=False, **QUICK)
    assert found.layers["verdict"].tolist() == ["identity", "rigid", "linear", None]
    assert any("b has collapsed" in w and w.endswith("(at head)") for w in found.warnings)
    assert "head" in found.summary()
    json.dumps(found.to_dict(), allow_nan=False)


def test_what_is_said_of_all_layers_is_said_once(result):
    (said,) = [warning for warning in result.warnings if "no run has ids" in warning]
    assert said.endswith("in the same order (at embed, and likewise at all others)")
    a, b = networks()
    b["block.2"] = b["block.10"] = np.zeros((1500, 4))
    warnings = layerwise(a, b, ica=False, **QUICK).warnings
    (said,) = [warning for warning in warnings if "has collapsed" in warning]
    assert said.endswith("(at block.2, and likewise at 1 other)")


def test_a_narrow_layer_keeps_all_its_dimensions():
    a, b = networks()
    found = layerwise(a, b | {"embed": b["embed"][:, :2]}, **(QUICK | {"n_components": 3}))
    (said,) = [warning for warning in found.warnings if "fewer dimensions" in warning]
    assert said == "fewer dimensions than the 3 components asked for: all were kept (at embed)"
    kept = found.ladders["head"].components.query("group == 'ica'")["component"].max()
    assert kept == 2


def test_the_same_seed_gives_the_same_result(result):
    again = layerwise(*networks(), names=("one", "two"), n_jobs=2, **QUICK)
    assert json.dumps(again.to_dict(), allow_nan=False) == json.dumps(
        result.to_dict(), allow_nan=False
    )
    assert "block.10" in result.summary()
    frame = result.to_frame()
    frame["mean"] = 7.0
    assert (result.to_frame()["mean"] < 7).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b": {"other": np.eye(4)}}, "no layer is in both models: a has embed, block.2"),
        ({"names": ("x", "x")}, "names of their own"),
        ({"b": {"embed": np.eye(4)}}, "layer embed: the runs must describe the same inputs"),
        ({"b": {"embed": np.full((1500, 4), np.nan)}}, "layer embed: b has 6000 NaN"),
        ({"b": {"embed": np.ones((1500, 2, 2))}}, "embed of b: expected a table"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(change, message):
    a, b = networks()
    arguments = {"a": a, "b": b} | QUICK | change
    with pytest.raises(InputError, match=message):
        layerwise(**arguments)


def test_it_is_public():
    assert nearid.layerwise is layerwise
    assert isinstance(layerwise(*networks(60), ica=False, **QUICK), nearid.Layerwise)
