"""Templates become HTML in one way: every value escaped, none forgotten."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
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
        HTML, whose content security policy allows the package's own style and script by their
        hashes, and nothing else: neither another script nor a request.
    """
    environment = Environment(
        loader=PackageLoader("nearid.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    style, script = _own("style.css"), _own("sort.js")
    own = {"style": style, "script": script, "policy": _policy(style, script)}
    return environment.get_template(template).render(**own, **values)


def _own(name: str) -> str:
    return files("nearid.report").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        "default-src 'none'; img-src data:; "
        f"style-src {_hashed(style)}; script-src {_hashed(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hashed(text: str) -> str:
    """Return a text as a policy names it, which is what stands between the element's tags."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _printable(value: Any) -> Any:
    return printable(value, keep="\n\t") if type(value) is str else value
