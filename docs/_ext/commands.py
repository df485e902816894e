"""The reference of the command line, written from the commands themselves at each build."""

from typing import Any

import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def described(text: str) -> list[nodes.Node]:
    r"""Return the paragraphs of a help text, with its examples as a block of code.

    Examples
    --------
    >>> [type(node).__name__ for node in described("Compare runs.\n\nExamples:\n  nearid info")]
    ['paragraph', 'literal_block']
    """
    prose, _, examples = text.replace("\b", "").partition("Examples:\n")
    found: list[nodes.Node] = [
        nodes.paragraph("", " ".join(part.split())) for part in prose.split("\n\n") if part.strip()
    ]
    if examples:
        lines = "\n".join(line.strip() for line in examples.strip().splitlines())
        found.append(nodes.literal_block(lines, lines, language="sh"))
    return found


def options(command: Any, context: Any) -> nodes.definition_list:
    """Return what a command takes, in the words of its ``--help``."""
    items = nodes.definition_list(classes=["command"])
    for parameter in command.params:
        names, meaning = parameter.get_help_record(context)
        item = nodes.definition_list_item()
        item += nodes.term("", "", nodes.literal("", names))
        item += nodes.definition("", nodes.paragraph("", meaning))
        items += item
    return items


class Commands(SphinxDirective):
    """``commands``: a section for each command of ``nearid``."""

    def run(self) -> list[nodes.Node]:
        """Describe all of them."""
        from nearid.cli import app

        group: Any = typer.main.get_command(app)
        return [self._section(name, command) for name, command in group.commands.items()]

    def _section(self, name: str, command: Any) -> nodes.section:
        title = f"nearid {name}"
        context = command.make_context(title, [], resilient_parsing=True)
        section = nodes.section(ids=[f"nearid-{name}"], names=[title])
        section += nodes.title(title, title)
        usage = command.get_usage(context).removeprefix("Usage: ")
        section += nodes.literal_block(usage, usage, language="text")
        section.extend(described(command.help))
        section += options(command, context)
        return section


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
