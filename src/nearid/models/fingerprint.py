"""A digest of everything that determines a training: equal digests, equal runs."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

from nearid.optional import require

__all__ = ["fingerprint"]

#: Raise by one when the training itself changes what it computes.
VERSION = 1


def fingerprint(
    model: Any, data: Any, settings: Any, *, loss: Callable[..., Any], device: str
) -> str:
    """Return the digest of a training that has not begun.

    Hashed are the initial weights, the layers as printed, the source of the model's classes that
    are not torch's, the loss with what it closes over, the data, the settings, the kind of device
    and the version of torch, and of transformers where a class comes from there.

    Parameters
    ----------
    model : torch.nn.Module
    data : tensor
    settings : dataclass
    loss : callable
    device : str

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    torch = require("torch", extra="torch")
    classes = {kind for part in model.modules() for kind in type(part).__mro__}
    words = {
        "version": VERSION,
        "torch": torch.__version__.partition("+")[0],
        "device": device,
        "settings": _given(settings),
        "model": repr(model),
        "classes": sorted(_methods(kind) for kind in classes if not _is_known(kind)),
        "loss": code(loss),
    }
    if any(_origin(kind) == "transformers" for kind in classes):
        words["transformers"] = require("transformers", extra="hf").__version__
    digest = hashlib.sha256(json.dumps(words, sort_keys=True).encode())
    for name, tensor in [*sorted(model.state_dict().items()), ("data", data)]:
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _given(settings: Any) -> dict[str, Any]:
    """Return what is set, so that a new option at its default leaves older digests valid."""
    values = {
        field.name: (getattr(settings, field.name), field.default) for field in fields(settings)
    }
    return {name: value for name, (value, default) in values.items() if value != default}


def _is_known(kind: type) -> bool:
    """Tell whether a class comes with Python, or with a library whose version is hashed."""
    return _origin(kind) in ("torch", "transformers", "builtins", "typing")


def _origin(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _methods(kind: type) -> str:
    # method by method: the source of a class made in a function cannot always be found
    functions = [value for _, value in sorted(vars(kind).items()) if inspect.isfunction(value)]
    return "\n".join([kind.__name__, *map(code, functions)])


def code(thing: Any) -> str:
    """Return the text that determines what a callable or class does, as far as it can be seen.

    Examples
    --------
    >>> code(partial(max, 3))
    'partial(builtins.max, 3)'
    """
    if isinstance(thing, partial):
        given = [*map(repr, thing.args), *(f"{k}={v!r}" for k, v in thing.keywords.items())]
        return f"partial({', '.join([code(thing.func), *given])})"
    try:
        text = inspect.getsource(thing)
    except (OSError, TypeError):  # built in, or typed at a prompt
        text = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', repr(thing))}"
    held = [cell.cell_contents for cell in getattr(thing, "__closure__", None) or ()]
    return "\n".join([text, *map(_text, held)])


def _text(value: Any) -> str:
    """Return a value as text without addresses or module paths, which differ between processes."""
    if isinstance(value, type):
        return value.__qualname__
    return code(value) if inspect.isroutine(value) or isinstance(value, partial) else repr(value)
