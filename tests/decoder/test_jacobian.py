from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from nearid.decoder import bilipschitz, pullback_metric
from nearid.decoder import function as function_module
from nearid.errors import InputError


def mlp():
    return nn.Sequential(
        nn.Linear(4, 16), nn.LeakyReLU(0.3), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, 10)
    )


def convolutional():
    return nn.Sequential(
        nn.Linear(4, 32),
        nn.Unflatten(1, (8, 2, 2)),
        nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1),
        nn.SiLU(),
        nn.Conv2d(4, 2, 3, padding=1),
    )


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2
        )

    def forward(self, z):
        return self.layers(z)


class Generation(OrderedDict):
    """Like a ModelOutput of Hugging Face: a mapping whose first entry is the output."""


class Hugging(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, z):
        return Generation(logits=self.body(z), hidden=2 * self.body(z))


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def latents():
    return np.random.default_rng(0).normal(size=(6, 4))


def full_jacobians(decoder, latents):
    decoder = decoder.double().eval()
    return np.stack(
        [
            torch.autograd.functional.jacobian(
                lambda v: decoder(v[None])[0].flatten(), torch.from_numpy(z)
            )
            for z in latents
        ]
    )


@pytest.mark.parametrize("make", [mlp, convolutional])
def test_the_metric_is_that_of_the_full_jacobians(make, latents):
    decoder = make()
    found = pullback_metric(decoder, latents)
    jacobians = full_jacobians(decoder, latents)
    np.testing.assert_allclose(found, jacobians.mT @ jacobians, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("make", [mlp, convolutional])
def test_finite_differences_agree(make, latents):
    decoder = make().double()
    found = pullback_metric(decoder, latents)
    decoder.eval()

    def call(z):
        with torch.no_grad():
            return decoder(torch.from_numpy(z)).flatten(1).numpy()

    step = 1e-6
    columns = [
        (call(latents + step * e) - call(latents - step * e)) / (2 * step) for e in np.eye(4)
    ]
    jacobians = np.stack(columns, axis=2)
    np.testing.assert_allclose(found, jacobians.mT @ jacobians, rtol=1e-4, atol=1e-8)


def test_blocks_of_columns_give_the_same_metric(latents, monkeypatch):
    decoder = mlp()
    whole = pullback_metric(decoder, latents)
    monkeypatch.setattr(function_module, "BATCH_NUMBERS", 50)
    np.testing.assert_allclose(pullback_metric(decoder, latents), whole, rtol=1e-12)


def test_float32_is_near_float64(latents):
    decoder = convolutional()
    single, double = (pullback_metric(decoder, latents.astype(t)) for t in ("f", "d"))
    assert single.dtype == double.dtype == np.float64
    np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-5 * double.max())
    assert not np.array_equal(single, double)


def test_half_precision_is_computed_in_float32(latents):
    half = torch.from_numpy(latents).to(torch.bfloat16)
    found = pullback_metric(mlp().to(torch.bfloat16), half)
    assert bilipschitz(mlp(), half).resolution == torch.finfo(torch.float32).eps
    assert np.isfinite(found).all()


@pytest.mark.parametrize("training", [True, False])
def test_the_module_is_left_as_it_was_found(latents, training):
    decoder = mlp().train(training)
    decoder[2].train(not training)  # a part of its own mind
    decoder[0].weight.requires_grad_(False)
    decoder[0].bias.grad = torch.ones(16)
    before = {name: tensor.clone() for name, tensor in decoder.state_dict().items()}
    parameters = dict(decoder.named_parameters())
    bilipschitz(decoder, latents)
    bilipschitz(decoder, latents, method="lanczos")
    assert [part.training for part in decoder] == [
        training,
        training,
        not training,
        *[training] * 2,
    ]
    assert decoder.training == training
    for name, tensor in decoder.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.dtype == before[name].dtype
    for name, parameter in decoder.named_parameters():
        assert parameter is parameters[name]
        assert parameter.requires_grad == (name != "0.weight")
    assert torch.equal(decoder[0].bias.grad, torch.ones(16))
    assert decoder[0].weight.grad is None
    assert not any(part._forward_hooks for part in decoder.modules())


def test_the_module_is_left_as_it_was_found_after_an_error(latents):
    decoder = mlp().train()
    with pytest.raises(InputError, match="refused latents of shape"):
        bilipschitz(decoder, latents[:, :3])
    assert all(part.training for part in decoder.modules())


def test_global_state_of_torch_is_left_alone(latents):
    state, fast = torch.get_rng_state(), torch.backends.mha.get_fastpath_enabled()
    bilipschitz(mlp(), latents, method="lanczos")
    mlp_state = torch.get_rng_state()
    torch.set_rng_state(state)
    mlp()
    assert torch.equal(torch.get_rng_state(), mlp_state)
    assert torch.backends.mha.get_fastpath_enabled() == fast
    assert torch.is_grad_enabled()


def test_latents_that_carry_gradients_are_welcome(latents):
    z = torch.from_numpy(latents).requires_grad_()
    bilipschitz(mlp(), z)
    assert z.grad is None


