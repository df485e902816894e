"""List the public API as text: names, signatures, and the options of the command line.

    python tools/list_api.py > tests/packaging/api.txt

Public is what the packages named here have in ``__all__``, and what these have that does not begin
with an underscore. The list is compared by a test; whoever changes it on purpose writes it anew,
and says in CHANGELOG.md what changed, as docs/policy.md asks.
"""

import inspect
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from typing import Any, get_type_hints

import typer

PACKAGES = (
    "nearid",
    "nearid.datasets",
    "nearid.deconfounding",
    "nearid.decoder",
    "nearid.embed",
    "nearid.groups",
    "nearid.ica",
    "nearid.identifiability",
    "nearid.io",
    "nearid.metrics",
    "nearid.models",
    "nearid.plots",
    "nearid.report",
)


def api() -> list[str]:
    """Return a line for each public name, package by package, then for each command."""
    lines: list[str] = []
    homes: dict[int, str] = {}
    for package in PACKAGES:
        module = import_module(package)
        for name in sorted(module.__all__):
            value = getattr(module, name)
            known = homes.setdefault(id(value), f"{package}.{name}")
            if known != f"{package}.{name}":
                lines.append(f"{package}.{name} is {known}")
            else:
                lines += described(known, value)
    return [*lines, *commands()]


def described(name: str, value: Any) -> Iterator[str]:
    """Yield the lines of one name: a class has one for each of its members."""
    if inspect.isclass(value):
        yield f"class {name}{signature(value)}"
        yield from members(name, value)
    elif inspect.isfunction(value):
        yield f"{name}{signature(value)}"
    else:
        keys = f" of {', '.join(map(str, value))}" if isinstance(value, dict | tuple) else ""
        yield f"{name}: {type(value).__name__}{keys}"


def members(name: str, cls: type) -> Iterator[str]:
    """Yield what a class has of its own: neither from another library, nor among its fields."""
    own = [base for base in cls.__mro__ if base.__module__.startswith("nearid")]
    names = {member for base in own for member in vars(base)}
    for member in sorted(names - set(getattr(cls, "__dataclass_fields__", ()))):
        # what scikit-learn adds to its estimators depends on its version
        if member.startswith("_") or member.endswith("_request"):
            continue
        value = inspect.getattr_static(cls, member)
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        if inspect.isfunction(value):
            yield f"  .{member}{signature(value)}"
        else:
            yield f"  .{member}"


def signature(value: Any) -> str:
    """Return names, kinds and defaults of the parameters, without types, which mypy checks."""
    try:
        found = inspect.signature(value)
    except ValueError:  # an exception's own
        return "(...)"
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in found.parameters.values()
    ]
    return str(inspect.Signature(parameters))


def commands() -> Iterator[str]:
    """Yield every command with its arguments and options, as they are typed."""
    from nearid.cli import app

    group: Any = typer.main.get_command(app)
    yield from (f"$ nearid {option}" for option in options(group))
    for name, command in sorted(group.commands.items()):
        yield f"$ nearid {name}"
        yield from (f"  {option}" for option in options(command))


def options(command: Any) -> Iterator[str]:
    """Yield the parameters of a command, and what they are if not given."""
    types = get_type_hints(command.callback)
    for parameter in command.params:
        chosen = types.get(parameter.name)
        is_choice = inspect.isclass(chosen) and issubclass(chosen, Enum)
        names = f"{{{','.join(chosen)}}}" if is_choice else parameter.metavar
        if parameter.param_type_name == "argument":
            yield f"{names}{'...' if parameter.nargs == -1 else ''}"
            continue
        words = [*parameter.opts, *parameter.secondary_opts]
        value = "" if parameter.is_flag else f" {names or 'VALUE'}"
        has_default = parameter.default is not None and not parameter.is_flag
        yield f"{' '.join(words)}{value}{f' = {parameter.default}' if has_default else ''}"


if __name__ == "__main__":
    print("\n".join(api()))
