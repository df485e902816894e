"""Models that are to disentangle: their losses by hand and by closed form."""

from functools import partial

import numpy as np
import pytest
import torch

from nearid import InputError
from nearid.models import beta_tcvae, beta_vae, bioae, encode, qlae, train, train_runs
from nearid.models.tcvae import total_correlation
from nearid.models.vae import gaussian_kl

FACTORIES = [beta_vae, beta_tcvae, bioae, qlae]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return (rng.uniform(-1, 1, (256, 3)) @ rng.standard_normal((3, 8))).astype(np.float32)


@pytest.mark.parametrize("factory", FACTORIES)
def test_trains_to_the_same_bits_for_a_seed(factory, data):
    make = partial(factory, 8, 3, widths=(16,))
    options = {"steps": 60, "lr": 1e-2, "weight_decay": 0.1, "batch_size": 32}
    (first,), (again,) = (train_runs(make, data, seeds=[4], n_jobs=1, **options) for _ in range(2))
    np.testing.assert_array_equal(first.losses, again.losses)
    assert first.losses[-10:].mean() < first.losses[:10].mean()
    assert encode(first.model, data).shape == (256, 3)
    assert first.model(torch.from_numpy(data)).shape == (256, 8)


def test_kl_is_that_of_torch():
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(mean, (log_variance / 2).exp()), normal(0.0, 1.0)
    )
    torch.testing.assert_close(gaussian_kl(mean, log_variance), expected)


def gaussian_codes(correlation, n=2000):
    rng = np.random.default_rng(1)
    cov = [[1, correlation], [correlation, 1]]
    mean = torch.from_numpy(rng.multivariate_normal([0, 0], cov, n)).float()
    log_variance = torch.full((n, 2), -2.0)
    sample = mean + torch.from_numpy(rng.standard_normal((n, 2))).float() * np.exp(-1)
    return sample, mean, log_variance


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_total_correlation_of_gaussians(correlation):
    noise = np.exp(-2.0)
    expected = -0.5 * np.log(1 - (correlation / (1 + noise)) ** 2)
    assert float(total_correlation(*gaussian_codes(correlation))) == pytest.approx(
        expected, abs=0.05
    )


def test_tcvae_with_beta_one_is_a_vae(data):
    torch.manual_seed(0)
    tcvae = beta_tcvae(8, 3, widths=(16,), beta=1.0)
    vae = beta_vae(8, 3, widths=(16,), beta=1.0)
    vae.load_state_dict(tcvae.state_dict())
    losses = []
    for model in (tcvae, vae):
        torch.manual_seed(1)
        losses.append(float(model.loss(torch.from_numpy(data)).detach()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_beta_prunes_codes(data):
    options = {"steps": 400, "lr": 1e-2, "batch_size": 64}
    spreads = []
    for beta in (1e-3, 30.0):
        torch.manual_seed(0)
        run = train(beta_vae(8, 3, widths=(16,), beta=beta), data, **options)
        spreads.append(encode(run.model, data).std(axis=0))
    assert spreads[0].min() > 0.3
    assert spreads[1].max() < 0.1


def test_energy_and_signs_of_bioae(data):
    torch.manual_seed(0)
    free, bound = (
        train(
            bioae(8, 3, widths=(16,), nonnegativity=weight, energy=0.1),
            data,
            steps=300,
            lr=1e-2,
            weight_decay=0.01,
        )
        for weight in (0.0, 20.0)
    )
    assert np.minimum(encode(free.model, data), 0).mean() < -0.05
    assert np.minimum(encode(bound.model, data), 0).mean() > -0.02


def test_quantised_codes_are_of_the_tables_and_pass_gradients(data):
    torch.manual_seed(0)
    model = qlae(8, 3, widths=(16,), n_values=5)
    x = torch.from_numpy(data)
    quantised = model.nearest(model.encoder(x))
    for column, table in zip(quantised.T, model.values, strict=True):
        assert set(column.tolist()) <= set(table.tolist())
    model.loss(x).backward()
    assert model.encoder[0].weight.grad.abs().sum() > 0
    assert model.values.grad.abs().sum() > 0
    run = train(model, data, steps=300, lr=1e-2)
    with torch.no_grad():
        used = run.model.nearest(run.model.encoder(x))
    assert min(len(np.unique(column)) for column in used.numpy().T) >= 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(beta_vae, 4, 2, beta=-1), "beta"),
        (partial(beta_tcvae, 4, 2, beta=float("nan")), "beta"),
        (partial(bioae, 4, 2, energy=float("inf")), "energy"),
        (partial(qlae, 4, 2, n_values=1), "from 2"),
    ],
)
def test_wrong_weights(make, message):
    with pytest.raises(InputError, match=message):
        make()
