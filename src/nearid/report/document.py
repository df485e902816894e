"""One self-contained HTML file from a result."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nearid.io.atomic import atomic_path
from nearid.report.explanations import efficiency_text, headline, sentence
from nearid.report.pictures import pictures
from nearid.report.provenance import call_text, settings_used, versions
from nearid.report.rendering import render
from nearid.report.tables import components_table, ladder_table, pairs_table, runs_table
from nearid.report.trust import questions

if TYPE_CHECKING:
    from nearid.identifiability.result import StatisticalIdentifiability

__all__ = ["render_report", "write_report"]


def write_report(
    result: StatisticalIdentifiability,
    path: str | os.PathLike[str],
    *,
    command: str | None = None,
) -> None:
    """Write a result as one HTML file that opens anywhere, offline, in light and in dark.

    Parameters
    ----------
    result : StatisticalIdentifiability
    path : str or path
        Where to; an old file is replaced when the new one is complete, and not before.
    command : str, optional
        The command that made the result, shown so that it can be run again; by default the call
        of the function.

    Raises
    ------
    InputError
        If the path cannot be written.

    Examples
    --------
    >>> import nearid, numpy as np, tempfile
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> result = nearid.statistical_identifiability([z, -z], random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(result, f"{folder}/report.html")
    ...     os.listdir(folder)
    ['report.html']
    """
    with atomic_path(path) as temporary:
        # a name that came from a broken file system is marked rather than fatal
        text = render_report(result, command=command)
        temporary.write_text(text, encoding="utf-8", errors="replace")


def render_report(result: StatisticalIdentifiability, *, command: str | None = None) -> str:
    """Return the report as text; the same result gives the same text.

    Parameters
    ----------
    result : StatisticalIdentifiability
    command : str, optional
        The command that made the result.

    Returns
    -------
    str
        HTML.  Everything that came from a file or from a user is escaped.

    Examples
    --------
    >>> import nearid, numpy as np
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> result = nearid.statistical_identifiability({"<b>": z, "c": -z}, random_state=0)
    >>> html = render_report(result)
    >>> "<b>" in html, "&lt;b&gt;" in html
    (False, True)
    """
    names = [run.name for run in result.runs]
    return render(
        "report.html.j2",
        headline=headline(result),
        questions=questions(result),
        efficiency=efficiency_text(result),
        warnings=[sentence(warning, names) for warning in result.warnings],
        pictures=pictures(result),
        ladder=ladder_table(result),
        pairs=pairs_table(result),
        components=components_table(result),
        runs=runs_table(result),
        run_names=names,
        command=command or call_text(result),
        from_python=command is None,
        settings=settings_used(result),
        versions=versions(),
    )
