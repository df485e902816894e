from functools import partial

import numpy as np
import pytest
import torch

from nearid.errors import InputError
from nearid.models import beta_tcvae, beta_vae, initialise, mlp
from nearid.models.tcvae import kl_parts
from nearid.models.vae import gaussian_kl

LOG_VARIANCE = -2.0


def gaussian_codes(correlation, n=2000):
    """Posteriors whose aggregate is a Gaussian of variance 1 + e⁻², and a sample of each."""
    rng = np.random.default_rng(1)
    cov = [[1, correlation], [correlation, 1]]
    mean = torch.from_numpy(rng.multivariate_normal([0, 0], cov, n)).float()
    noise = torch.from_numpy(rng.standard_normal((n, 2))).float()
    log_variance = torch.full((n, 2), LOG_VARIANCE)
    return mean + noise * np.exp(LOG_VARIANCE / 2), mean, log_variance


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_parts_of_gaussians(correlation):
    variance = 1 + np.exp(LOG_VARIANCE)
    correlated = np.log(1 - (correlation / variance) ** 2)
    information = np.log(variance / np.exp(LOG_VARIANCE)) + correlated / 2
    wise = variance - 1 - np.log(variance)
    expected = [information, -correlated / 2, wise]
    found = [float(part) for part in kl_parts(*gaussian_codes(correlation))]
    np.testing.assert_allclose(found, expected, atol=0.06)


def test_the_parts_sum_to_the_kl():
    rng = np.random.default_rng(0)
    mean, log_variance = torch.from_numpy(rng.normal(size=(2, 8, 3)))
    expected = gaussian_kl(mean, log_variance).sum(dim=1).mean()
    sums = []
    for _ in range(4000):
        noise = torch.from_numpy(rng.standard_normal((8, 3)))
        sample = mean + noise * (log_variance / 2).exp()
        sums.append(float(sum(kl_parts(sample, mean, log_variance))))
    error = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - float(expected)) < 4 * error
    assert error < 0.01 * float(expected)


def test_equal_posteriors_hold_no_information():
    mean, log_variance = torch.zeros(50, 2), torch.zeros(50, 2)
    information, correlation, wise = kl_parts(torch.randn(50, 2), mean, log_variance)
    assert max(map(abs, map(float, (information, correlation, wise)))) < 1e-5


def test_codes_far_apart_hold_all_the_information_there_is():
    mean = 1e3 * torch.arange(50.0).reshape(-1, 1).expand(-1, 2)
    information = kl_parts(mean + torch.randn(50, 2), mean, torch.zeros(50, 2))[0]
    assert float(information) == pytest.approx(np.log(50), rel=1e-4)


def test_the_total_correlation_counts_beta_times():
    x = torch.randn(40, 8)
    losses = []
    for beta in (1.0, 4.0):
        model = initialise(partial(beta_tcvae, mlp(8, widths=(16,)), 3, beta=beta), 0)
        torch.manual_seed(1)
        losses.append(model.loss(x))
    torch.manual_seed(1)
    mean, log_variance, sample = model.posterior(x)
    correlation = kl_parts(sample, mean, log_variance)[1]
    torch.testing.assert_close(losses[1] - losses[0], 3 * correlation, rtol=1e-3, atol=1e-4)
    vae = initialise(partial(beta_vae, mlp(8, widths=(16,)), 3, beta=1.0), 0)
    torch.manual_seed(1)
    torch.testing.assert_close(vae.loss(x), losses[0])


def test_wrong_weights_have_messages():
    with pytest.raises(InputError, match="beta is the weight of a penalty"):
        beta_tcvae(4, 2, beta=float("nan"))
