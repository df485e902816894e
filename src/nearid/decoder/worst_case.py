"""The bi-Lipschitz constant that a decoder's weights allow at worst, whatever the latents are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from nearid.decoder.function import evaluation_mode
from nearid.decoder.operators import ISOMETRY, Bounds, activation_bounds, module_bounds, slopes
from nearid.errors import InputError
from nearid.optional import require

__all__ = ["WorstCase", "worst_case"]

#: Functions and methods that only move numbers about.
RESHAPES = frozenset(
    [
        "flatten",
        "reshape",
        "view",
        "unflatten",
        "permute",
        "transpose",
        "contiguous",
        "squeeze",
        "unsqueeze",
    ]
)


@dataclass(frozen=True)
class WorstCase:
    """Bounds of all singular values of a decoder's Jacobian, at every point at once.

    Parameters
    ----------
    upper, lower : float
        ``lower ≤ σ_min(z) ≤ σ_max(z) ≤ upper`` for every z; ``lower`` is 0 where some layer need
        not be injective.
    layers : mapping of str to (float, float)
        Upper and lower bound of each layer.

    See Also
    --------
    worst_case : computes it.
    """

    upper: float
    lower: float
    layers: Mapping[str, tuple[float, float]]

    @property
    def constant(self) -> float:
        """``1 + L`` at worst: ``max(upper, 1/lower)``; infinite where nothing is known below."""
        return max(self.upper, 1 / self.lower if self.lower > 0 else math.inf)

    @property
    def constant_scale_free(self) -> float:
        """``√(upper / lower)``: the same after the best global scale."""
        return math.sqrt(self.upper / self.lower) if self.lower > 0 else math.inf

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON (infinity becomes None)."""
        constants = {"constant": self.constant, "constant_scale_free": self.constant_scale_free}
        return {
            "upper": self.upper,
            "lower": self.lower,
            **{name: v if math.isfinite(v) else None for name, v in constants.items()},
            "layers": {name: list(bounds) for name, bounds in self.layers.items()},
        }

    def summary(self) -> str:
        """Return the bounds as text for a terminal."""
        lines = [
            f"every singular value lies in [{self.lower:.4g}, {self.upper:.4g}]: "
            f"1 + L ≤ {self.constant:.4g}, scale-free {self.constant_scale_free:.4g}"
        ]
        lines += [
            f"  {name:30} [{low:.4g}, {high:.4g}]" for name, (high, low) in self.layers.items()
        ]
        return "\n".join(lines)


def worst_case(decoder: Any, *, n_latents: int) -> WorstCase:
    """Bound the singular values of a decoder's Jacobian by its weights alone.

    The product of the layers' largest (smallest) singular values and of the activations' steepest
    (flattest) slopes; K leaky rectifiers of slope α thus contribute at most ``1/α^K``. For a
    residual ``x + f(x)``: ``1 + U`` above and ``max(0, 1 − U)`` below, U the bound of f. The norm
    of a convolution is that of the operator itself, on the size of image that it really sees.

    Parameters
    ----------
    decoder : torch.nn.Module
        Of Linear, Conv, ConvTranspose, BatchNorm, AvgPool and Upsample layers, elementwise
        activations, reshapes, sums and multiples, in any ``forward`` that ``torch.fx`` can trace.
    n_latents : int
        Width D of the latents.

    Returns
    -------
    WorstCase

    Raises
    ------
    InputError
        If the decoder cannot be traced, or holds an operation whose bounds are not known.
    MissingExtraError
        If torch is not installed.

    Examples
    --------
    >>> import torch
    >>> layer = torch.nn.Linear(1, 1)
    >>> _ = torch.nn.init.constant_(layer.weight, 2.0)
    >>> found = worst_case(torch.nn.Sequential(layer, torch.nn.LeakyReLU(0.5)), n_latents=1)
    >>> found.upper, found.lower, found.constant
    (2.0, 1.0, 2.0)
    """
    torch = require("torch", extra="torch")
    if not isinstance(decoder, torch.nn.Module):
        raise InputError(f"the decoder must be a torch module; got {type(decoder).__name__}")
    with evaluation_mode(decoder), torch.no_grad():
        graph = _traced(torch, decoder, n_latents)
        walk = _Walk(graph)
        upper, lower = walk.bounds(graph.output, graph.input)
    return WorstCase(upper, lower, {name: (*held,) for name, held in walk.layers.items()})


@dataclass(frozen=True, eq=False)
class _Graph:
    """A decoder as the operations that it is made of, with the shape of what each gives."""

    input: Any
    output: Any
    modules: Mapping[str, Any]
    shapes: Mapping[Any, tuple[int, ...]]


