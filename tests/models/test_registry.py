"""What holds for every model that is to disentangle, of either architecture."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch

from nearid.models import (
    MODELS,
    PROTOCOL,
    PUBLISHED,
    encode,
    initialise,
    mlp,
    modulated,
    train,
    train_runs,
)
from nearid.models.training import plan

SMALL = {"dense": mlp(8, widths=(16,)), "images": modulated((1, 16, 16), widths=(4, 6))}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]


@pytest.fixture(params=SMALL)
def architecture(request):
    return SMALL[request.param]


def inputs(architecture, n=64):
    rng = np.random.default_rng(0)
    if architecture.logits:
        return rng.uniform(0, 1, (n, 1, 16, 16)).astype("f")
    return (rng.uniform(-1, 1, (n, 3)) @ rng.standard_normal((3, 8))).astype("f")


def test_latents_and_reconstructions_have_no_chance(model, architecture):
    network = initialise(partial(model, architecture, 3), 0)
    x = torch.from_numpy(inputs(architecture))
    assert network.encode(x).shape == (64, 3)
    assert torch.equal(network.encode(x), network.encode(x))
    assert torch.equal(network(x), network(x))
    assert network(x).shape == x.shape
    # `encode` of the package runs the encoder, batch by batch
    expected = network.encoder(x).detach()
    torch.testing.assert_close(torch.from_numpy(encode(network, x, batch_size=10)), expected)
    if architecture.logits:
        assert 0 < network(x).min() < network(x).max() < 1


def test_seeds_determine_runs(model, architecture):
    make = partial(model, architecture, 3)
    x = inputs(architecture)
    options = {"steps": 2, "batch_size": 16, "clip": 1.0, "n_jobs": 1}
    first, again, other = (train_runs(make, x, seeds=[s], **options)[0] for s in (4, 4, 5))
    assert np.isfinite(first.losses).all()
    assert first.fingerprint == again.fingerprint
    np.testing.assert_array_equal(first.losses, again.losses)
    assert (first.losses != other.losses).all()


def test_factories_are_pickled_for_other_processes(model, architecture):
    make = partial(model, architecture, 3)
    again = pickle.loads(pickle.dumps(make))
    x = torch.from_numpy(inputs(architecture))
    torch.testing.assert_close(initialise(again, 0)(x), initialise(make, 0)(x), rtol=0, atol=0)


def test_training_lowers_the_loss(model):
    x = inputs(SMALL["dense"], 256)
    network = initialise(partial(model, SMALL["dense"], 3), 0)
    run = train(network, x, steps=60, lr=1e-2, batch_size=32)
    assert run.losses[-10:].mean() < run.losses[:10].mean()


@pytest.mark.parametrize("name", ["dense", "images"])
def test_the_error_is_a_sum_of_squares_or_a_mean_of_cross_entropies(name):
    network = initialise(partial(MODELS["ae"], SMALL[name], 3), 0)
    x = torch.from_numpy(inputs(SMALL[name]))
    shown = network(x)
    if name == "dense":
        expected = ((shown - x) ** 2).sum(dim=1).mean()
    else:
        expected = -(x * shown.log() + (1 - x) * (1 - shown).log()).mean()
    torch.testing.assert_close(network.loss(x), expected)


def test_weights_of_penalties_determine_runs():
    x = inputs(SMALL["dense"])
    digests = {
        train(initialise(partial(MODELS[name], SMALL["dense"], 3, **weights), 0), x, steps=1)
        .fingerprint
        for name, weights in [
            ("beta_vae", {"beta": 1.0}),
            ("beta_vae", {"beta": 2.0}),
            ("beta_tcvae", {"beta": 1.0}),
            ("bioae", {"energy": 1.0}),
            ("bioae", {"energy": 2.0}),
            ("qlae", {"commit": 1.0}),
            ("qlae", {"commit": 2.0}),
        ]
    }  # fmt: skip
    assert len(digests) == 7


@pytest.mark.parametrize("data", PUBLISHED)
def test_published_settings_make_and_train_models(data):
    assert plan(**PROTOCOL).clip == 1.0
    assert PUBLISHED[data].keys() == MODELS.keys()
    x = inputs(SMALL["images"], 4)
    for name, setting in PUBLISHED[data].items():
        network = initialise(partial(MODELS[name], SMALL["images"], 12, **setting.weights), 0)
        options = PROTOCOL | {"steps": 2, "weight_decay": setting.weight_decay}
        assert np.isfinite(train(network, x, **options).losses).all()
