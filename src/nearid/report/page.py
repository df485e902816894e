"""A page of any content in the style of the report: a headline, sections, how it was made."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nearid.io.atomic import atomic_path
from nearid.report.explanations import Headline, sentence
from nearid.report.pictures import Picture
from nearid.report.provenance import setting_text, versions
from nearid.report.rendering import render
from nearid.report.tables import Table

__all__ = ["Page", "Section", "render_page", "write_page"]

#: Rows from which a table is folded in; a printer unfolds it.
LONG = 15

#: CSS pixels above which a picture is scrolled on a narrow screen rather than shrunk.
WIDE = 640


@dataclass(frozen=True)
class Section:
    """A part of a page: words, then pictures, then tables.

    Parameters
    ----------
    title : str
    text : str, default ""
        Plain text; an empty line begins a new paragraph.
    pictures : sequence of Picture, default ()
        From :func:`nearid.report.pictures.picture`.
    tables : sequence of Table, default ()
        From :func:`nearid.report.tables.frame_table`. Long ones can be unfolded.
    """

    title: str
    text: str = ""
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()

    @property
    def paragraphs(self) -> list[str]:
        """The text, paragraph by paragraph."""
        return [part for part in self.text.split("\n\n") if part.strip()]


@dataclass(frozen=True)
class Page:
    """What a page says. All of it is plain text, and escaped.

    Parameters
    ----------
    title : str
        What the page is about: stands at its upper right.
    headline : Headline
        The finding, and its status.
    sections : sequence of Section
    warnings : sequence of str, default ()
        What must be known before the numbers are trusted.
    command : str, default ""
        The command, or the Python call, that made it.
    from_python : bool, default False
        Whether that is a Python call.
    settings : mapping of str to object, default {}
        Every setting that had a say.
    libraries : sequence of str, default ()
        Further packages whose versions are named, such as torch.
    method : str, default ""
        A sentence that follows the reference to the paper, such as what is in which theorem.
    names : sequence of str, default ()
        Names of runs; a warning that begins with one keeps it as it is.
    """

    title: str
    headline: Headline
    sections: Sequence[Section]
    warnings: Sequence[str] = ()
    command: str = ""
    from_python: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)
    libraries: Sequence[str] = ()
    method: str = ""
    names: Sequence[str] = ()


def write_page(page: Page, path: str | os.PathLike[str]) -> None:
    """Write a page as one HTML file that opens anywhere, offline, in light and in dark.

    Parameters
    ----------
    page : Page
    path : str or path
        Where to; an old file is replaced when the new one is complete, and not before.

    Raises
    ------
    InputError
        If the path cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> page = Page("demo", Headline("It works", "Nothing was measured.", "unknown"), [])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_page(page, f"{folder}/page.html")
    ...     os.listdir(folder)
    ['page.html']
    """
    with atomic_path(path) as temporary:
        # a name that came from a broken file system is marked rather than fatal
        temporary.write_text(render_page(page), encoding="utf-8", errors="replace")


def render_page(page: Page) -> str:
    """Return a page as text; the same page gives the same text.

    Parameters
    ----------
    page : Page

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> finding = Headline("1 < 2", "As was to be shown.", "yes")
    >>> "1 &lt; 2" in render_page(Page("demo", finding, [Section("Proof", "By inspection.")]))
    True
    """
    return render(
        "page.html.j2",
        title=page.title,
        headline=page.headline,
        sections=page.sections,
        warnings=[sentence(warning.rstrip("."), page.names) for warning in page.warnings],
        command=page.command,
        from_python=page.from_python,
        settings={name: setting_text(value) for name, value in page.settings.items()},
        versions=versions(*page.libraries),
        method=page.method,
        long_from=LONG,
        wide_from=WIDE,
    )
