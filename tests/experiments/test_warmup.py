import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from nearid.errors import InputError
from nearid.experiments import pairs as pairs_module
from nearid.experiments import teacher_warmup
from nearid.experiments.warmup import SCALES, teacher_data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def found(folder):
    return teacher_warmup(scale="ci", cache_dir=folder, random_state=0)


def test_every_ordered_pair_of_one_slope_has_a_row(found):
    settings = SCALES["ci"]
    per_slope = settings.repeats * (settings.repeats - 1)
    assert found.pairs.groupby("alpha").size().tolist() == [per_slope] * len(settings.alphas)
    assert (found.pairs["source"] != found.pairs["target"]).all()
    slopes = found.runs.set_index("run")["alpha"]
    for end in ("source", "target"):
        assert (found.pairs[end].map(slopes) == found.pairs["alpha"]).all()


def test_the_numbers_are_possible(found):
    pairs = found.pairs
    assert (pairs["predicted"] <= pairs["predicted_max"]).all()
    assert (pairs["rigid"] >= 0).all()
    # similarity has one freedom more; held out, that may cost a little
    assert (pairs["similarity"] <= 1.1 * pairs["rigid"]).all()
    assert (found.runs["unexplained"] < 1).all()


def test_the_explicit_bound_is_never_violated(found):
    assert (found.pairs["tightness"] >= 1).all()


def test_a_finished_run_is_read_from_the_cache(found, folder):
    told = []
    again = teacher_warmup(
        scale="ci", cache_dir=folder, random_state=0, progress=lambda *step: told.append(step)
    )
    assert told == []
    pd.testing.assert_frame_equal(again.pairs, found.pairs)
    pd.testing.assert_frame_equal(again.correlations, found.correlations)


def test_the_result_is_told_as_text_and_as_json(found):
    assert "given_disagreement" in found.summary()
    held = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(held["pairs"]) == len(found.to_frame())
    assert held["settings"]["steps"] == SCALES["ci"].steps


def test_untrained_students_are_no_test_of_the_theorem(monkeypatch):
    monkeypatch.setitem(SCALES, "ci", replace(SCALES["ci"], steps=2))
    found = teacher_warmup(scale="ci")
    assert any("there the theorem says nothing" in warning for warning in found.warnings)


def test_the_settings_for_a_gpu_take_two_steps(monkeypatch):
    small = replace(SCALES["paper"], steps=2, repeats=2, n_train=128, n_test=60, n_jacobians=20)
    monkeypatch.setitem(SCALES, "paper", small)
    found = teacher_warmup(scale="paper")
    assert len(found.runs) == len(small.alphas) * small.repeats


def test_the_linear_teacher_is_an_isometry():
    settings = SCALES["ci"]
    data = teacher_data(settings, np.random.default_rng(0))
    linear = data[:, settings.alphas.index(1.0)].astype(float)
    singular = np.linalg.svd(linear, compute_uv=False)
    assert (singular > 1e-4 * singular[0]).sum() == settings.decoder[0]
    np.testing.assert_allclose(data.mean(axis=0), 0, atol=1e-6)
    # the variance of a uniform number in [-1, 1], in every direction
    np.testing.assert_allclose(singular[:4] ** 2 / len(linear), 1 / 3, rtol=0.1)


def test_the_premise_is_told_when_disagreement_predicts_better():
    pairs = pd.DataFrame(
        {
            "alpha": 1.0,
            "disagreement": [0.1, 0.2, 0.3],
            "rigid": [1, 2, 3.0],
            "predicted": [3, 2, 1],
        }
    )
    warnings = pairs_module._premise(pairs)
    assert "at the slopes 1 (30.0%)" in warnings[0]
    assert "no test of the theorem" in warnings[1]


def test_unknown_scales_are_named():
    with pytest.raises(InputError, match="scale must be one of ci, cpu, paper; got 'huge'"):
        teacher_warmup(scale="huge")
