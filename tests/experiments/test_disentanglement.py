"""Theorem 3 as an experiment: rotations by theorem, and the whole from training to page."""

import json

import numpy as np
import pytest
import torch

from nearid import InputError
from nearid.experiments import disentanglement, disentanglement_reproduction
from nearid.experiments.disentanglement import RECIPES, SCALES, Settings, Trained, factory
from nearid.experiments.disentanglement_choice import choose
from nearid.experiments.disentanglement_reproduction import reproduce_disentanglement
from nearid.experiments.rotations import (
    attainable_rotation,
    live_components,
    replication,
    versions,
)
from nearid.experiments.scenes import prepare
from nearid.metrics import infomec
from nearid.models import MODELS, initialise
from nearid.report import render_page


@pytest.fixture(scope="module")
def factors():
    return np.random.default_rng(0).integers(0, 8, size=(3000, 3))


@pytest.fixture(scope="module")
def latents(factors):
    """Rotated factors, unlike in scale, with a dead direction."""
    rng = np.random.default_rng(1)
    noisy = factors + 0.2 * rng.standard_normal(factors.shape)
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    return np.hstack([noisy, 1e-3 * rng.standard_normal((3000, 1))]) @ turn


def infom(factors, codes):
    return infomec(factors, codes, n_shuffles=0, random_state=0).parts["infom"]


def test_dead_directions_do_not_count(latents):
    assert live_components(latents) == 3


@pytest.mark.parametrize("solver", ["nearid", "jade"])
def test_ica_beats_its_controls_where_the_theorem_holds(latents, factors, solver):
    fitted = versions(latents[:2000], n_components=3, solver=solver, random_state=0)
    found = {
        name: infom(factors[2000:], fitted.codes(latents[2000:], name))
        for name in ("pca", "random", "ica")
    }
    assert found["ica"] > 0.9 > max(found["pca"], found["random"])
    for rotation in fitted.rotations.values():
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)


def test_labels_reach_at_least_what_ica_does(latents, factors):
    fitted = versions(latents[:2000], n_components=3, solver="nearid", random_state=0)
    white = fitted.white.apply(latents)
    rotation = attainable_rotation(white[:1000], factors[:1000])
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    best = infom(factors[2000:], white[2000:] @ rotation.T)
    assert best > infom(factors[2000:], fitted.codes(latents[2000:], "ica")) - 0.05


def test_replication_is_of_axes(latents):
    rng = np.random.default_rng(2)
    codes = [latents[:500, :3], -latents[:500, [2, 0, 1]]]
    assert replication(codes) == pytest.approx(1)
    assert replication([codes[0], rng.standard_normal((500, 3))]) < 0.2


def test_choice_sees_no_factor_and_prefers_what_replicates(latents):
    rng = np.random.default_rng(3)
    turns = [np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(3)]
    runs = [
        Trained("ae", seed, latents[:2000] @ turn, latents[2000:] @ turn, 0.0)
        for seed, turn in enumerate(turns)
    ]
    choice = choose(runs)
    [chosen] = choice.grid[choice.grid["chosen"]].to_dict("records")
    assert 2 <= chosen["n_components"] <= 3  # the fourth direction is dead
    assert not {"infom", "infoe"} & set(choice.grid)
    assert chosen["solver"] in ("nearid", "jade")
    assert chosen["replication"] == choice.grid["replication"].max() > 0.99
    assert [len(fitted.rotations["ica"]) for fitted in choice.fitted] == [
        chosen["n_components"]
    ] * 3


def test_every_recipe_is_of_a_model_and_every_scale_takes_two_steps():
    assert set(RECIPES) == set(MODELS)
    for settings in SCALES.values():
        for name in RECIPES:
            model = initialise(factory(name, settings), 0)
            optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
            for _ in range(2):
                optimizer.zero_grad()
                loss = model.loss(torch.randn(8, settings.n_axes))
                loss.backward()
                optimizer.step()
            assert torch.isfinite(loss)


def test_projection_is_an_isometry():
    scenes = prepare("scenes3d", size=8, n_train=120, n_fresh=30, n_axes=100)
    rebuilt = scenes.images(scenes.train)
    assert rebuilt.shape == (120, 8, 8, 3)
    components = scenes.projection.components
    np.testing.assert_allclose(components @ components.T, np.eye(100), atol=1e-8)
    assert scenes.train_factors.shape == (120, 6)


TINY = Settings(8, 400, 300, 30, (16,), 5, 60, 32, 60)


def test_from_training_to_page(monkeypatch, tmp_path):
    monkeypatch.setitem(disentanglement_reproduction.SCALES, "ci", TINY)
    told = []
    options = {"scale": "ci", "cache_dir": tmp_path, "n_seeds": 2, "models": ["ae", "beta_vae"]}
    options |= {"metrics": ["infomec", "mcc", "mig", "r2"]}
    result = reproduce_disentanglement(**options, progress=lambda *a: told.append(a))
    assert told[-1][:2] == (4, 4)
    frame = result.to_frame()
    assert set(frame["version"]) == {"raw", "pca", "random", "ica", "attainable"}
    assert set(frame["model"]) == {"ae", "beta_vae", "pixels", "untrained"}
    ica = frame.query("model == 'ae' and version == 'ica'")
    pca = frame.query("model == 'ae' and version == 'pca'")
    # an invertible linear map cannot change what a linear classifier reads
    np.testing.assert_allclose(ica["infoe"], pca["infoe"], atol=0.02)
    assert ica["n_components"].tolist() == pca["n_components"].tolist()
    json.dumps(result.to_dict(), allow_nan=False)
    page = render_page(result.page(command="nearid reproduce disentanglement"))
    assert "Theorem 3" in page
    assert "What components do" in page
    assert "AE" in result.summary()


def test_seeds_follow_the_first(monkeypatch):
    monkeypatch.setitem(disentanglement_reproduction.SCALES, "ci", TINY)
    asked = {"scale": "ci", "n_seeds": 2, "models": ["ae"], "metrics": ["infomec"]}
    fresh = reproduce_disentanglement(**asked, first_seed=7)
    trained = fresh.to_frame().query("model == 'ae'")
    assert sorted(set(trained["seed"])) == [7, 8]
    shown = fresh.to_dict()["settings"]
    assert shown["seeds"] == [7, 8]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "huge"}, "scale must be"),
        ({"n_seeds": 0}, "from 1"),
        ({"scale": "ci", "dataset": "shapes"}, "data set must be"),
        ({"scale": "ci", "models": ["gan"]}, "models must be"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(InputError, match=message):
        reproduce_disentanglement(**options)


def test_settings_of_the_module_are_those_of_the_command():
    assert disentanglement_reproduction.SCALES is disentanglement.SCALES


def test_sprites_are_averaged_down_and_their_one_colour_is_no_factor():
    scenes = prepare("sprites", size=16, n_train=80, n_fresh=10, n_axes=30)
    assert scenes.names == ("shape", "scale", "orientation", "x", "y")
    assert scenes.images(scenes.fresh).shape == (10, 16, 16, 1)
    with pytest.raises(InputError, match="divisor of 64"):
        prepare("sprites", size=24, n_train=80, n_fresh=10, n_axes=30)
