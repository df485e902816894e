"""Results as tables of text: what is shown of a long one, and how much more there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nearid.plots.components import components_by_run, components_group
from nearid.plots.labels import FRAMES, group_label
from nearid.report.numerals import number, percent, score

if TYPE_CHECKING:
    import pandas as pd

    from nearid.identifiability.result import StatisticalIdentifiability

__all__ = [
    "Table",
    "components_table",
    "frame_table",
    "ladder_table",
    "pairs_table",
    "runs_table",
]

#: Rows of a table that a page shows; whoever wants more wants a file.
SHOWN = 200


@dataclass(frozen=True)
class Table:
    """A table as text.

    Parameters
    ----------
    caption : str
    columns : sequence of str
    rows : sequence of tuple of str
        The first ``n_headers`` cells of a row name it.
    n_headers : int
    total : int
        How many rows there are in all.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, ...]]
    n_headers: int
    total: int

    @property
    def more(self) -> int:
        """How many rows are not shown."""
        return self.total - len(self.rows)


def frame_table(
    frame: pd.DataFrame,
    caption: str,
    *,
    n_headers: int = 1,
    headings: Mapping[str, str] | None = None,
    formats: Mapping[str, Callable[[Any], str]] | None = None,
) -> Table:
    r"""Return a frame as a table of text, the first 200 rows of it.

    Parameters
    ----------
    frame : DataFrame
        Its columns are shown in their order, its index is not.
    caption : str
    n_headers : int, default 1
        How many columns name the row.
    headings : mapping of str to str, optional
        What columns are called, where not by their own names.
    formats : mapping of str to callable, optional
        How cells of a column are written, such as :func:`nearid.report.numerals.percent`; by
        default numbers with three significant digits, truth as yes or no, and all else as it is.

    Returns
    -------
    Table

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"run": ["a"], "rows": [1000], "error": [0.04275], "ok": [True]})
    >>> frame_table(frame, "The runs", headings={"ok": "compared"}, formats={"error": percent})
    ... # doctest: +NORMALIZE_WHITESPACE
    Table(caption='The runs', columns=['run', 'rows', 'error', 'compared'],
          rows=[('a', '1000', '4.3\xa0%', 'yes')], n_headers=1, total=1)
    """
    headings, formats = headings or {}, formats or {}
    names = [str(name) for name in frame.columns]
    write = [formats.get(name, _cell) for name in names]
    rows = [
        tuple(form(value) for form, value in zip(write, row, strict=True))
        for row in frame.head(SHOWN).itertuples(index=False, name=None)
    ]
    columns = [headings.get(name, name) for name in names]
    return Table(caption, columns, rows, n_headers, len(frame))


def _cell(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return number(value) if isinstance(value, float | np.floating) else str(value)


def _interval(row: dict[Any, Any]) -> str:
    low, high = number(row["ci_low"]), number(row["ci_high"])
    return low if low == high == "–" else f"{low} to {high}"


def ladder_table(result: StatisticalIdentifiability) -> Table:
    """Return the ladder: a row per frame and group, means over pairs.

    Examples
    --------
    >>> import nearid, numpy as np
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> result = nearid.statistical_identifiability([z, -z], random_state=0)
    >>> ladder_table(result).rows[1][:4]
    ('own coordinates', 'signed permutation', '0', '0 to 0')
    """
    columns = ["frame", "up to", "ε", "95 % interval", "chance", "relative", "worst pair"]
    rows = [
        (
            FRAMES.get(row["frame"], row["frame"]),
            group_label(row["frame"], row["group"]),
            number(row["mean"]),
            _interval(row),
            number(row["null"]),
            percent(row["relative"]),
            percent(row["worst_relative_upper"]),
            score(row["r2"]),
            score(row["mcc"]),
        )
        for row in result.overall.to_dict("records")
    ]
    caption = (
        "The ladder: held-out error by group of maps, averaged over ordered pairs. Relative is ε "
        "over chance; worst pair is the upper end of the worst pair’s interval, which decides."
    )
    return Table(caption, [*columns, "R²", "MCC"], rows, 2, len(rows))


def pairs_table(result: StatisticalIdentifiability) -> Table:
    """Return every ordered pair at every rung, the first 200 rows."""
    columns = ["target", "source", "frame", "up to", "ε", "95 % interval", "median", "95 %"]
    columns += ["99 %", "max", "chance", "relative", "R²", "MCC"]
    rows = [
        (
            str(row["target"]),
            str(row["source"]),
            FRAMES.get(row["frame"], row["frame"]),
            group_label(row["frame"], row["group"]),
            number(row["mean"]),
            _interval(row),
            *(number(row[key]) for key in ("median", "q95", "q99", "max", "null")),
            percent(row["relative"]),
            score(row["r2"]),
            score(row["mcc"]),
        )
        for row in result.pairs.head(SHOWN).to_dict("records")
    ]
    caption = "Every ordered pair of runs at every rung, errors as shares of the target’s diameter"
    return Table(caption, columns, rows, 4, len(result.pairs))


def components_table(result: StatisticalIdentifiability) -> Table:
    """Return each run's components with the correlation averaged over pairs, best first."""
    frame = components_by_run(result)
    kind = "ICA component" if components_group(result) == "ica" else "PCA axis"
    columns = ["run", kind, "mean |correlation|", "lowest", "runner-up", "ambiguous in"]
    rows = [
        (
            str(row["run"]),
            str(row["component"]),
            score(row["correlation"]),
            score(row["lowest"]),
            score(row["runner_up"]),
            f"{percent(row['ambiguous'])} of pairs" if row["ambiguous"] else "none",
            "yes" if row["gaussian"] else "no",
        )
        for row in frame.head(SHOWN).to_dict("records")
    ]
    caption = "Held-out |correlation| of each component with its partner, over the other runs"
    return Table(caption, [*columns, "Gaussian"], rows, 2, len(frame))


def runs_table(result: StatisticalIdentifiability) -> Table:
    """Return what was read: a row per run."""
    rows = [
        (
            run.name,
            str(run.n_columns),
            str(run.rank),
            number(run.scale),
            "collapsed, excluded" if run.collapsed else "compared",
        )
        for run in result.runs
    ]
    caption = "The runs. Scale is the root of the total variance."
    return Table(caption, ["run", "columns", "rank", "scale", "use"], rows, 1, len(rows))
