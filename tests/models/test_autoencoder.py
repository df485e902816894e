import pickle

import numpy as np
import pytest
import torch
from torch import nn

from nearid.decoder import bilipschitz, worst_case
from nearid.errors import InputError
from nearid.models import conv_autoencoder, encode, initialise, mlp_autoencoder, train
from nearid.models.autoencoder import isometry_penalty


def test_shapes_of_a_dense_autoencoder():
    model = mlp_autoencoder(20, 3, widths=(16, 8), alpha=0.3, encoder_alpha=0.1)
    assert [layer.out_features for layer in model.encoder if hasattr(layer, "out_features")] == [
        16,
        8,
        3,
    ]
    assert [layer.out_features for layer in model.decoder if hasattr(layer, "out_features")] == [
        8,
        16,
        20,
    ]
    slopes = {
        name: {layer.negative_slope for layer in part if isinstance(layer, nn.LeakyReLU)}
        for name, part in (("encoder", model.encoder), ("decoder", model.decoder))
    }
    assert slopes == {"encoder": {0.1}, "decoder": {0.3}}
    assert model(torch.zeros(5, 20)).shape == (5, 20)


def test_shapes_of_a_convolutional_autoencoder():
    model = conv_autoencoder((3, 16, 32), 5, channels=(4, 6))
    x = torch.zeros(2, 3, 16, 32)
    assert model.encoder(x).shape == (2, 5)
    assert model(x).shape == x.shape


@pytest.mark.parametrize("isometry", [0.0, 1.0])
@pytest.mark.parametrize(
    ("model", "shape"),
    [(mlp_autoencoder, (12,)), (conv_autoencoder, (1, 8, 8))],
)
def test_two_steps_on_a_cpu(model, shape, isometry):
    size = shape[0] if model is mlp_autoencoder else shape
    extra = {} if model is mlp_autoencoder else {"channels": (4, 4)}
    x = np.random.default_rng(0).normal(size=(10, *shape))
    network = initialise(lambda: model(size, 2, isometry=isometry, **extra), 0)
    run = train(network, x, steps=2, batch_size=4)
    assert np.isfinite(run.losses).all()
    assert encode(run.model, x.astype("f"), batch_size=3).shape == (10, 2)


def test_the_loss_is_the_reconstruction_error():
    model = mlp_autoencoder(6, 2)
    x = torch.randn(5, 6)
    torch.testing.assert_close(model.loss(x), nn.functional.mse_loss(model(x), x))


def test_the_penalty_is_zero_for_a_scaled_isometry_only():
    torch.manual_seed(0)
    z = torch.randn(500, 3)
    frame = torch.linalg.qr(torch.randn(9, 3)).Q
    assert isometry_penalty(lambda z: 7 * z @ frame.T, z) < 1e-5
    assert isometry_penalty(lambda z: z * torch.tensor([1.0, 2.0, 3.0]), z) > 0.1
    assert isometry_penalty(lambda z: z * z.norm(dim=1, keepdim=True), z) > 0.1


def test_the_penalty_brings_the_decoder_nearer_to_an_isometry():
    x = np.random.default_rng(0).normal(size=(500, 2)) @ np.diag([1, 4]) @ np.eye(2, 6)
    constants = []
    for weight in (0.0, 0.3):
        model = initialise(lambda w=weight: mlp_autoencoder(6, 2, widths=(16,), isometry=w), 0)
        run = train(model, x, steps=500, lr=1e-2)
        z = encode(run.model, x.astype("f"))
        constants.append(bilipschitz(run.model.decoder, z).median_scale_free)
    assert constants[1] < 0.8 * constants[0]


def test_decoders_have_a_worst_case():
    dense = worst_case(mlp_autoencoder(20, 3, widths=(16, 8)).decoder, n_latents=3)
    conv = worst_case(conv_autoencoder((1, 8, 8), 3, channels=(4, 4)).decoder, n_latents=3)
    assert 0 < dense.lower < dense.upper
    assert conv.upper > 0


def test_models_are_pickled_by_name():
    model = mlp_autoencoder(4, 2)
    again = pickle.loads(pickle.dumps(model))
    torch.testing.assert_close(again(torch.ones(1, 4)), model(torch.ones(1, 4)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mlp_autoencoder(0, 2), "sizes of layers are whole numbers from 1"),
        (lambda: mlp_autoencoder(4, 2, isometry=-1), "isometry is the weight of a penalty"),
        (lambda: conv_autoencoder((1, 28, 28), 2), "multiples of 8; got images of 28 × 28"),
    ],
)
def test_wrong_sizes_have_messages(make, message):
    with pytest.raises(InputError, match=message):
        make()