def _traced(torch: Any, decoder: Any, n_latents: int) -> _Graph:
    tensor = next(decoder.parameters(), torch.zeros(0))
    example = torch.zeros((1, n_latents), dtype=tensor.dtype, device=tensor.device)
    shapes: dict[Any, tuple[int, ...]] = {}

    class Recorder(torch.fx.Interpreter):  # type: ignore[misc]
        def run_node(self, node: Any) -> Any:
            value = super().run_node(node)
            if hasattr(value, "shape"):  # sizes and the like are constants of the graph
                shapes[node] = tuple(value.shape[1:])
            return value

    try:
        # traced as a part, so that a decoder of one layer is a layer as well
        traced = torch.fx.symbolic_trace(torch.nn.Sequential(decoder))
        Recorder(traced).run(example)
    except Exception as error:  # the tracer raises whatever the decoder's own code does
        raise InputError(
            f"the decoder's operations on latents of width {n_latents} cannot be followed "
            f"({str(error).partition(chr(10))[0]}); use bilipschitz, which needs no weights"
        ) from error
    nodes = list(traced.graph.nodes)
    return _Graph(nodes[0], nodes[-1].args[0], dict(traced.named_modules()), shapes)


class _Walk:
    """Bounds of any value in the graph, as a function of any value that it descends from."""

    def __init__(self, graph: _Graph) -> None:
        self.graph = graph
        self.layers: dict[str, Bounds] = {}
        self.known: dict[tuple[Any, Any], Bounds] = {}
        self.ancestors: dict[Any, set[Any]] = {}

    def bounds(self, node: Any, origin: Any) -> Bounds:
        """Return the bounds of the Jacobian of a node's value in that of the origin."""
        if node is origin:
            return ISOMETRY
        if (node, origin) not in self.known:
            self.known[node, origin] = self._bounds(node, origin)
        return self.known[node, origin]

    def _bounds(self, node: Any, origin: Any) -> Bounds:
        tensors = [n for n in node.all_input_nodes if n in self.graph.shapes]
        sources = [n for n in tensors if origin in self._line(n)]
        name = getattr(node.target, "__name__", str(node.target)).strip("_")
        if name in ("add", "iadd") and len(sources) == 2 and not node.kwargs:
            return self._sum(sources[0], sources[1], origin)
        if len(sources) == 1 and len(tensors) == 1:
            return self.bounds(sources[0], origin).then(self._single(node, name, sources[0]))
        raise self._unknown(node)

    def _sum(self, a: Any, b: Any, origin: Any) -> Bounds:
        for skip, branch in ((a, b), (b, a)):
            if skip in self._line(branch):
                return self.bounds(skip, origin).then(self.bounds(branch, skip).plus_identity())
        first, second = self.bounds(a, origin), self.bounds(b, origin)
        lower = max(0.0, first.lower - second.upper, second.lower - first.upper)
        return Bounds(first.upper + second.upper, lower)

    def _single(self, node: Any, name: str, source: Any) -> Bounds:
        found = None
        if node.op == "call_module":
            found = module_bounds(self.graph.modules[node.target], self.graph.shapes[source])
            name = str(node.target)
        elif name in RESHAPES or name == "dropout":
            found = ISOMETRY
        elif name in ("mul", "truediv", "add", "iadd", "sub"):
            found = _arithmetic(node, name)
        else:
            found = _functional(node, name)
        if found is None:
            raise self._unknown(node)
        self.layers[str(node.name) if node.op != "call_module" else name] = found
        return found

    def _line(self, node: Any) -> set[Any]:
        """Return a node and everything that it descends from."""
        if node not in self.ancestors:
            parents = (self._line(parent) for parent in node.all_input_nodes)
            self.ancestors[node] = reduce(set.union, parents, {node})
        return self.ancestors[node]

    def _unknown(self, node: Any) -> InputError:
        what = self.graph.modules.get(str(node.target), node.target)
        return InputError(
            f"no bounds are known for {what!s:.80} ({node.name}); use bilipschitz, which measures "
            f"the Jacobian at the latents"
        )


def _arithmetic(node: Any, name: str) -> Bounds | None:
    numbers = [value for value in node.args if isinstance(value, int | float)]
    if len(numbers) != 1 or node.kwargs:
        return None
    if name in ("mul", "truediv"):
        if name == "truediv" and node.args[0] is numbers[0]:
            return None
        factor = abs(numbers[0] if name == "mul" else 1 / numbers[0])
        return Bounds(float(factor), float(factor))
    return ISOMETRY


def _functional(node: Any, name: str) -> Bounds | None:
    if name == "leaky_relu":
        given = node.kwargs.get("negative_slope", node.args[1] if len(node.args) > 1 else 0.01)
        return slopes(float(given))
    torch = require("torch", extra="torch")
    known = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid", "gelu": "GELU", "silu": "SiLU"}
    return activation_bounds(getattr(torch.nn, known[name])()) if name in known else None
