"""Many small auto-encoders trained at once, as one model of batched matrix products.

One at a time, small networks leave a processor idle between calls: side by side they cost about a
sixth. No member sees another: their losses are added, and so their gradients are their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from nearid.errors import InputError
from nearid.optional import require

__all__ = ["ensemble", "set_linear"]


@lru_cache(maxsize=1)
def stack_class() -> Any:
    """Return the class of layers of many members side by side."""
    torch = require("torch", extra="torch")

    class Stack(torch.nn.Module):  # type: ignore[misc, name-defined]
        """Dense layers with leaky rectifiers between, for each member: (R, b, in) → (R, b, out)."""

        def __init__(self, sizes: Sequence[int], slopes: Sequence[float]) -> None:
            super().__init__()
            self.weights, self.biases = torch.nn.ParameterList(), torch.nn.ParameterList()
            for a, b in pairwise(sizes):
                drawn = [torch.nn.init.orthogonal_(torch.empty(a, b)) for _ in slopes]
                self.weights.append(torch.nn.Parameter(torch.stack(drawn)))
                self.biases.append(torch.nn.Parameter(torch.zeros(len(slopes), 1, b)))
            self.register_buffer("slopes", torch.tensor(slopes).reshape(-1, 1, 1))

        def forward(self, x: Any) -> Any:
            """Map a batch of each member."""
            for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
                if number:
                    x = torch.where(x > 0, x, self.slopes * x)
                x = torch.baddbmm(bias, x, weight)
            return x

        def member(self, number: int) -> Any:
            """Return a member's layers as a module of its own, with copies of its weights."""
            layers: list[Any] = []
            for weight, bias in zip(self.weights, self.biases, strict=True):
                if layers:
                    layers.append(torch.nn.LeakyReLU(float(self.slopes[number])))
                layer = torch.nn.Linear(*weight.shape[1:])
                with torch.no_grad():
                    layer.weight.copy_(weight[number].T)
                    layer.bias.copy_(bias[number, 0])
                layers.append(layer)
            return torch.nn.Sequential(*layers)

    return Stack


@lru_cache(maxsize=1)
def ensemble_class() -> Any:
    """Return the class of auto-encoders side by side."""
    torch = require("torch", extra="torch")

    class Ensemble(torch.nn.Module):  # type: ignore[misc, name-defined]
        """Auto-encoders whose inputs are (b, data sets, features), some members a data set."""

        def __init__(self, encoder: Any, decoder: Any, l2: Sequence[float]) -> None:
            super().__init__()
            self.encoder, self.decoder = encoder, decoder
            self.register_buffer("l2", torch.tensor(l2))

        def inputs(self, x: Any) -> Any:
            """Give each member its data set: (b, data sets, features) → (members, b, features)."""
            members = len(self.encoder.slopes) // x.shape[1]
            return x.transpose(0, 1).repeat_interleave(members, dim=0)

        def loss(self, x: Any) -> Any:
            """Return the sum of the members' losses, and the squares of their weights times l2."""
            x = self.inputs(x)
            error = ((self.decoder(self.encoder(x)) - x) ** 2).mean(dim=(1, 2)).sum()
            weights = [*self.encoder.weights, *self.decoder.weights]
            return error + sum((self.l2 * (weight**2).sum(dim=(1, 2))).sum() for weight in weights)

    return Ensemble


