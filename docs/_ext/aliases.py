"""Links to a public name by the module that it lives in, as docstrings write them."""

import sys
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def exists(target: str) -> bool:
    """Whether a name, or a dotted path, is that of something in the library.

    Examples
    --------
    >>> exists("nearid.rows.map_chunks"), exists("map_chunks"), exists("no_such_name")
    (True, True, False)
    """
    module, _, name = target.rpartition(".")
    if module:
        return hasattr(import_module(module), name)
    library = [loaded for path, loaded in sys.modules.items() if path.startswith("nearid.")]
    return any(hasattr(loaded, name) for loaded in library)


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """Find ``nearid.rows.Chunks`` at ``nearid.Chunks``, where one page alone has that last name.

    A helper that has no page stays a name, as long as it exists.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"].lstrip(".")
    domain: Any = env.get_domain("py")
    last = target.rpartition(".")[2]
    same = [
        name
        for name, entry in domain.objects.items()
        if not entry.aliased and name.rpartition(".")[2] == last
    ]
    if len(same) == 1:
        return domain.resolve_xref(
            env, node["refdoc"], app.builder, node["reftype"], same[0], node, content
        )
    ours = target.startswith("nearid.") or "." not in target
    return content if ours and exists(target) else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Try it where Sphinx finds nothing."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
