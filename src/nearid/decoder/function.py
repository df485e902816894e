"""A decoder as a pure function of its latents, with the decoder itself left exactly as it was."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.optional import require

__all__ = [
    "Function",
    "as_latents",
    "as_token_latents",
    "decoder_function",
    "evaluation_mode",
    "load_forward_mode",
    "map_latents",
]

#: Numbers that the derivatives of one batch may hold at its widest place.  On a CPU they should
#: stay near the cache (eight times as many take six times the memory and no less time); a device
#: wants work enough for all its units.
BATCH_NUMBERS = 2**19
DEVICE_BATCH_NUMBERS = 2**26

#: Share of the output's size by which a latent's output may depend on its neighbours in a batch;
#: other batch sizes change the order of sums, and no more than this in any type.
ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class Function:
    """What a decoder computes, as ``(n, …) → (n, outputs)`` of tensors.

    Parameters
    ----------
    call : callable
    device, dtype : torch.device, torch.dtype
        Where, and in which type of number, it computes.
    width : int
        The most numbers that it holds at once for one latent.
    """

    call: Callable[[Any], Any]
    device: Any
    dtype: Any
    width: int = 1

    @property
    def capacity(self) -> int:
        """How many columns of derivatives of this decoder a batch may hold."""
        numbers = BATCH_NUMBERS if self.device.type == "cpu" else DEVICE_BATCH_NUMBERS
        return max(1, numbers // self.width)


def as_latents(latents: Any) -> Any:
    """Return latents as a floating, finite tensor, shape (n, D).

    Raises
    ------
    InputError
        If they have another shape, are no floating numbers, or not finite.
    """
    tensor = _floating(latents)
    if tensor.ndim == 3:
        raise InputError(
            f"these latents are sequences of tokens, shape {tuple(tensor.shape)}: say of which "
            f"tokens, e.g. tokens=slice(1, None), or slice(None) for all"
        )
    return _checked(tensor, 2, "(n, D)", "flatten each latent, and unflatten it in the decoder")


def as_token_latents(latents: Any, tokens: slice) -> tuple[Any, range]:
    """Return latents of shape (n, tokens, D), and the positions that a slice names.

    Raises
    ------
    InputError
        As in :func:`as_latents`, or if the slice is empty.
    """
    tensor = _floating(latents)
    tensor = _checked(tensor, 3, "(n, tokens, D)", "leave out tokens= for latents of shape (n, D)")
    positions = range(tensor.shape[1])[tokens]
    if not positions:
        raise InputError(f"{tokens} names none of the {tensor.shape[1]} tokens")
    return tensor, positions


def _floating(latents: Any) -> Any:
    torch = require("torch", extra="torch")
    if not hasattr(latents, "detach"):
        latents = np.asarray(latents)
        if latents.dtype.kind not in "fiub":
            raise InputError(f"latents are numbers; got an array of {latents.dtype}")
        latents = torch.from_numpy(np.array(latents))
    tensor = latents.detach()
    if not tensor.dtype.is_floating_point:
        raise InputError(
            f"latents must be floating numbers, since the decoder is differentiated in them; got "
            f"{tensor.dtype}: convert them, or give the embeddings if these are token numbers"
        )
    # half precision has too few digits for the smallest singular values
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _checked(tensor: Any, ndim: int, shape: str, advice: str) -> Any:
    if tensor.ndim != ndim:
        raise InputError(
            f"latents must have the shape {shape}; got {tuple(tensor.shape)}: {advice}"
        )
    if not tensor.numel():
        raise InputError(f"there are no latents: got the shape {tuple(tensor.shape)}")
    finite = tensor.isfinite()
    if not finite.all():
        where = (~finite).nonzero()[0].tolist()
        raise InputError(
            f"the latents hold {int((~finite).sum())} NaN or infinite values, the first at {where};"
            f" drop those latents"
        )
    return tensor


@contextmanager
def decoder_function(
    decoder: Any, example: Any, *, device: Any = None, output: str | int | None = None
) -> Iterator[Function]:
    """Yield what a decoder computes in evaluation mode, in the type of number of the latents.

    A module is called with copies of its weights where type or device differ, and with the weights
    themselves, detached, where not: the module keeps its weights, gradients, device and mode.

    Parameters
    ----------
    decoder : torch.nn.Module or callable
        Takes a batch of latents. What it returns may be a tensor, or a mapping (such as a
        ModelOutput of Hugging Face) or tuple, of which the first entry is taken.
    example : tensor
        A few latents, for a trial.
    device : str or torch.device, optional
        By default that of the module's weights, or of the latents.
    output : str or int, optional
        Another entry of the mapping or tuple.

    Yields
    ------
    Function

    Raises
    ------
    InputError
        If the decoder cannot be called, refuses the latents, returns no floating tensor with a row
        per latent, or returns for one latent what depends on the others in the batch.
    """
    torch = require("torch", extra="torch")
    load_forward_mode()
    if not callable(decoder):
        raise InputError(
            f"the decoder must be a torch module or another callable that maps latents to outputs; "
            f"got {type(decoder).__name__}"
        )
    is_module = isinstance(decoder, torch.nn.Module)
    device = torch.device(device or (_device(decoder) if is_module else None) or example.device)
    example = example.to(device)
    with evaluation_mode(decoder if is_module else None), _differentiable_attention(torch):
        raw = _functional(torch, decoder, device, example.dtype) if is_module else decoder

        def call(z: Any) -> Any:
            return _rows_of(select(raw(z), output), len(z))

        width = _trial(torch, call, decoder if is_module else None, example)
        yield Function(call, device, example.dtype, width)


@lru_cache(maxsize=1)
def load_forward_mode() -> None:
    """Have torch load its forward mode now, which warns of what torch itself has deprecated."""
    torch = require("torch", extra="torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.func.jvp(torch.sin, (torch.zeros(1),), (torch.ones(1),))


def select(value: Any, output: str | int | None) -> Any:
    """Return the tensor among what a decoder returned.

    Examples
    --------
    >>> import torch
    >>> select((torch.zeros(1), torch.ones(1)), 1)
    tensor([1.])
    """
    entries: Any = value
    if isinstance(value, Mapping):
        entries = value if isinstance(output, str) else [*value.values()]
    if isinstance(value, Mapping | tuple | list):
        try:
            value = entries[0 if output is None else output]
        except (LookupError, TypeError):
            known = list(value) if isinstance(value, Mapping) else f"{len(value)} entries"
            raise InputError(
                f"the decoder returns {known}; output={output!r} is none of them"
            ) from None
    if not hasattr(value, "dtype") or not hasattr(value, "detach"):
        raise InputError(
            f"the decoder must return a tensor, or a mapping or tuple of tensors; got "
            f"{type(value).__name__}"
        )
    if not value.dtype.is_floating_point:
        raise InputError(
            f"the decoder's output has the type {value.dtype}, which has no derivative; return "
            f"floating numbers (logits rather than classes), or name another entry with output="
        )
    return value


def _rows_of(value: Any, n: int) -> Any:
    if value.ndim < 1 or len(value) != n:
        raise InputError(
            f"the decoder must return a row per latent: for {n} latents it returned the shape "
            f"{tuple(value.shape)}"
        )
    return value.reshape(n, -1)


def _device(module: Any) -> Any:
    tensors = [*module.parameters(), *module.buffers()]
    return tensors[0].device if tensors else None


def _functional(torch: Any, module: Any, device: Any, dtype: Any) -> Callable[[Any], Any]:
    named = [*module.named_parameters(), *module.named_buffers()]
    state = {
        name: tensor.detach().to(device, dtype if tensor.is_floating_point() else None)
        for name, tensor in named
    }
    return lambda z: torch.func.functional_call(module, state, (z,))


@contextmanager
def evaluation_mode(module: Any) -> Iterator[None]:
    """Put a module into evaluation mode, and each of its parts back into its own mode after."""
    modes = [(part, part.training) for part in module.modules()] if module is not None else []
    try:
        if module is not None:
            module.eval()
        yield
    finally:
        for part, training in modes:
            part.training = training  # .train() would overwrite those of the parts


@contextmanager
def _differentiable_attention(torch: Any) -> Iterator[None]:
    """Use the attention that has forward derivatives: the fused kernels lack them."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _trial(torch: Any, call: Callable[[Any], Any], module: Any, example: Any) -> int:
    """Run the decoder once, and return the most numbers that it holds at once for a latent."""
    widths = [example[0].numel()]

    def note(_module: Any, _inputs: Any, value: Any) -> None:
        if hasattr(value, "numel"):
            widths.append(value.numel() // len(example))

    hooks = [part.register_forward_hook(note) for part in module.modules()] if module else []
    try:
        with torch.no_grad():
            together, alone = call(example), call(example[:1])
    except InputError:
        raise
    except Exception as error:  # the decoder's own code raises whatever it does
        raise InputError(
            f"the decoder refused latents of shape {tuple(example.shape)} and type "
            f"{example.dtype}: {_first_line(error)}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    difference = (together[:1] - alone).abs().max() if alone.numel() else torch.zeros(())
    if not difference <= ROUNDING * alone.abs().max().clamp_min(torch.finfo(alone.dtype).tiny):
        raise InputError(
            "the decoder's output for one latent depends on the others in the batch, on chance, or "
            "is not finite: its Jacobian at that latent is not defined"
        )
    return int(max(*widths, alone.numel()))


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0]


def map_latents(
    kernel: Callable[[Callable[[Any], Any], Any], NDArray[np.float64]],
    function: Function,
    latents: Any,
    *,
    positions: range | None,
    batch_size: int | None,
    columns: int,
) -> NDArray[np.float64]:
    """Apply ``kernel(function of z, z)`` to batches of latents, and stack its rows.

    With ``positions``, to each of those tokens by itself, the others held at their values; rows
    are then ordered by latent, and by token within.

    Parameters
    ----------
    kernel : callable
        Gets a function of a batch (b, D) and that batch; returns b rows.
    function : Function
    latents : tensor, shape (n, D) or (n, tokens, D)
    positions : range, optional
        Tokens, if the latents have any.
    batch_size : int, optional
        Latents at a time; by default as many as the capacity allows.
    columns : int
        Derivatives that the kernel holds at a time for each latent.

    Raises
    ------
    InputError
        If the decoder has no forward derivative.
    """
    if batch_size is not None and batch_size < 1:
        raise InputError(f"batch_size is a number of latents, from 1; got {batch_size!r}")
    step = batch_size or max(1, function.capacity // columns)
    results = []
    for batch in latents.split(step):
        batch = batch.to(function.device)
        if positions is None:
            results.append(_derive(kernel, function.call, batch))
            continue
        rows = [
            _derive(kernel, _token_function(function.call, batch, token), batch[:, token])
            for token in positions
        ]
        results.append(np.concatenate(np.stack(rows, axis=1)))
    return np.concatenate(results)


def _derive(
    kernel: Callable[[Callable[[Any], Any], Any], NDArray[np.float64]],
    call: Callable[[Any], Any],
    batch: Any,
) -> NDArray[np.float64]:
    try:
        return kernel(call, batch)
    except (RuntimeError, NotImplementedError) as error:
        raise InputError(f"the decoder cannot be differentiated: {_first_line(error)}") from error


def _token_function(call: Callable[[Any], Any], batch: Any, token: int) -> Callable[[Any], Any]:
    def function(z: Any) -> Any:
        parts = [batch[:, :token], z[:, None], batch[:, token + 1 :]]
        return call(require("torch", extra="torch").cat(parts, dim=1))

    return function
