"""A plain auto-encoder of any architecture: the objective without a penalty."""

from __future__ import annotations

from typing import Any

from nearid.models.architecture import Architecture, as_architecture
from nearid.models.objective import check_sizes, latent_model_class

__all__ = ["ae"]


def ae(inputs: int | Architecture, n_latents: int) -> Any:
    r"""Make an auto-encoder that is trained by its error alone.

    .. math:: R = \|x - \hat x\|^2 \quad\text{or}\quad
              R = \langle\mathrm{CE}(x_p, \mathrm{sigmoid}(\hat x_p))\rangle_p

    The first for an architecture of squared errors (the sum over numbers), the second for one of
    logits (the mean).

    Parameters
    ----------
    inputs : int or Architecture
        Layers and error; a number of inputs is short for :func:`nearid.models.mlp` of it.
    n_latents : int

    Returns
    -------
    torch.nn.Module
        With ``encode(x)``, ``encoder``, ``decoder`` and ``loss(batch)``.

    Raises
    ------
    InputError
        If a size is below 1.

    Examples
    --------
    >>> import torch
    >>> ae(6, 2).encode(torch.zeros(3, 6)).shape
    torch.Size([3, 2])
    """
    architecture = as_architecture(inputs)
    check_sizes([n_latents])
    return latent_model_class()(architecture, architecture.encoder(n_latents), n_latents)
