"""Every model that is to disentangle by its name, and the settings that were published for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nearid.models.ae import ae
from nearid.models.bioae import bioae
from nearid.models.qlae import qlae
from nearid.models.tcvae import beta_tcvae
from nearid.models.vae import beta_vae

__all__ = ["MODELS", "PROTOCOL", "PUBLISHED", "Published"]

#: Every model by its name: ``model(inputs or architecture, n_latents, **weights)``.
MODELS: dict[str, Callable[..., Any]] = {
    model.__name__: model for model in (ae, beta_vae, beta_tcvae, bioae, qlae)
}


@dataclass(frozen=True)
class Published:
    """What was published for a model on a data set.

    Parameters
    ----------
    weights : mapping
        Of the model's penalties: arguments of its function in :data:`MODELS`.
    weight_decay : float
        Of the training, on weights only.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    weight_decay: float = 0.0


#: The published training, as options of :func:`nearid.models.train`, of models with
#: ``modulated((3, 64, 64))`` and twice as many latents as factors. Of what this training decays and
#: clips, the authors' differs in two things: it decays the scales of the encoder's normalisations,
#: and clips neither biases nor the tables of QLAE.
PROTOCOL: Mapping[str, Any] = {
    "steps": 200_000,
    "lr": 1e-3,
    "batch_size": 128,
    "warmup": 0,
    "schedule": "constant",
    "clip": 1.0,
}


def _published(beta: float, tc: float, energy: float, decay: float, ae_decay: float) -> Any:
    return {
        "ae": Published(weight_decay=ae_decay),
        "beta_vae": Published({"beta": beta}),
        "beta_tcvae": Published({"beta": tc}),
        "bioae": Published({"nonnegativity": 1.0, "energy": energy}, 1e-4),
        "qlae": Published({"n_values": 10, "quantise": 0.01, "commit": 0.01}, decay),
    }


#: Settings by data set and model: Hsu, Dorrell, Whittington, Wu & Finn, Disentanglement via latent
#: quantization, NeurIPS 2023, in the configuration that its authors released. The weight decay of
#: the plain auto-encoder is released for two data sets; elsewhere it is the default there.
PUBLISHED: Mapping[str, Mapping[str, Published]] = {
    "shapes3d": _published(beta=3.0, tc=3.0, energy=0.01, decay=0.1, ae_decay=1e-3),
    "mpi3d": _published(beta=0.1, tc=0.3, energy=0.01, decay=1e-3, ae_decay=1e-3),
    "falcor3d": _published(beta=10.0, tc=3.0, energy=0.01, decay=0.1, ae_decay=0.0),
    "isaac3d": _published(beta=0.3, tc=1.0, energy=0.1, decay=0.1, ae_decay=0.0),
}
