"""Blocks of code end with their last line: doctest wants an empty one before the fence."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def trim(app: Sphinx, document: nodes.document) -> None:
    """Cut empty lines off the end of every block of code."""
    for block in document.findall(nodes.literal_block):
        block.rawsource = block.rawsource.rstrip()
        block.children = [nodes.Text(block.astext().rstrip())]


def setup(app: Sphinx) -> dict[str, Any]:
    """Do so when a page has been read."""
    app.connect("doctree-read", trim)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
