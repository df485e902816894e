"""Templates become HTML in one way: every value escaped, none forgotten."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from nearid.plots.labels import printable

__all__ = ["render"]


def render(template: str, **values: Any) -> str:
    """Return a template of this package as text, with every value escaped.

    Parameters
    ----------
    template : str
        Name of the file.
    **values
        What the template asks for; a missing one is an error and not an empty place.

    Returns
    -------
    str
        HTML.
    """
    environment = Environment(
        loader=PackageLoader("nearid.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    return environment.get_template(template).render(**values)


def _printable(value: Any) -> Any:
    return printable(value, keep="\n\t") if type(value) is str else value
