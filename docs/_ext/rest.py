"""Pages that no table of contents names yet: they are listed where ``{rest}`` stands."""

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

MARK = "{rest}"


def unnamed(folder: Path) -> list[str]:
    r"""Return the pages of a folder that no other page's lines name, in the order of their names.

    A line may be a pattern, or a title with the page between angle brackets.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> pages = {"index": "s*t\nAbout us <about>", "start": "", "about": "", "policy": "start"}
    >>> with TemporaryDirectory() as folder:
    ...     written = [(Path(folder) / f"{p}.md").write_text(text) for p, text in pages.items()]
    ...     unnamed(Path(folder))
    ['policy']
    """
    texts = {page.stem: page.read_text(encoding="utf-8") for page in folder.glob("*.md")}
    lines = {line for text in texts.values() for line in text.splitlines()}
    named = {
        line.rpartition("<")[2].rstrip(">") for line in lines if " " not in line or "<" in line
    }
    return sorted(
        page for page in texts if page != "index" and not any(fnmatch(page, n) for n in named)
    )


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put their names in the place of the mark."""
    if MARK in source[0]:
        source[0] = source[0].replace(MARK, "\n".join(unnamed(Path(app.srcdir))))


def setup(app: Sphinx) -> dict[str, Any]:
    """Do so before a page is read."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
