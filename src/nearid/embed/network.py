"""Layers of a torch module, read by forward hooks; the module is left exactly as it was."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nearid.decoder.function import evaluation_mode
from nearid.embed.inputs import Batch
from nearid.embed.layers import matching, usable
from nearid.embed.mae import nothing_masked
from nearid.embed.pooling import Pooled, pooled, why_not
from nearid.embed.sources import Session
from nearid.errors import InputError
from nearid.optional import require

__all__ = ["Network", "layer_names", "reading"]

#: How the whole model is called among its layers, which have the names of its modules.
WHOLE = "output"

#: Share of the largest number by which a device other than a CPU may differ from itself: some of
#: its sums are taken in whatever order their parts are done.
ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class Network:
    """A torch module as a source of layers.

    Parameters
    ----------
    module : torch.nn.Module
    about : mapping of str to object
        What else is known of it: where it came from.
    drawn : sequence of str
        Names of weights that no file gave, and that are NaN for that reason.
    notices : sequence of str
        What was noticed when it was loaded.
    """

    module: Any
    about: Mapping[str, Any] = field(default_factory=dict)
    drawn: Sequence[str] = ()
    notices: Sequence[str] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """What it is: its class, and a digest of its weights and of its layers as printed."""
        torch = require("torch", extra="torch")
        kind = type(self.module)
        return {
            "kind": "torch",
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "fingerprint": _weights(self.module),
            "torch": torch.__version__.partition("+")[0],
            **self.about,
        }

    @property
    def context(self) -> int | None:
        """The most tokens that it takes, where its configuration says so."""
        config = getattr(self.module, "config", None)
        positions = getattr(config, "max_position_embeddings", None)
        return positions if isinstance(positions, int) and positions > 0 else None

    @contextmanager
    def session(
        self, layers: str | Sequence[str], trial: Callable[[int], Batch], *, pool: str, device: Any
    ) -> Iterator[Session]:
        """Have the module ready: in evaluation mode, on the device, nothing masked at random."""
        torch = require("torch", extra="torch")
        with ExitStack() as stack:
            place = stack.enter_context(_placed(self.module, device))
            stack.enter_context(evaluation_mode(self.module))
            stack.enter_context(_own_randomness(torch, place))
            said = stack.enter_context(nothing_masked(self.module))
            stack.enter_context(torch.no_grad())
            call = _caller(torch, self.module, place)
            first = trial(2)  # of one, any first axis would look like the batch
            names, left_out = self._chosen(layers, first, pool, call)
            known = layer_names(self.module)
            run = stack.enter_context(reading({name: known[name] for name in names}, pool, call))
            _check_repeats(run, first, share=0.0 if place.type == "cpu" else ROUNDING)
            yield Session(names, run, [*self.notices, *said, *left_out])

    def _chosen(
        self, layers: str | Sequence[str], trial: Batch, pool: str, call: Callable[[Batch], Any]
    ) -> tuple[list[str], list[str]]:
        """Return the layers that a trial shows to be readable, and what to say of the others."""
        known = layer_names(self.module)
        names, one_by_one = matching(layers, list(known))
        calls, last = _observed({name: known[name] for name in names}, trial, call)
        if not one_by_one:  # in the order in which they return, which is that of the depth
            names = [*last, *(name for name in names if name not in last)]
        faults = {
            name: _fault(calls[name], last.get(name), trial, pool) or self._untrained(last[name])
            for name in names
        }
        return usable(faults, one_by_one=one_by_one)

    def _untrained(self, returned: _Returned) -> str:
        """Say so if a layer rests on weights that no file gave: they are NaN, and so is it."""
        if not (self.drawn and returned.nan):
            return ""
        return f"rests on weights that are in no file ({self.drawn[0]})"


def layer_names(module: Any) -> dict[str, Any]:
    """Return a module and its parts by name, in the order of definition, the whole of it last.

    Examples
    --------
    >>> import torch
    >>> list(layer_names(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh())))
    ['0', '1', 'output']
    """
    parts = {name: part for name, part in module.named_modules() if name}
    whole = WHOLE
    while whole in parts:  # a part may have that name itself
        whole += "_"
    return {**parts, whole: module}


@contextmanager
def reading(
    modules: Mapping[str, Any], pool: str, call: Callable[[Batch], Any]
) -> Iterator[Callable[[Batch], dict[str, Pooled]]]:
    """Yield a function that runs a batch and returns rows of the layers; the hooks go with it.

    A layer is pooled when it returns, so that no more than one whole activation is held, and what
    later layers write into its memory does not show.
    """
    caught: dict[str, Pooled] = {}
    mask = None

    def catch(name: str) -> Callable[..., None]:
        def hook(_module: Any, _arguments: Any, returned: Any) -> None:
            if name in caught:
                raise InputError(f"the layer {name!r} cannot be read: it runs several times")
            caught[name] = pooled(first_tensor(returned), pool, mask=mask)

        return hook

    def run(batch: Batch) -> dict[str, Pooled]:
        nonlocal mask
        mask = batch.mask
        caught.clear()
        call(batch)
        missing = [name for name in modules if name not in caught]
        if missing:
            raise InputError(f"the layer {missing[0]!r} was not called for every batch")
        rows = {name: Pooled(_array(caught[name].values), caught[name].kept) for name in modules}
        caught.clear()
        return rows

    with _hooked({name: (part, catch(name)) for name, part in modules.items()}):
        yield run


def first_tensor(returned: Any) -> Any:
    """Return what a layer returned, or the first of it if that is a tuple or mapping, or None."""
    if isinstance(returned, Mapping):
        returned = tuple(returned.values())
    if isinstance(returned, tuple | list):
        returned = returned[0] if returned else None
    return returned if hasattr(returned, "is_floating_point") else None


@contextmanager
def _hooked(hooks: Mapping[str, tuple[Any, Callable[..., None]]]) -> Iterator[None]:
    with ExitStack() as stack:
        for part, hook in hooks.values():
            stack.callback(part.register_forward_hook(hook).remove)
        yield


@dataclass(frozen=True)
class _Returned:
    """What a layer returned: its shape, its type of number, and whether any of them is NaN."""

    shape: tuple[int, ...]
    kind: Any
    nan: bool


def _observed(
    modules: Mapping[str, Any], trial: Batch, call: Callable[[Batch], Any]
) -> tuple[Counter[str], dict[str, _Returned]]:
    """Return how often each layer runs, and what it returns."""
    calls: Counter[str] = Counter()
    last: dict[str, _Returned] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(_module: Any, _arguments: Any, returned: Any) -> None:
            calls[name] += 1
            tensor = first_tensor(returned)
            if tensor is not None:
                nan = tensor.is_floating_point() and bool(tensor.isnan().any())
                last[name] = _Returned(tuple(tensor.shape), tensor.dtype, nan)

        return hook

    with _hooked({name: (part, watch(name)) for name, part in modules.items()}):
        call(trial)
    return calls, last


def _fault(calls: int, returned: _Returned | None, trial: Batch, pool: str) -> str:
    """Say what keeps a layer from being read, or nothing."""
    if calls == 0:
        return "was not called"
    if calls > 1:
        return f"runs {calls} times in one call, and which of them is meant is not known"
    if returned is None:
        return "returns no tensor"
    if not returned.kind.is_floating_point:
        return f"returns {str(returned.kind).removeprefix('torch.')}, expected floating numbers"
    return why_not(returned.shape, pool, n=trial.size, mask=trial.mask)


def _check_repeats(
    run: Callable[[Batch], dict[str, Pooled]], trial: Batch, *, share: float
) -> None:
    """Refuse a model that answers the same inputs differently: no row could be made again."""
    first, again = run(trial), run(trial)
    for name, rows in first.items():
        values, others = (rows.values.astype("float64"), again[name].values.astype("float64"))
        bound = share * np.abs(values, where=np.isfinite(values), out=np.zeros_like(values)).max()
        if not np.allclose(values, others, rtol=0, atol=bound, equal_nan=True):
            raise InputError(
                f"the layer {name!r} returned different numbers for the same inputs, in evaluation "
                f"mode: the model draws random numbers (a random mask, noise, sampling); switch "
                f"that off"
            )


def _caller(torch: Any, module: Any, place: Any) -> Callable[[Batch], Any]:
    """Return what calls the module with a batch, in the module's own type of number."""
    floating = next((p.dtype for p in module.parameters() if p.is_floating_point()), None)

    def tensor(array: Any) -> Any:
        held = torch.from_numpy(array)
        if held.is_floating_point():
            return held.to(place, floating or held.dtype)
        return held.to(place, torch.int64)

    def call(batch: Batch) -> Any:
        named = {name: tensor(array) for name, array in batch.named.items()}
        given = [] if batch.array is None else [tensor(batch.array)]
        try:
            return module(*given, **named)
        except InputError:
            raise
        except Exception as error:  # the model's own code raises whatever it does
            shapes = [f"{tuple(t.shape)} {t.dtype}" for t in [*given, *named.values()]]
            raise InputError(
                f"the model refused a batch of shape {', '.join(shapes)}: "
                f"{' '.join(str(error).split())[:300] or type(error).__name__}"
            ) from error

    return call


def _array(tensor: Any) -> Any:
    """Return a tensor as an array; NumPy lacks bfloat16, which float32 holds without loss."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


@contextmanager
def _placed(module: Any, device: Any) -> Iterator[Any]:
    """Yield the device that the module is on, moved there if need be, and back afterwards."""
    torch = require("torch", extra="torch")
    homes = {t.device for t in [*module.parameters(), *module.buffers()]}
    home = next(iter(homes)) if homes else torch.device("cpu")
    if len(homes) > 1 and device is not None:
        raise InputError(f"the model is spread over {len(homes)} devices: leave out device")
    if device is None:
        yield home
        return
    try:
        place = torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, ValueError) as error:
        raise InputError(f"there is no device {device!r}: {str(error).splitlines()[0]}") from None
    try:
        module.to(place)
        yield place
    finally:
        module.to(home)


@contextmanager
def _own_randomness(torch: Any, place: Any) -> Iterator[None]:
    """Leave the global state of random numbers as it was found."""
    devices = [place] if place.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield


def _weights(module: Any) -> str:
    torch = require("torch", extra="torch")
    digest = hashlib.sha256(repr(module).encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