def ensemble(
    encoder_sizes: Sequence[int],
    decoder_sizes: Sequence[int],
    *,
    alphas: Sequence[float],
    repeats: int,
    encoder_alpha: float = 0.1,
    l2: float | Sequence[float] = 0.0,
) -> Any:
    """Make ``len(alphas) × repeats`` auto-encoders that are trained as one model.

    Parameters
    ----------
    encoder_sizes, decoder_sizes : sequence of int
        From inputs to latents, and back.
    alphas : sequence of float
        Slopes of the decoders' leaky rectifiers; the i-th goes with the i-th data set, unless there
        is but one, which is everyone's.
    repeats : int
        Members per slope, of different initial weights: columns of random orthogonal matrices.
    encoder_alpha : float, default 0.1
        Slope of all encoders.
    l2 : float or sequence of float, default 0
        Weight of the sum of squared weights in the loss, of all or one for each member, slope by
        slope; weight decay, which spares what has one
        axis, would not know the biases of many members from weights.

    Returns
    -------
    torch.nn.Module
        ``loss`` takes batches of shape (b, data sets, features); ``encoder`` and ``decoder`` hold
        the members, slope by slope, and ``member(i)`` gives one as a module of its own.

    Raises
    ------
    InputError
        If the sizes do not fit each other.

    Examples
    --------
    >>> import torch
    >>> model = ensemble([6, 2], [2, 4, 6], alphas=[0.1, 1.0], repeats=3)
    >>> model.decoder(model.encoder(model.inputs(torch.zeros(5, 2, 6)))).shape
    torch.Size([6, 5, 6])
    """
    if encoder_sizes[-1] != decoder_sizes[0] or encoder_sizes[0] != decoder_sizes[-1]:
        raise InputError(
            f"the decoder must lead back from latents to inputs; got sizes {list(encoder_sizes)} "
            f"and {list(decoder_sizes)}"
        )
    if repeats < 1 or not len(alphas):
        raise InputError(f"there must be slopes and repeats; got {list(alphas)} and {repeats}")
    slopes = [float(alpha) for alpha in alphas for _ in range(repeats)]
    weights = [float(w) for w in ([l2] * len(slopes) if isinstance(l2, int | float) else l2)]
    if len(weights) != len(slopes):
        raise InputError(f"l2 must be one number, or {len(slopes)}; got {len(weights)}")
    encoder = stack_class()(encoder_sizes, [encoder_alpha] * len(slopes))
    return ensemble_class()(encoder, stack_class()(decoder_sizes, slopes), weights)


def set_linear(stack: Any, maps: Any) -> None:
    """Set the layers of a stack to random weights with which each member is a given linear map.

    Hidden units come in pairs of opposite sign, ``φ(t) − φ(−t) = (1 + α) t`` for a leaky rectifier
    of slope α: the units are not linear, and training takes them apart, but all members begin at a
    function that is known.

    Parameters
    ----------
    stack : torch.nn.Module
        An ensemble's ``encoder`` or ``decoder``, with one hidden layer. Changed in place.
    maps : tensor, shape (members, inputs, outputs)
        Applied to rows from the right.

    Raises
    ------
    InputError
        If there is not one hidden layer, of at least two units per input.

    References
    ----------
    Balduzzi, Frean, Leary, Lewis, Ma & McWilliams, The shattered gradients problem, ICML 2017,
    section 4 (looks-linear initialisation).

    Examples
    --------
    >>> import torch
    >>> model = ensemble([6, 12, 2], [2, 4, 6], alphas=[0.1, 1.0], repeats=1)
    >>> maps, x = torch.randn(2, 6, 2), torch.randn(2, 5, 6)
    >>> set_linear(model.encoder, maps)
    >>> torch.allclose(model.encoder(x), x @ maps, atol=1e-4)
    True
    """
    torch = require("torch", extra="torch")
    if len(stack.weights) != 2 or stack.weights[0].shape[2] < 2 * stack.weights[0].shape[1]:
        sizes = [weight.shape[1] for weight in stack.weights] + [stack.weights[-1].shape[2]]
        raise InputError(
            f"a linear start needs one hidden layer, of at least two units per input; got layers "
            f"of the sizes {sizes}"
        )
    first, second = stack.weights
    half, spare = divmod(first.shape[2], 2)
    into = torch.randn(*first.shape[:2], half) / half**0.5
    out = torch.linalg.pinv(into) @ maps / (1 + stack.slopes)
    with torch.no_grad():
        first.copy_(torch.cat([into, -into, into.new_zeros(*first.shape[:2], spare)], dim=2))
        second.copy_(torch.cat([out, -out, out.new_zeros(len(out), spare, out.shape[2])], dim=1))
        for bias in stack.biases:
            bias.zero_()
