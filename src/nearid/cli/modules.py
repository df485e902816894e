"""Bringing a torch module that a user's own code makes, and its weights, onto the command line."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nearid.errors import InputError
from nearid.io.location import listing
from nearid.optional import require

__all__ = ["check_device", "load_weights", "made_by", "part_of", "split_factory"]

#: How many names of weights an error lists.
SHOWN = 3


def split_factory(text: str) -> tuple[str, str]:
    """Split ``package.module:callable`` into both.

    Raises
    ------
    InputError
        If it is not of that form.

    Examples
    --------
    >>> split_factory("nets.conv:Decoder.small")
    ('nets.conv', 'Decoder.small')
    """
    module, _, name = text.partition(":")
    words = [*module.split("."), *name.split(".")]
    if not all(word.isidentifier() for word in words) or module.endswith(".py"):
        path = module.removesuffix(".py").replace("/", ".").strip(".")
        raise InputError(
            f"expected MODULE:FACTORY, such as nets.conv:decoder; got {text!r}"
            + (f": write {path}:{name}" if path != module and name else "")
        )
    return module, name


def made_by(text: str) -> Any:
    """Import a factory, which runs the user's code, and return the torch module that it makes.

    Parameters
    ----------
    text : str
        ``package.module:callable``, found from the working directory or among what is installed.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    InputError
        If there is no such factory, its code fails, or what it returns is no module.
    """
    torch = require("torch", extra="torch")
    module, name = split_factory(text)
    with _working_directory():
        factory = _attribute(_run(f"importing {module}", _import, module), module, name)
        if not callable(factory):
            raise InputError(f"{text} is no factory: {type(factory).__name__} cannot be called")
        made = _run(f"calling {text}()", factory)
    if not isinstance(made, torch.nn.Module):
        raise InputError(f"{text}() must return a torch.nn.Module; got {type(made).__name__}")
    return made


@contextmanager
def _working_directory() -> Iterator[None]:
    """Find modules in the working directory first, as ``python -m`` does."""
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # what is missing may as well be something that the module itself imports
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise InputError(
            f"there is no module {error.name!r}, neither in {os.getcwd()} nor among what is "
            f"installed: run nearid where `python -m {module}` would find it"
        ) from error


def _run(doing: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the user's code; whatever it raises, even its exit, is a clear line and not ours."""
    try:
        return function(*arguments)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{doing} failed: {type(error).__name__}: {error}") from error


def _attribute(module: Any, path: str, name: str) -> Any:
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [key for key, value in vars(module).items() if _is_own(key, value, path)]
            raise InputError(f"{path} has no {name!r}; it defines {listing(known, SHOWN)}")
        found = getattr(found, part)
    return found


def _is_own(name: str, value: Any, module: str) -> bool:
    return (
        callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module
    )


def check_device(name: str) -> None:
    """Raise InputError unless torch can compute on the device of that name."""
    torch = require("torch", extra="torch")
    try:
        torch.ones(1, device=name).item()
    # an unknown name, a library built without that device, a driver that is not there, meta
    except (RuntimeError, AssertionError, ImportError, NotImplementedError) as error:
        first = str(error).partition("\n")[0].partition(": ")[0]
        raise InputError(
            f"torch cannot compute on the device {name!r} ({first}): name another, such as cpu or "
            f"cuda:0"
        ) from error


def load_weights(module: Any, path: Path) -> list[str]:
    """Load a ``.safetensors`` file into a module, every tensor of both, and say what was rounded.

    Parameters
    ----------
    module : torch.nn.Module
        Is changed.
    path : Path

    Returns
    -------
    list of str
        Notes.

    Raises
    ------
    InputError
        If the file cannot be read, lacks weights, or has others, or of other shapes.
    """
    torch = require("torch", extra="torch")
    from nearid.io import read_safetensors

    if path.suffix.lower() != ".safetensors":
        raise InputError(
            f"{path}: expected weights as .safetensors, for no pickle is read; write them with "
            f"nearid.io.write_safetensors(path, module.state_dict())"
        )
    tensors, _ = read_safetensors(path)
    wanted = module.state_dict()
    _check_names(wanted, tensors, path)
    _check_shapes(wanted, tensors, path)
    # copies: the file is mapped read-only, and its numbers need not be of the machine's order
    held = {
        name: torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=True))
        for name, array in tensors.items()
    }
    _run(f"loading {path}", module.load_state_dict, held)
    return _rounded(wanted, held, path)


def _check_names(wanted: Mapping[str, Any], found: Mapping[str, Any], path: Path) -> None:
    missing = [name for name in wanted if name not in found]
    unexpected = [name for name in found if name not in wanted]
    faults = [
        f"{words.format(len(names))} ({listing(names, SHOWN)})"
        for words, names in (("lacks {}", missing), ("holds {} others", unexpected))
        if names
    ]
    if faults:
        raise InputError(
            f"{path} does not fit the module of {len(wanted)} weights: it {', and '.join(faults)}"
            f"{_prefix(wanted, found)}"
        )


def _prefix(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Recognise weights of a whole of which the module is a part, or the reverse."""
    part = _part_like(found, wanted)
    if part:
        return (
            f"; the file is of a whole whose part {part!r} this is: have the factory make the "
            f"whole, and name that part with --attribute"
        )
    part = _part_like(wanted, found)
    return f"; the file is of the part {part!r} alone: have the factory make that" if part else ""


def _part_like(whole: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """Return under which name a whole holds weights of the names and shapes of a part, or none."""
    shapes = {name: tuple(value.shape) for name, value in whole.items()}
    first = next(iter(part), "")
    for before in (name.removesuffix(f".{first}") for name in whole if name.endswith(f".{first}")):
        if all(shapes.get(f"{before}.{name}") == tuple(v.shape) for name, v in part.items()):
            return before
    return ""


def _check_shapes(wanted: Mapping[str, Any], found: Mapping[str, Any], path: Path) -> None:
    wrong = [
        f"{name} is {tuple(found[name].shape)}, expected {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if tuple(found[name].shape) != tuple(tensor.shape)
    ]
    if wrong:
        raise InputError(
            f"{path} holds {len(wrong)} of {len(wanted)} weights in another shape: "
            f"{listing(wrong, SHOWN)}; give the factory the settings of the training"
        )


def _rounded(wanted: Mapping[str, Any], held: Mapping[str, Any], path: Path) -> list[str]:
    torch = require("torch", extra="torch")
    pairs = {(held[name].dtype, tensor.dtype) for name, tensor in wanted.items()}
    return [
        f"{path}: {ours} weights were rounded to the module's {theirs}".replace("torch.", "")
        for ours, theirs in sorted(pairs, key=str)
        if torch.promote_types(ours, theirs) != theirs
    ]


def part_of(module: Any, path: str) -> Any:
    """Return the part of a module that a dotted path names.

    Raises
    ------
    InputError
        If there is none; says which parts there are.

    Examples
    --------
    >>> import torch
    >>> part_of(torch.nn.ModuleDict({"decoder": torch.nn.Tanh()}), "decoder")
    Tanh()
    """
    try:
        return module.get_submodule(path)
    except AttributeError:
        parts = [name for name, _ in module.named_modules() if name]
        shallow = sorted(parts, key=lambda name: name.count("."))
        raise InputError(
            f"{type(module).__name__} has no part {path!r}; it has {listing(shallow, SHOWN)}"
        ) from None
