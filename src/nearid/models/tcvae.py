"""β-TCVAE: a VAE that penalises the total correlation of its codes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from nearid.models.autoencoder import dense
from nearid.models.vae import check_weight, gaussian_kl, vae_class
from nearid.optional import require

__all__ = ["beta_tcvae", "total_correlation"]


def total_correlation(sample: Any, mean: Any, log_variance: Any) -> Any:
    r"""Estimate the total correlation of the aggregate posterior from one batch.

    .. math:: \mathbb{E}\left[\log q(z) - \sum_j \log q(z_j)\right]

    Minibatch-weighted sampling: the aggregate is the mixture of the batch's own posteriors. Its
    constants cancel but for :math:`(L - 1)\log M`, which does not depend on the weights and is
    left in, so that factorised codes give 0.

    Parameters
    ----------
    sample, mean, log_variance : tensor, shape (M, L)

    Returns
    -------
    tensor, a scalar

    References
    ----------
    Chen, Li, Grosse & Duvenaud, NeurIPS 2018, equation 5 (with N = M).
    """
    torch = require("torch", extra="torch")
    away = (sample[:, None] - mean[None]) ** 2 / log_variance.exp()[None]
    each = -0.5 * (away + log_variance[None] + math.log(2 * math.pi))
    size = math.log(len(sample))
    joint = torch.logsumexp(each.sum(dim=2), dim=1) - size
    marginals = (torch.logsumexp(each, dim=1) - size).sum(dim=1)
    return (joint - marginals).mean()


@lru_cache(maxsize=1)
def tcvae_class() -> Any:
    """Return the class of auto-encoders that penalise total correlation."""

    class BetaTCVAE(vae_class()):  # type: ignore[misc]
        """A VAE whose total correlation counts ``beta`` times, and the rest of its KL once."""

        def regulariser(self, mean: Any, log_variance: Any, sample: Any) -> Any:
            """Return the KL, and the total correlation once more often than ``beta − 1``."""
            whole = gaussian_kl(mean, log_variance).sum(dim=1).mean()
            return whole + (self.beta - 1) * total_correlation(sample, mean, log_variance)

    return BetaTCVAE


def beta_tcvae(
    n_inputs: int,
    n_latents: int,
    *,
    widths: Sequence[int] = (256, 256),
    alpha: float = 0.2,
    beta: float = 4.0,
) -> Any:
    r"""Make a β-TCVAE of dense layers.

    .. math:: \mathbb{E}_q \|x - \hat x\|^2 + \mathrm{KL}(q(z \mid x) \,\|\, N(0, I))
              + (\beta - 1)\, \mathrm{TC}(z)

    Parameters
    ----------
    n_inputs, n_latents, widths, alpha
        As in :func:`nearid.models.beta_vae`.
    beta : float, default 4
        Weight of the total correlation; 1 is a VAE.

    Returns
    -------
    torch.nn.Module
        With ``encoder`` (the posterior's mean), ``decoder`` and ``loss(batch)``.

    Raises
    ------
    InputError
        If beta is no number from 0.

    References
    ----------
    Chen, Li, Grosse & Duvenaud, Isolating sources of disentanglement in VAEs, NeurIPS 2018.
    """
    sizes = [n_inputs, *widths, n_latents]
    network = dense([*sizes[:-1], 2 * n_latents], alpha)
    return tcvae_class()(network, dense(sizes[::-1], alpha), check_weight("beta", beta))
