"""QLAE: an auto-encoder whose codes take a few learnt values each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from nearid.errors import InputError
from nearid.models.autoencoder import autoencoder_class, dense
from nearid.models.vae import check_weight, squared_error
from nearid.optional import require

__all__ = ["qlae"]


@lru_cache(maxsize=1)
def qlae_class() -> Any:
    """Return the class of auto-encoders with quantised latents."""
    torch = require("torch", extra="torch")

    class QLAE(autoencoder_class()):  # type: ignore[misc]
        """``x ↦ decoder(nearest values(encoder(x)))``, a table of values for each latent."""

        def __init__(
            self, encoder: Any, decoder: Any, n_latents: int, n_values: int, weights: Any
        ) -> None:
            super().__init__(encoder, decoder, 0.0)
            self.quantise_weight, self.commit_weight = weights
            start = torch.linspace(-0.5, 0.5, n_values).repeat(n_latents, 1)
            self.values = torch.nn.Parameter(start)

        def extra_repr(self) -> str:
            """Name what the layers do not show; it is part of what determines a run."""
            return f"quantise={self.quantise_weight!r}, commit={self.commit_weight!r}"

        def nearest(self, latents: Any) -> Any:
            """Return each latent's nearest value of its table."""
            away = (latents[:, :, None] - self.values[None]).abs()
            index = away.argmin(dim=2)
            return self.values.gather(1, index.T).T

        def forward(self, x: Any) -> Any:
            """Reconstruct a batch from quantised codes."""
            return self.decoder(self.nearest(self.encoder(x)))

        def loss(self, x: Any) -> Any:
            """Return the error of reconstruction, and how far codes and tables are apart."""
            latents = self.encoder(x)
            quantised = self.nearest(latents)
            # straight through: the decoder sees the values, the gradient passes to the latents
            passed = latents + (quantised - latents).detach()
            error = squared_error(self.decoder(passed), x)
            pull = ((quantised - latents.detach()) ** 2).mean()
            commit = ((quantised.detach() - latents) ** 2).mean()
            return error + self.quantise_weight * pull + self.commit_weight * commit

    return QLAE


def qlae(
    n_inputs: int,
    n_latents: int,
    *,
    widths: Sequence[int] = (256, 256),
    alpha: float = 0.2,
    n_values: int = 12,
    quantise: float = 0.01,
    commit: float = 0.01,
) -> Any:
    """Make an auto-encoder with quantised latents, of dense layers.

    Parameters
    ----------
    n_inputs, n_latents, widths, alpha
        As in :func:`nearid.models.beta_vae`.
    n_values : int, default 12
        Values that a latent may take; each latent learns its own.
    quantise, commit : float, default .01
        Weights of the pull of the values to the codes, and of the codes to the values.

    Returns
    -------
    torch.nn.Module
        ``encoder`` gives the continuous codes, ``nearest`` quantises them; ``decoder`` and
        ``loss(batch)`` as in the other models.

    Raises
    ------
    InputError
        If there are fewer than 2 values, or a weight is no number from 0.

    References
    ----------
    Hsu, Dorrell, Whittington, Wu & Finn, Disentanglement via latent quantization, NeurIPS 2023.

    Examples
    --------
    >>> import torch
    >>> model = qlae(3, 2, widths=(4,), n_values=3)
    >>> model.nearest(torch.tensor([[0.1, -9.0]])).tolist()
    [[0.0, -0.5]]
    """
    if not isinstance(n_values, int) or n_values < 2:
        raise InputError(f"n_values is a whole number from 2; got {n_values!r}")
    sizes = [n_inputs, *widths, n_latents]
    weights = (check_weight("quantise", quantise), check_weight("commit", commit))
    return qlae_class()(
        dense(sizes, alpha), dense(sizes[::-1], alpha), n_latents, n_values, weights
    )
