"""QLAE: an auto-encoder whose codes take a few learnt values each."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from nearid.errors import InputError
from nearid.models.architecture import Architecture, as_architecture
from nearid.models.objective import check_sizes, check_weight, latent_model_class
from nearid.optional import require

__all__ = ["qlae"]


@lru_cache(maxsize=1)
def qlae_class() -> Any:
    """Return the class of auto-encoders with quantised latents."""
    torch = require("torch", extra="torch")

    class QLAE(latent_model_class()):  # type: ignore[misc]
        """``x ↦ decoder(nearest values(encoder(x)))``, a table of values for each latent."""

        def __init__(
            self, architecture: Any, n_latents: int, n_values: int, quantise: float, commit: float
        ) -> None:
            super().__init__(architecture, architecture.encoder(n_latents), n_latents)
            self.quantise_weight, self.commit_weight = quantise, commit
            # in one axis, since weight decay, which spares biases, is to spare these too
            start = torch.linspace(-0.5, 0.5, n_values).repeat(n_latents)
            self.flat_values = torch.nn.Parameter(start)
            self.n_values = n_values

        def weights(self) -> dict[str, float]:
            """Return the weights of the penalties by name."""
            return {"quantise": self.quantise_weight, "commit": self.commit_weight}

        @property
        def values(self) -> Any:
            """The tables, shape (latents, values)."""
            return self.flat_values.view(-1, self.n_values)

        def nearest(self, latents: Any) -> Any:
            """Return each latent's nearest value of its table."""
            values = self.values
            index = (latents[:, :, None] - values).abs().argmin(dim=2)
            return values.gather(1, index.T).T

        def encode(self, x: Any, *, quantised: bool = True) -> Any:
            """Return the codes of a batch: what the decoder is given, or what they were before."""
            latents = self.encoder(x)
            return self.nearest(latents) if quantised else latents

        def drawn(self, x: Any) -> tuple[Any, Any]:
            """Return quantised codes, and how far codes and tables are apart."""
            latents = self.encoder(x)
            quantised = self.nearest(latents)
            pull = ((quantised - latents.detach()) ** 2).mean()
            commit = ((quantised.detach() - latents) ** 2).mean()
            # straight through: the decoder sees the values, the gradient passes to the latents
            passed = latents + (quantised - latents).detach()
            return passed, self.quantise_weight * pull + self.commit_weight * commit

    return QLAE


def qlae(
    inputs: int | Architecture,
    n_latents: int,
    *,
    n_values: int = 10,
    quantise: float = 0.01,
    commit: float = 0.01,
) -> Any:
    r"""Make an auto-encoder with quantised latents.

    .. math:: R + s \left(\lambda_q \langle(q_j - \mathrm{sg}\, z_j)^2\rangle_j
              + \lambda_c \langle(\mathrm{sg}\, q_j - z_j)^2\rangle_j\right)

    where q is the nearest value to z in each latent's table, sg stops the gradient, and s is 1
    where the error R is a mean over the P numbers of an input, as published, and P where it is a
    sum. The method includes a strong weight decay, of all weights but the tables.

    Parameters
    ----------
    inputs, n_latents
        As in :func:`nearid.models.ae`.
    n_values : int, default 10
        Values that a latent may take; each latent learns its own.
    quantise, commit : float, default .01
        Weights of the pull of the values to the codes, and of the codes to the values.

    Returns
    -------
    torch.nn.Module
        ``encode(x)`` gives quantised codes, ``encode(x, quantised=False)`` the continuous ones
        that ``encoder`` makes, which :func:`nearid.models.encode` returns and ``nearest``
        quantises; ``decoder`` and ``loss(batch)`` as in the other models.

    Raises
    ------
    InputError
        If a size is below 1, there are fewer than 2 values, or a weight is no number from 0.

    References
    ----------
    Hsu, Dorrell, Whittington, Wu & Finn, Disentanglement via latent quantization, NeurIPS 2023.

    Examples
    --------
    >>> import torch
    >>> model = qlae(3, 2, n_values=3)
    >>> model.nearest(torch.tensor([[0.1, -9.0]])).tolist()
    [[0.0, -0.5]]
    """
    if not isinstance(n_values, int) or n_values < 2:
        raise InputError(f"n_values is a whole number from 2; got {n_values!r}")
    check_sizes([n_latents])
    weights = check_weight("quantise", quantise), check_weight("commit", commit)
    return qlae_class()(as_architecture(inputs), n_latents, n_values, *weights)
