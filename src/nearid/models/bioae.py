"""BioAE: an auto-encoder whose codes are non-negative and cost energy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from nearid.models.autoencoder import autoencoder_class, dense
from nearid.models.vae import check_weight, squared_error

__all__ = ["bioae"]


@lru_cache(maxsize=1)
def bioae_class() -> Any:
    """Return the class of biologically constrained auto-encoders."""

    class BioAE(autoencoder_class()):  # type: ignore[misc]
        """``x ↦ decoder(encoder(x))`` with penalties on the codes."""

        def __init__(self, encoder: Any, decoder: Any, nonnegativity: float, energy: float) -> None:
            super().__init__(encoder, decoder, 0.0)
            self.nonnegativity, self.energy = nonnegativity, energy

        def extra_repr(self) -> str:
            """Name what the layers do not show; it is part of what determines a run."""
            return f"nonnegativity={self.nonnegativity!r}, energy={self.energy!r}"

        def penalty(self, latents: Any) -> Any:
            """Return what is added to the error of reconstruction."""
            negative = (-latents).clamp(min=0).mean()
            return self.nonnegativity * negative + self.energy * (latents**2).mean()

        def loss(self, x: Any) -> Any:
            """Return the error of reconstruction and the penalties of a batch."""
            latents = self.encoder(x)
            return squared_error(self.decoder(latents), x) + self.penalty(latents)

    return BioAE


def bioae(
    n_inputs: int,
    n_latents: int,
    *,
    widths: Sequence[int] = (256, 256),
    alpha: float = 0.2,
    nonnegativity: float = 1.0,
    energy: float = 0.01,
) -> Any:
    r"""Make a BioAE of dense layers.

    .. math:: \|x - \hat x\|^2 + \lambda_+ \langle\max(-z_j, 0)\rangle_j
              + \lambda \langle z_j^2\rangle_j

    Parameters
    ----------
    n_inputs, n_latents, widths, alpha
        As in :func:`nearid.models.beta_vae`.
    nonnegativity, energy : float
        λ₊ and λ. The weights that hold the codes are to be kept small by weight decay, or the
        decoder makes up for any energy that is saved.

    Returns
    -------
    torch.nn.Module
        With ``encoder``, ``decoder`` and ``loss(batch)``.

    Raises
    ------
    InputError
        If a weight is no number from 0.

    References
    ----------
    Whittington, Dorrell, Ganguli & Behrens, Disentanglement with biological constraints, ICLR 2023.

    Examples
    --------
    >>> import torch
    >>> float(bioae(3, 1, widths=(), energy=0.5).penalty(torch.tensor([[-1.0], [1.0]])))
    1.0
    """
    sizes = [n_inputs, *widths, n_latents]
    return bioae_class()(
        dense(sizes, alpha),
        dense(sizes[::-1], alpha),
        check_weight("nonnegativity", nonnegativity),
        check_weight("energy", energy),
    )
