"""BioAE: an auto-encoder whose codes are non-negative and cost energy."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from nearid.models.architecture import Architecture, as_architecture
from nearid.models.objective import check_sizes, check_weight, latent_model_class

__all__ = ["bioae"]


@lru_cache(maxsize=1)
def bioae_class() -> Any:
    """Return the class of biologically constrained auto-encoders."""

    class BioAE(latent_model_class()):  # type: ignore[misc]
        """``x ↦ decoder(encoder(x))`` with penalties on the codes."""

        def __init__(
            self, architecture: Any, n_latents: int, nonnegativity: float, energy: float
        ) -> None:
            super().__init__(architecture, architecture.encoder(n_latents), n_latents)
            self.nonnegativity, self.energy = nonnegativity, energy

        def weights(self) -> dict[str, float]:
            """Return the weights of the penalties by name."""
            return {"nonnegativity": self.nonnegativity, "energy": self.energy}

        def penalty(self, latents: Any) -> Any:
            """Return what is added to the error of reconstruction."""
            negative = (-latents).clamp(min=0).mean()
            return self.nonnegativity * negative + self.energy * (latents**2).mean()

        def drawn(self, x: Any) -> tuple[Any, Any]:
            """Return the latents and their penalty."""
            latents = self.encoder(x)
            return latents, self.penalty(latents)

    return BioAE


def bioae(
    inputs: int | Architecture,
    n_latents: int,
    *,
    nonnegativity: float = 1.0,
    energy: float = 0.01,
) -> Any:
    r"""Make a BioAE.

    .. math:: R + s \left(\lambda_+ \langle\max(-z_j, 0)\rangle_j
              + \lambda \langle z_j^2\rangle_j\right)

    with s = 1 where the error R is a mean over the P numbers of an input, as published, and s = P
    where it is a sum: the same weights, relative to the error of one number.

    Parameters
    ----------
    inputs, n_latents
        As in :func:`nearid.models.ae`.
    nonnegativity, energy : float
        λ₊ and λ. The weights that hold the codes are to be kept small by weight decay, or the
        decoder makes up for any energy that is saved.

    Returns
    -------
    torch.nn.Module
        With ``encode(x)``, ``encoder``, ``decoder`` and ``loss(batch)``.

    Raises
    ------
    InputError
        If a size is below 1, or a weight no number from 0.

    References
    ----------
    Whittington, Dorrell, Ganguli & Behrens, Disentanglement with biological constraints, ICLR 2023.

    Examples
    --------
    >>> import torch
    >>> float(bioae(3, 1, energy=0.5).penalty(torch.tensor([[-1.0], [1.0]])))
    1.0
    """
    check_sizes([n_latents])
    return bioae_class()(
        as_architecture(inputs),
        n_latents,
        check_weight("nonnegativity", nonnegativity),
        check_weight("energy", energy),
    )
