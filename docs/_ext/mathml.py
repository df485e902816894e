"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network.

Sphinx's own ways need a copy of MathJax or a LaTeX installation. docutils brings a converter, of
which this is the renderer.
"""

from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

#: Commands that docutils does not know, and what stands for them: sizes are left to the browser.
UNKNOWN = {r"\textstyle": "", r"\dots": r"\ldots"}


def convert(node: nodes.Element, *, as_block: bool) -> str:
    """Return the MathML of a formula; one that cannot be converted fails the build.

    Examples
    --------
    >>> from docutils.nodes import math
    >>> "<mi>ε</mi>" in convert(math("", "ε"), as_block=False)
    True
    """
    text = node.astext()
    for command, known in UNKNOWN.items():
        text = text.replace(command, known)
    try:
        return tex2mathml(text, as_block=as_block)
    except MathError as error:
        raise ExtensionError(f"the formula {text!r} cannot be converted: {error}") from error


def visit_inline(translator: Any, node: nodes.Element) -> None:
    """Write a formula that stands in a line."""
    translator.body.append(convert(node, as_block=False))
    raise nodes.SkipNode


def visit_block(translator: Any, node: nodes.Element) -> None:
    """Write a formula that stands by itself, with its number if it has one."""
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(convert(node, as_block=True))
    if node.get("number"):
        translator.body.append(f'<span class="eqno">({node["number"]})</span>')
    translator.body.append("</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer as ``mathml``."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
