"""β-VAE, and the Gaussian posterior that it shares with its relatives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from nearid.errors import InputError
from nearid.models.autoencoder import dense
from nearid.optional import require

__all__ = ["beta_vae", "check_weight", "gaussian_kl", "squared_error", "vae_class"]


def squared_error(reconstruction: Any, x: Any) -> Any:
    """Return ``‖x̂ − x‖²`` summed over an input's entries, the mean over a batch."""
    return ((reconstruction - x) ** 2).flatten(1).sum(dim=1).mean()


def gaussian_kl(mean: Any, log_variance: Any) -> Any:
    """Return the KL divergence of ``N(mean, exp(log_variance))`` from N(0, 1), entry by entry.

    Examples
    --------
    >>> import torch
    >>> gaussian_kl(torch.tensor([0.0, 2.0]), torch.zeros(2)).tolist()
    [0.0, 2.0]
    """
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)


def check_weight(name: str, value: float) -> float:
    """Return a weight of a loss as a float, or say that it is none.

    Raises
    ------
    InputError
        If it is not a number from 0.
    """
    if not value >= 0 or value == float("inf"):
        raise InputError(f"{name} is the weight of a penalty, a number from 0; got {value!r}")
    return float(value)


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

    class BetaVAE(torch.nn.Module):  # type: ignore[misc, name-defined]
        """``x ↦ decoder(mean(x))``; trained on samples of the posterior."""

        def __init__(self, network: Any, decoder: Any, beta: float) -> None:
            super().__init__()
            self.encoder, self.decoder, self.beta = Mean(network), decoder, beta

        def extra_repr(self) -> str:
            """Name what the layers do not show; it is part of what determines a run."""
            return f"beta={self.beta!r}"

        def forward(self, x: Any) -> Any:
            """Reconstruct a batch from its mean codes."""
            return self.decoder(self.encoder(x))

        def posterior(self, x: Any) -> tuple[Any, Any, Any]:
            """Return mean, log variance and a sample of the codes of a batch."""
            mean, log_variance = self.encoder.network(x).chunk(2, dim=1)
            log_variance = log_variance.clamp(-20, 20)
            noise = torch.randn_like(mean)
            return mean, log_variance, mean + noise * (log_variance / 2).exp()

        def regulariser(self, mean: Any, log_variance: Any, sample: Any) -> Any:
            """Return what is added to the error of reconstruction."""
            return self.beta * gaussian_kl(mean, log_variance).sum(dim=1).mean()

        def loss(self, x: Any) -> Any:
            """Return the error of reconstruction and the regulariser of a batch."""
            mean, log_variance, sample = self.posterior(x)
            error = squared_error(self.decoder(sample), x)
            return error + self.regulariser(mean, log_variance, sample)

    return BetaVAE


def beta_vae(
    n_inputs: int,
    n_latents: int,
    *,
    widths: Sequence[int] = (256, 256),
    alpha: float = 0.2,
    beta: float = 1.0,
) -> Any:
    r"""Make a β-VAE of dense layers.

    .. math:: \mathbb{E}_q \|x - \hat x\|^2 + \beta \, \mathrm{KL}(q(z \mid x) \,\|\, N(0, I))

    Parameters
    ----------
    n_inputs, n_latents : int
    widths : sequence of int, default (256, 256)
        Of the encoder's hidden layers; the decoder has them in reverse.
    alpha : float, default .2
        Slope of the leaky rectifiers.
    beta : float, default 1

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
    Higgins et al., β-VAE, ICLR 2017.

    Examples
    --------
    >>> import torch
    >>> beta_vae(6, 2, widths=(8,)).encoder(torch.zeros(3, 6)).shape
    torch.Size([3, 2])
    """
    sizes = [n_inputs, *widths, n_latents]
    network = dense([*sizes[:-1], 2 * n_latents], alpha)
    return vae_class()(network, dense(sizes[::-1], alpha), check_weight("beta", beta))
