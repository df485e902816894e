from functools import partial

import numpy as np
import pytest
import torch

from nearid.errors import InputError
from nearid.models import beta_vae, encode, initialise, mlp, modulated, train
from nearid.models.vae import gaussian_kl


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return (rng.uniform(-1, 1, (256, 3)) @ rng.standard_normal((3, 8))).astype("f")


def test_kl_is_that_of_torch():
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(mean, (log_variance / 2).exp()), normal(0.0, 1.0)
    )
    torch.testing.assert_close(gaussian_kl(mean, log_variance), expected)


@pytest.mark.parametrize("architecture", [mlp(256), modulated((1, 16, 16), widths=(4, 6))])
def test_the_kl_counts_beta_times_in_the_published_scale(architecture):
    x = torch.rand(6, 256) if not architecture.logits else torch.rand(6, 1, 16, 16)
    losses = []
    for beta in (0.0, 7.0):
        model = initialise(partial(beta_vae, architecture, 3, beta=beta), 0)
        torch.manual_seed(1)
        losses.append(model.loss(x))
    mean, log_variance, _ = model.posterior(x)
    kl = gaussian_kl(mean, log_variance).sum(dim=1).mean()
    scale = 1 / 256 if architecture.logits else 1
    torch.testing.assert_close(losses[1] - losses[0], 7 * kl * scale, rtol=1e-3, atol=1e-4)


def test_the_deviation_is_a_softplus_and_the_sample_has_it():
    model = initialise(partial(beta_vae, mlp(4, widths=()), 2), 0)
    with torch.no_grad():
        model.encoder.network[0].weight.zero_()
        model.encoder.network[0].bias.copy_(torch.tensor([1.0, -1.0, 0.0, -100.0]))
        torch.manual_seed(0)
        mean, log_variance, sample = model.posterior(torch.zeros(50_000, 4))
    assert mean[0].tolist() == [1.0, -1.0]
    assert float(log_variance[0, 0]) == pytest.approx(2 * np.log(np.log(2)), rel=1e-5)
    assert torch.isfinite(log_variance).all()
    torch.testing.assert_close(sample.mean(dim=0), mean[0], atol=0.02, rtol=0)
    assert float(sample[:, 0].std()) == pytest.approx(np.log(2), rel=0.02)
    assert float(sample[:, 1].std()) < 1e-6


def test_beta_prunes_codes(data):
    options = {"steps": 400, "lr": 1e-2, "batch_size": 64}
    spreads = []
    for beta in (1e-3, 30.0):
        model = initialise(partial(beta_vae, mlp(8, widths=(16,)), 3, beta=beta), 0)
        spreads.append(encode(train(model, data, **options).model, data).std(axis=0))
    assert spreads[0].min() > 0.3
    assert spreads[1].max() < 0.1


@pytest.mark.parametrize("beta", [-1, float("nan"), float("inf")])
def test_wrong_weights_have_messages(beta):
    with pytest.raises(InputError, match="beta is the weight of a penalty, a number from 0; got"):
        beta_vae(4, 2, beta=beta)