@pytest.mark.parametrize("output", [None, 0, "logits"])
def test_a_mapping_gives_its_first_entry_or_the_named_one(latents, output):
    body = mlp()
    found = pullback_metric(Hugging(body), latents, output=output)
    np.testing.assert_allclose(found, pullback_metric(body, latents), rtol=1e-12)


@pytest.mark.parametrize("output", [1, "hidden"])
def test_a_mapping_gives_another_entry_if_asked(latents, output):
    body = mlp()
    found = pullback_metric(Hugging(body), latents, output=output)
    np.testing.assert_allclose(found, 4 * pullback_metric(body, latents), rtol=1e-12)


def test_a_tuple_gives_its_first_entry(latents):
    found = pullback_metric(lambda z: (3 * z, z), latents)
    np.testing.assert_allclose(found, 9 * np.broadcast_to(np.eye(4), (6, 4, 4)))


@pytest.mark.parametrize("method", ["exact", "lanczos"])
def test_tokens_have_jacobians_of_their_own(method):
    decoder = Attention()
    z = np.random.default_rng(0).normal(size=(3, 5, 4))
    found = bilipschitz(decoder, z, tokens=slice(1, 4, 2), method=method, live_threshold=0)
    decoder.double().eval()
    expected = []
    for latent in torch.from_numpy(z):
        whole = torch.autograd.functional.jacobian(lambda v: decoder(v[None])[0].flatten(), latent)
        expected += [torch.linalg.svdvals(whole[:, token]).numpy() for token in (1, 3)]
    expected = np.stack(expected)
    np.testing.assert_allclose(found.sigma_max, expected[:, 0], rtol=1e-6)
    np.testing.assert_allclose(found.sigma_min, expected[:, -1], rtol=1e-6)


def test_one_latent_is_enough():
    assert pullback_metric(nn.Linear(3, 2), np.zeros((1, 3))).shape == (1, 3, 3)


def not_finite(value):
    z = np.zeros((6, 4))
    z[2, 1] = value
    return z


@pytest.mark.parametrize(
    ("decoder", "latents", "message"),
    [
        (mlp(), np.zeros((6, 5)), "refused latents of shape .*2, 5"),
        (mlp(), np.zeros(4), r"must have the shape \(n, D\)"),
        (mlp(), np.zeros((0, 4)), "there are no latents"),
        (mlp(), np.zeros((6, 2, 4)), "say of which tokens"),
        (mlp(), np.zeros((6, 4), int), "latents must be floating numbers"),
        (mlp(), np.array([["a"]]), "latents are numbers; got an array of <U1"),
        (mlp(), not_finite(np.nan), r"1 NaN or infinite values, the first at \[2, 1\]"),
        (mlp(), not_finite(np.inf), r"1 NaN or infinite values, the first at \[2, 1\]"),
        ("decoder", np.zeros((6, 4)), "must be a torch module or another callable.* got str"),
        (lambda z: z.numpy(), np.zeros((6, 4)), "must return a tensor.*got ndarray"),
        (lambda z: z.argmax(1), np.zeros((6, 4)), "which has no derivative"),
        (lambda z: z.round(), np.ones((6, 4)), "does not depend on the latents"),
        (lambda z: z.detach(), np.ones((6, 4)), "does not depend on the latents"),
        (lambda z: z.mean(), np.ones((6, 4)), "must return a row per latent"),
        (lambda z: z - z.mean(0), np.eye(4), "depends on the others in the batch"),
        (lambda z: z.new_full(z.shape, np.nan), np.eye(4), "or is not finite"),
        (lambda z: z.sqrt(), np.zeros((6, 4)), "derivative is not finite"),
    ],
)  # fmt: skip
def test_wrong_inputs_have_messages(decoder, latents, message):
    with pytest.raises(InputError, match=message):
        pullback_metric(decoder, latents)


def test_a_callable_that_leaves_torch_is_refused():
    with pytest.raises(InputError, match=r"cannot be differentiated|does not depend"):
        pullback_metric(lambda z: torch.from_numpy(z.detach().numpy() ** 2), np.ones((3, 2)))


def test_chance_in_the_decoder_is_refused(latents):
    with pytest.raises(InputError, match="on chance"):
        pullback_metric(lambda z: z + torch.randn_like(z), latents)


@pytest.mark.parametrize("output", ["classes", 7])
def test_an_unknown_entry_is_named(latents, output):
    with pytest.raises(InputError, match=r"logits.*hidden.*is none of them"):
        pullback_metric(Hugging(mlp()), latents, output=output)


def test_tokens_that_are_not_there_are_refused():
    with pytest.raises(InputError, match="names none of the 5 tokens"):
        bilipschitz(Attention(), np.zeros((3, 5, 4)), tokens=slice(9, None))
    with pytest.raises(InputError, match="leave out tokens="):
        bilipschitz(mlp(), np.zeros((3, 4)), tokens=slice(None))
