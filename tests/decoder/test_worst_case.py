import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from nearid.decoder import bilipschitz, worst_case
from nearid.decoder.operators import module_bounds
from nearid.errors import InputError


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class Residual(nn.Module):
    """Two residual blocks, with functional activations, as people write them."""

    def __init__(self, width, scale):
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        with torch.no_grad():
            for layer in (self.first, self.second):
                layer.weight *= scale / torch.linalg.matrix_norm(layer.weight, 2)

    def forward(self, z):
        z = z + 0.5 * nn.functional.leaky_relu(self.first(z), 0.2)
        return z + nn.functional.leaky_relu(self.second(z), negative_slope=0.2).view(z.size(0), -1)


def leaky(alpha):
    return nn.Sequential(
        nn.Linear(4, 16), nn.LeakyReLU(alpha), nn.Linear(16, 32), nn.LeakyReLU(alpha),
        nn.Linear(32, 40),
    )  # fmt: skip


def convolutional():
    return nn.Sequential(
        nn.Linear(4, 32),
        nn.Unflatten(1, (8, 2, 2)),
        nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1),
        nn.LeakyReLU(0.3),
        nn.BatchNorm2d(6),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.Flatten(),
    )


def sampled(decoder, n_latents=4):
    z = 3 * np.random.default_rng(0).normal(size=(100, n_latents))
    return bilipschitz(decoder, z)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 1.5])
def test_leaky_stacks_lie_between_their_bounds(alpha):
    decoder = leaky(alpha)
    bounds, found = worst_case(decoder, n_latents=4), sampled(decoder)
    assert 0 < bounds.lower <= found.sigma_min.min()
    assert found.sigma_max.max() <= bounds.upper
    assert found.constant <= bounds.constant
    assert found.constant_scale_free <= bounds.constant_scale_free


def test_k_leaky_rectifiers_cost_at_most_their_slope_to_the_k():
    steep, flat = (worst_case(leaky(alpha), n_latents=4) for alpha in (1.0, 0.5))
    torch.manual_seed(0)
    one = leaky(1.0)
    torch.manual_seed(0)
    half = leaky(0.5)
    steep, flat = worst_case(one, n_latents=4), worst_case(half, n_latents=4)
    assert flat.upper == pytest.approx(steep.upper)
    assert flat.lower == pytest.approx(steep.lower * 0.5**2)


def test_a_linear_decoder_meets_its_bounds():
    layer = nn.Linear(4, 9)
    singular = torch.linalg.svdvals(layer.weight.double()).tolist()
    bounds = worst_case(layer, n_latents=4)
    assert bounds.upper == pytest.approx(singular[0])
    assert bounds.lower == pytest.approx(singular[-1])


def test_a_wide_layer_need_not_be_injective():
    bounds = worst_case(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 9)), n_latents=4)
    assert bounds.lower == 0
    assert bounds.constant == bounds.constant_scale_free == math.inf
    assert json.loads(json.dumps(bounds.to_dict(), allow_nan=False))["constant"] is None


def test_convolutions_lie_between_their_bounds():
    decoder = convolutional()
    decoder(torch.randn(64, 4))  # statistics for the batch normalisation
    bounds, found = worst_case(decoder, n_latents=4), sampled(decoder)
    assert 0 < bounds.lower <= found.sigma_min.min()
    assert found.sigma_max.max() <= bounds.upper
    assert decoder.training


@pytest.mark.parametrize("scale", [0.1, 0.9, 3.0])
def test_residual_stacks_lie_between_their_bounds(scale):
    decoder = Residual(5, scale)
    bounds, found = worst_case(decoder, n_latents=5), sampled(decoder, 5)
    assert bounds.upper == pytest.approx((1 + 0.5 * scale) * (1 + scale))
    expected = max(0, 1 - 0.5 * scale) * max(0, 1 - scale)
    assert bounds.lower == pytest.approx(expected, abs=1e-6)
    assert bounds.lower <= found.sigma_min.min() <= found.sigma_max.max() <= bounds.upper


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, 3, stride=2, padding=1),
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
        nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1),
        nn.AvgPool2d(2),
        nn.Upsample(scale_factor=2),
    ],
)
def test_an_operators_bounds_are_its_singular_values(layer, monkeypatch):
    shape = (2, 6, 6)
    layer = layer.double()
    zero = torch.zeros(72, dtype=torch.float64)
    matrix = torch.autograd.functional.jacobian(
        lambda x: layer(x.reshape(1, *shape)).flatten(), zero
    )
    singular = torch.linalg.svdvals(matrix)
    bounds = module_bounds(layer, shape)
    assert bounds.upper == pytest.approx(float(singular[0]))
    tall = matrix.shape[0] >= matrix.shape[1]
    assert bounds.lower == pytest.approx(float(singular[-1]) if tall else 0, abs=1e-9)
    monkeypatch.setattr("nearid.decoder.operators.DENSE_INPUTS", 1)
    large = module_bounds(layer, shape)
    assert float(singular[0]) * (1 - 1e-9) <= large.upper <= float(singular[0]) * (1 + 1e-4)
    assert large.lower == 0


@pytest.mark.parametrize("name", ["GELU", "SiLU", "Tanh", "Sigmoid", "ELU", "Softplus", "ReLU"])
def test_slopes_of_activations_hold_on_a_grid(name):
    activation = getattr(nn, name)()
    x = torch.linspace(-20, 20, 40_001, dtype=torch.float64, requires_grad=True)
    slope = torch.autograd.grad(activation(x).sum(), x)[0].abs()
    bounds = module_bounds(activation, (1,))
    assert bounds.lower <= float(slope.min())
    assert float(slope.max()) <= bounds.upper <= float(slope.max()) * 1.001 + 1e-9


def test_the_module_is_left_as_it_was_found():
    decoder = convolutional()
    decoder[4].eval()
    before = [part.training for part in decoder.modules()]
    worst_case(decoder, n_latents=4)
    assert [part.training for part in decoder.modules()] == before


def test_every_layer_is_listed():
    bounds = worst_case(leaky(0.5), n_latents=4)
    assert len(bounds.layers) == 5
    assert math.prod(high for high, _ in bounds.layers.values()) == pytest.approx(bounds.upper)
    assert bounds.summary().count("\n") == 5


class Branching(nn.Module):
    def forward(self, z):
        return z if z.sum() > 0 else -z


class Product(nn.Module):
    def forward(self, z):
        return z * z


@pytest.mark.parametrize(
    ("decoder", "n_latents", "message"),
    [
        (lambda z: z, 4, "must be a torch module; got function"),
        (leaky(0.5), 5, "on latents of width 5 cannot be followed"),
        (Branching(), 4, "cannot be followed"),
        (Product(), 4, "no bounds are known for .*mul"),
        (nn.Sequential(nn.Linear(4, 4), nn.Softmax(1)), 4, "no bounds are known for Softmax"),
    ],
)
def test_what_cannot_be_bounded_is_refused(decoder, n_latents, message):
    with pytest.raises(InputError, match=message):
        worst_case(decoder, n_latents=n_latents)
