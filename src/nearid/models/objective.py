"""What models with latents have in common, whatever layers they have and whatever they penalise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from nearid.errors import InputError
from nearid.optional import require

__all__ = ["check_sizes", "check_weight", "latent_model_class"]


@lru_cache(maxsize=1)
def latent_model_class() -> Any:
    """Return the class that objectives specialise: its own penalises nothing."""
    torch = require("torch", extra="torch")

    class LatentModel(torch.nn.Module):  # type: ignore[misc, name-defined]
        """``x ↦ decoder(encode(x))``, trained by its error and a penalty."""

        def __init__(self, architecture: Any, encoder: Any, n_latents: int) -> None:
            super().__init__()
            self.encoder, self.decoder = encoder, architecture.decoder(n_latents)
            self.numbers, self.logits = architecture.numbers, architecture.logits

        def extra_repr(self) -> str:
            """Name what the layers do not show; it is part of what determines a run."""
            shown = {"numbers": self.numbers, "logits": self.logits, **self.weights()}
            return ", ".join(f"{name}={value!r}" for name, value in shown.items())

        def weights(self) -> dict[str, float]:
            """Return the weights of the penalties by name."""
            return {}

        def encode(self, x: Any) -> Any:
            """Return the latents of a batch, without chance."""
            return self.encoder(x)

        def forward(self, x: Any) -> Any:
            """Reconstruct a batch."""
            outputs = self.decoder(self.encode(x))
            return outputs.sigmoid() if self.logits else outputs

        def drawn(self, x: Any) -> tuple[Any, Any]:
            """Return what the decoder is given in training, and the penalty."""
            return self.encoder(x), 0.0

        def loss(self, x: Any) -> Any:
            """Return the error of a batch and the penalty, as in the model's formula."""
            latents, penalty = self.drawn(x)
            outputs = self.decoder(latents)
            if self.logits:
                entropy = torch.nn.functional.binary_cross_entropy_with_logits
                return entropy(outputs, x) + penalty
            # the sum over numbers: all is multiplied by how many there are, the penalty as well
            return self.numbers * (((outputs - x) ** 2).mean() + penalty)

    return LatentModel


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


def check_sizes(sizes: Sequence[int]) -> None:
    """Raise if a size of a layer is none.

    Raises
    ------
    InputError
        If one is not a whole number from 1.
    """
    if any(not isinstance(size, int | np.integer) or size < 1 for size in sizes):
        raise InputError(f"sizes of layers are whole numbers from 1; got {list(sizes)}")
