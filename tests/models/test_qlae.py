from functools import partial

import numpy as np
import pytest
import torch

from nearid.errors import InputError
from nearid.models import ae, encode, initialise, mlp, qlae, train

SMALL = mlp(8, widths=(16,))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return (rng.uniform(-1, 1, (256, 3)) @ rng.standard_normal((3, 8))).astype("f")


@pytest.fixture
def model():
    return initialise(partial(qlae, SMALL, 3, n_values=5), 0)


def test_codes_go_to_the_nearest_value_of_their_own_table(model):
    with torch.no_grad():
        model.values[1] += 10.0
        latents = torch.tensor([[0.1, 9.9, -9.0], [0.2, 0.0, 0.3]])
        found = model.nearest(latents)
    expected = torch.tensor([[0.0, 10.0, -0.5], [0.25, 9.5, 0.25]])
    torch.testing.assert_close(found, expected)


def test_quantised_and_continuous_codes(model, data):
    x = torch.from_numpy(data)
    continuous = model.encode(x, quantised=False)
    np.testing.assert_allclose(encode(model, data), continuous.detach(), rtol=1e-5, atol=1e-6)
    assert torch.equal(model.encode(x), model.nearest(continuous))
    for column, table in zip(model.encode(x).T, model.values, strict=True):
        assert set(column.tolist()) <= set(table.tolist())
    assert torch.equal(model(x), model.decoder(model.encode(x)))


def test_gradients_pass_straight_through(data):
    x = torch.from_numpy(data)
    model = initialise(partial(qlae, SMALL, 3, quantise=0.0, commit=0.0), 0)
    model.loss(x).backward()
    # as if the decoder's gradient at the values were that at the latents
    latents = model.encode(x, quantised=False)
    values = model.nearest(latents).detach().requires_grad_()
    error = 8 * ((model.decoder(values) - x) ** 2).mean()
    (at_values,) = torch.autograd.grad(error, values)
    (expected,) = torch.autograd.grad(latents, model.encoder[0].weight, at_values)
    torch.testing.assert_close(model.encoder[0].weight.grad, expected, rtol=1e-4, atol=1e-6)
    assert model.flat_values.grad is None or not model.flat_values.grad.any()


def test_each_penalty_moves_one_side(data):
    x = torch.from_numpy(data)
    for quantise, commit in ((1.0, 0.0), (0.0, 1.0)):
        model = initialise(partial(qlae, SMALL, 3, quantise=quantise, commit=commit), 0)
        _, penalty = model.drawn(x)
        away = model.encode(x) - model.encode(x, quantised=False)
        torch.testing.assert_close(penalty, (away**2).mean())
        of_tables, of_encoder = torch.autograd.grad(
            penalty, [model.flat_values, model.encoder[0].weight]
        )
        assert bool(of_tables.any()) == (quantise > 0)
        assert bool(of_encoder.any()) == (commit > 0)


def test_the_penalties_are_relative_to_the_error_of_one_number(data):
    x = torch.from_numpy(data)
    model = initialise(partial(qlae, SMALL, 3), 0)
    plain = initialise(partial(ae, SMALL, 3), 0)
    latents, penalty = model.drawn(x)
    error = ((plain.decoder(latents) - x) ** 2).sum(dim=1).mean()
    torch.testing.assert_close(model.loss(x), error + 8 * penalty)


def test_training_uses_the_tables(model, data):
    run = train(model, data, steps=300, lr=1e-2, weight_decay=0.01)
    x = torch.from_numpy(data)
    with torch.no_grad():
        used = run.model.encode(x).numpy().T
        error = ((run.model(x) - x) ** 2).sum() / (x**2).sum()
    assert min(len(np.unique(column)) for column in used) >= 3
    assert error < 0.3
    assert not torch.equal(run.model.values, model.values)


def test_weight_decay_leaves_the_tables_alone(model, data):
    run = train(model, data, steps=5, lr=0.1, weight_decay=0.5, loss=lambda m, x: 0 * m.loss(x))
    assert torch.equal(run.model.values, model.values)
    assert not torch.equal(run.model.encoder[0].weight, model.encoder[0].weight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_values": 1}, "n_values is a whole number from 2; got 1"),
        ({"quantise": -1}, "quantise is the weight of a penalty"),
        ({"commit": -1}, "commit is the weight of a penalty"),
    ],
)
def test_wrong_arguments_have_messages(options, message):
    with pytest.raises(InputError, match=message):
        qlae(4, 2, **options)
