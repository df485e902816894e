"""β-VAE, and the Gaussian posterior that it shares with its relatives."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from nearid.models.architecture import Architecture, as_architecture
from nearid.models.objective import check_sizes, check_weight, latent_model_class
from nearid.optional import require

__all__ = ["beta_vae", "gaussian_kl", "vae_class"]


def gaussian_kl(mean: Any, log_variance: Any) -> Any:
    """Return the KL divergence of ``N(mean, exp(log_variance))`` from N(0, 1), entry by entry.

    Examples
    --------
    >>> import torch
    >>> gaussian_kl(torch.tensor([0.0, 2.0]), torch.zeros(2)).tolist()
    [0.0, 2.0]
    """
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)


@lru_cache(maxsize=1)
def vae_class() -> Any:
    """Return the class of auto-encoders with a Gaussian posterior."""
    torch = require("torch", extra="torch")

    class Mean(torch.nn.Module):  # type: ignore[misc, name-defined]
        """The first half of a network's outputs: what a code is without its noise."""

        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Any) -> Any:
            """Encode a batch."""
            return self.network(x).chunk(2, dim=1)[0]

    class BetaVAE(latent_model_class()):  # type: ignore[misc]
        """``x ↦ decoder(mean(x))``; trained on samples of the posterior."""

        def __init__(self, architecture: Any, n_latents: int, beta: float) -> None:
            network = architecture.encoder(2 * n_latents)
            super().__init__(architecture, Mean(network), n_latents)
            self.beta = beta

        def weights(self) -> dict[str, float]:
            """Return the weights of the penalties by name."""
            return {"beta": self.beta}

        def posterior(self, x: Any) -> tuple[Any, Any, Any]:
            """Return mean, log variance and a sample of the codes of a batch."""
            mean, raw = self.encoder.network(x).chunk(2, dim=1)
            # the deviation is a softplus, as published; the bound keeps its logarithm finite
            log_variance = 2 * torch.nn.functional.softplus(raw.clamp(min=-20)).log()
            noise = torch.randn_like(mean)
            return mean, log_variance, mean + noise * (log_variance / 2).exp()

        def regulariser(self, mean: Any, log_variance: Any, sample: Any) -> Any:
            """Return the divergence in nats an input, weighted."""
            return self.beta * gaussian_kl(mean, log_variance).sum(dim=1).mean()

        def drawn(self, x: Any) -> tuple[Any, Any]:
            """Return a sample of the codes, and the regulariser's share for each number."""
            mean, log_variance, sample = self.posterior(x)
            return sample, self.regulariser(mean, log_variance, sample) / self.numbers

    return BetaVAE


def beta_vae(
    inputs: int | Architecture,
    n_latents: int,
    *,
    beta: float = 1.0,
) -> Any:
    r"""Make a β-VAE.

    .. math:: \mathbb{E}_q R + \frac{s}{P} \beta \, \mathrm{KL}(q(z \mid x) \,\|\, N(0, I))

    with P the numbers of an input, and s = 1 where the error R is a mean over them, as published,
    and s = P where it is a sum: then β is the plain weight of the KL, and β = 1 the bound of a
    Gaussian likelihood of variance ½.

    Parameters
    ----------
    inputs, n_latents
        As in :func:`nearid.models.ae`.
    beta : float, default 1

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
    Higgins et al., β-VAE, ICLR 2017.

    Examples
    --------
    >>> import torch
    >>> beta_vae(6, 2).encode(torch.zeros(3, 6)).shape
    torch.Size([3, 2])
    """
    check_sizes([n_latents])
    return vae_class()(as_architecture(inputs), n_latents, check_weight("beta", beta))
