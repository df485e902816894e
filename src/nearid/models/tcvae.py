"""β-TCVAE: a VAE that penalises the total correlation of its codes."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from nearid.models.architecture import Architecture, as_architecture
from nearid.models.objective import check_sizes, check_weight
from nearid.models.vae import gaussian_kl, vae_class
from nearid.optional import require

__all__ = ["beta_tcvae", "kl_parts"]


def kl_parts(sample: Any, mean: Any, log_variance: Any) -> tuple[Any, Any, Any]:
    r"""Split the KL of posteriors from N(0, I) into three, estimated from one batch.

    .. math:: \underbrace{\mathbb{E}\log\frac{q(z \mid x)}{q(z)}}_{\text{mutual information}} +
              \underbrace{\mathbb{E}\log\frac{q(z)}{\prod_j q(z_j)}}_{\text{total correlation}} +
              \underbrace{\sum_j \mathbb{E}\log\frac{q(z_j)}{p(z_j)}}_{\text{dimension-wise KL}}

    Minibatch-weighted sampling: the aggregate q(z) is the mixture of the batch's own posteriors.
    The published estimator divides it by the size of the data set too, which adds constants that
    no gradient sees; they are left out, so that factorised codes have a total correlation near 0.

    Parameters
    ----------
    sample, mean, log_variance : tensor, shape (M, L)

    Returns
    -------
    mutual_information, total_correlation, dimension_wise : tensor, scalars
        In nats; the first at most log M.

    References
    ----------
    Chen, Li, Grosse & Duvenaud, NeurIPS 2018, equations 2 and 5.

    Examples
    --------
    >>> import torch
    >>> parts = kl_parts(torch.tensor([[0.0, 1.0]]), torch.zeros(1, 2), torch.zeros(1, 2))
    >>> [round(float(part), 6) for part in parts]  # one posterior, and it is the prior
    [0.0, 0.0, 0.0]
    """
    torch = require("torch", extra="torch")
    size = math.log(len(sample))
    # (sample, posterior, latent)
    each = _log_normal(sample[:, None], mean[None], log_variance[None])
    own = _log_normal(sample, mean, log_variance).sum(dim=1)
    prior = _log_normal(sample, torch.zeros_like(mean), torch.zeros_like(mean)).sum(dim=1)
    joint = torch.logsumexp(each.sum(dim=2), dim=1) - size
    marginals = (torch.logsumexp(each, dim=1) - size).sum(dim=1)
    return (own - joint).mean(), (joint - marginals).mean(), (marginals - prior).mean()


def _log_normal(z: Any, mean: Any, log_variance: Any) -> Any:
    away = (z - mean) ** 2 * (-log_variance).exp()
    return -0.5 * (away + log_variance + math.log(2 * math.pi))


@lru_cache(maxsize=1)
def tcvae_class() -> Any:
    """Return the class of auto-encoders that penalise total correlation."""

    class BetaTCVAE(vae_class()):  # type: ignore[misc]
        """A VAE whose total correlation counts ``beta`` times, and the rest of its KL once."""

        def regulariser(self, mean: Any, log_variance: Any, sample: Any) -> Any:
            """Return the KL, and the total correlation once more often than ``beta − 1``."""
            whole = gaussian_kl(mean, log_variance).sum(dim=1).mean()
            # what is not the total correlation in closed form: the same on average, less noise
            return whole + (self.beta - 1) * kl_parts(sample, mean, log_variance)[1]

    return BetaTCVAE


def beta_tcvae(
    inputs: int | Architecture,
    n_latents: int,
    *,
    beta: float = 4.0,
) -> Any:
    r"""Make a β-TCVAE.

    .. math:: \mathbb{E}_q R + \frac{s}{P} \left(\mathrm{KL}(q(z \mid x) \,\|\, N(0, I))
              + (\beta - 1)\, \mathrm{TC}(z)\right)

    which is mutual information + β total correlation + dimension-wise KL (:func:`kl_parts`); s and
    P as in :func:`nearid.models.beta_vae`.

    Parameters
    ----------
    inputs, n_latents
        As in :func:`nearid.models.ae`.
    beta : float, default 4
        Weight of the total correlation; 1 is a VAE.

    Returns
    -------
    torch.nn.Module
        With ``encode(x)`` and ``encoder`` (the posterior's mean), ``decoder`` and ``loss(batch)``.

    Raises
    ------
    InputError
        If a size is below 1, or beta no number from 0.

    References
    ----------
    Chen, Li, Grosse & Duvenaud, Isolating sources of disentanglement in VAEs, NeurIPS 2018.
    """
    check_sizes([n_latents])
    return tcvae_class()(as_architecture(inputs), n_latents, check_weight("beta", beta))
