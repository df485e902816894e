"""How far single layers can stretch and shrink: bounds of their Jacobians' singular values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nearid.decoder.lanczos import lanczos
from nearid.optional import require

__all__ = ["Bounds", "activation_bounds", "module_bounds", "slopes"]

Array = NDArray[np.float64]

#: Inputs of a linear layer up to which its operator is formed as a matrix, and bounded below.
DENSE_INPUTS = 2048

#: Steps of the power iteration (in its Krylov form) for larger operators, and their tolerance.
POWER_STEPS, POWER_TOLERANCE = 60, 1e-6


class Bounds(NamedTuple):
    """``lower · ‖v‖ ≤ ‖J v‖ ≤ upper · ‖v‖`` for the Jacobian J wherever it exists."""

    upper: float
    lower: float

    def then(self, after: Bounds) -> Bounds:
        """Return the bounds of a composition: products."""
        return Bounds(self.upper * after.upper, self.lower * after.lower)

    def plus_identity(self) -> Bounds:
        """Return the bounds of ``x + f(x)``."""
        return Bounds(1 + self.upper, max(0.0, 1 - self.upper))


ISOMETRY = Bounds(1.0, 1.0)

#: Largest and smallest absolute slope of activations without parameters.  GELU's and SiLU's were
#: maximised numerically; both are flat somewhere.
SLOPES = {
    "ReLU": Bounds(1.0, 0.0),
    "Tanh": Bounds(1.0, 0.0),
    "Sigmoid": Bounds(0.25, 0.0),
    "Softplus": Bounds(1.0, 0.0),
    "GELU": Bounds(1.1290, 0.0),
    "SiLU": Bounds(1.0999, 0.0),
    "Identity": ISOMETRY,
    "Dropout": ISOMETRY,
    "Flatten": ISOMETRY,
    "Unflatten": ISOMETRY,
}

#: Layers that are affine in evaluation mode, and are bounded through the operator itself.
AFFINE = frozenset(
    {f"{kind}{d}d" for kind in ("Conv", "ConvTranspose", "BatchNorm", "AvgPool") for d in (1, 2, 3)}
    | {"Linear", "Upsample", "UpsamplingNearest2d", "PixelShuffle", "ZeroPad2d"}
)


def slopes(negative_slope: float) -> Bounds:
    """Return the bounds of a leaky rectifier."""
    return Bounds(max(1.0, abs(negative_slope)), min(1.0, abs(negative_slope)))


def activation_bounds(module: Any) -> Bounds | None:
    """Return the bounds of a layer that acts on each number by itself, None for other layers."""
    name = type(module).__name__
    if name == "LeakyReLU":
        return slopes(module.negative_slope)
    if name == "PReLU":
        weights = np.abs(module.weight.detach().cpu().double().numpy())
        return Bounds(max(1.0, float(weights.max())), min(1.0, float(weights.min())))
    if name == "ELU":
        return Bounds(max(1.0, abs(module.alpha)), 0.0)
    return SLOPES.get(name)


def module_bounds(module: Any, input_shape: tuple[int, ...]) -> Bounds | None:
    """Return the bounds of a single layer for inputs of this shape, None if none are known.

    Parameters
    ----------
    module : torch.nn.Module
    input_shape : tuple of int
        Of one input, without the batch.

    Returns
    -------
    Bounds or None
        For linear layers: the extreme singular values of the operator on inputs of that very
        shape, padding and strides included. The smallest is taken where the operator can be
        formed (up to 2,048 inputs), and is otherwise bounded by 0.
    """
    if type(module).__name__ not in AFFINE:
        return activation_bounds(module)
    if type(module).__name__ == "Linear":
        return _matrix_bounds(module.weight.detach().cpu().double().numpy())
    return _operator_bounds(module, input_shape)


def _matrix_bounds(matrix: Array) -> Bounds:
    singular = np.linalg.svd(matrix, compute_uv=False)
    tall = matrix.shape[0] >= matrix.shape[1]
    return Bounds(float(singular[0]), float(singular[-1]) if tall else 0.0)


def _operator_bounds(module: Any, input_shape: tuple[int, ...]) -> Bounds:
    torch = require("torch", extra="torch")
    state = {
        name: tensor.detach().cpu().to(torch.float64 if tensor.is_floating_point() else None)
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]
    }
    zero = torch.zeros((1, *input_shape), dtype=torch.float64)

    def affine(x: Any) -> Any:
        return torch.func.functional_call(module, state, (x.reshape(-1, *input_shape),))

    with torch.no_grad():
        offset = affine(zero)
        if zero.numel() <= DENSE_INPUTS:
            identity = torch.eye(zero.numel(), dtype=torch.float64)
            return _matrix_bounds((affine(identity) - offset).flatten(1).numpy().T)
        return Bounds(_power_norm(torch, affine, zero), 0.0)


def _power_norm(torch: Any, affine: Callable[[Any], Any], zero: Any) -> float:
    """Return the operator's norm, by power iteration on ``AᵀA`` with its Krylov vectors kept.

    Plain power iteration meets the norm from below; the residual is added, to bound from above.
    """
    _, pull = torch.func.vjp(affine, zero)

    def product(v: Any) -> Any:
        pushed = torch.func.jvp(affine, (zero,), (v.reshape(zero.shape),))[1]
        return pull(pushed)[0].reshape(1, -1)

    start = np.random.default_rng(0).standard_normal((1, zero.numel()))
    found = lanczos(
        product,
        torch.as_tensor(start),
        resolution=float(np.finfo(np.float64).eps),
        max_steps=POWER_STEPS,
        tolerance=POWER_TOLERANCE,
    )
    return float(found[0, 0] + found[0, 2])
