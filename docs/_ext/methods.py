"""The corrections that can be compared, as a table that is made from the library itself."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

HEAD = ("name", "what it is", "needs controls", "saw the held-out rows")


def table(rows: list[tuple[str, ...]]) -> nodes.table:
    """Return a table of texts, the first row its head, the first column literal.

    Examples
    --------
    >>> table([("name", "what"), ("pca", "PCA")]).astext().split()
    ['name', 'what', 'pca', 'PCA']
    """
    group = nodes.tgroup(cols=len(rows[0]))
    group += [nodes.colspec(colwidth=1) for _ in rows[0]]
    head, body = nodes.thead(), nodes.tbody()
    for number, texts in enumerate(rows):
        row = nodes.row()
        for column, text in enumerate(texts):
            kind = nodes.literal if number and not column else nodes.inline
            row += nodes.entry("", nodes.paragraph("", "", kind("", text)))
        (body if number else head).append(row)
    group += [head, body]
    return nodes.table("", group)


class Methods(SphinxDirective):
    """``methods``: a row for each correction of ``nearid.deconfounding.METHODS``."""

    def run(self) -> list[nodes.Node]:
        """List all of them."""
        from nearid.deconfounding import METHODS

        said = {True: "yes", False: ""}
        rows = [
            (name, method.title, said[method.needs_control], said[method.transductive])
            for name, method in METHODS.items()
        ]
        return [table([HEAD, *rows])]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("methods", Methods)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
