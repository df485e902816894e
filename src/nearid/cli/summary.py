"""A result in words and one table, for people who read it on a terminal or in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nearid.cli.terminal import narrow_table, one_line

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from nearid.identifiability import StatisticalIdentifiability

__all__ = ["summary"]


def summary(result: StatisticalIdentifiability, *, n_rows: int) -> list[Any]:
    """Return the verdict, the ladder, ICA efficiency and the warnings, to be printed in order.

    Parameters
    ----------
    result : StatisticalIdentifiability
    n_rows : int
        Rows that the runs share.
    """
    from rich.text import Text

    names = ", ".join(one_line(run.name) for run in result.runs)
    parts: list[Any] = [
        Text(f"{len(result.runs)} runs of {n_rows} rows: {names}", style="dim"),
        _verdict(result),
        "",
        _ladder(result),
        Text(_legend(result), style="dim"),
        "",
    ]
    if result.settings["ica"]:
        parts.append(Text(result.efficiency_in_words))
    return parts + [
        Text.assemble(("warning: ", "bold yellow"), one_line(warning))
        for warning in result.warnings
    ]


def _verdict(result: StatisticalIdentifiability) -> Text:
    from rich.text import Text

    style = "bold green" if result.verdict else "bold yellow"
    named = (result.verdict or "not identifiable").replace("_", " ")
    text = Text.assemble("verdict: ", (named, style), f" — {result.meaning} ({_bound(result)})")
    if result.meaning_whitened:
        text.append(f"\nwhitened: {result.meaning_whitened}")
    return text


def _legend(result: StatisticalIdentifiability) -> str:
    text = "ε: held-out error, in diameters; chance: that of shuffled rows"
    if not result.n_components:
        return text
    return f"{text}; whitened: {result.n_components} components of each run"


def _bound(result: StatisticalIdentifiability) -> str:
    epsilon = result.settings["epsilon"]
    if epsilon is not None:
        return f"ε at most {epsilon:g} for every pair"
    return f"ε/chance at most {result.settings['tolerance']:g} for every pair"


def _ladder(result: StatisticalIdentifiability) -> Table:
    table = narrow_table()
    table.add_column("frame", no_wrap=True)
    table.add_column("same up to", no_wrap=True)
    for heading in ("ε", "95 % interval", "chance", "ε/chance", "R²"):
        table.add_column(heading, justify="right", no_wrap=True)
    reached = {"native": result.verdict, "whitened": result.verdict_whitened}
    shown = ""
    for row in result.overall.to_dict(orient="records"):
        frame, group = row["frame"], row["group"]
        if shown not in ("", frame):
            table.add_section()
        table.add_row(
            "" if shown == frame else frame,
            group.replace("_", " "),
            f"{row['mean']:.4f}",
            f"{row['ci_low']:.4f} to {row['ci_high']:.4f}",
            f"{row['null']:.4f}",
            f"{row['relative']:.3f}",
            f"{row['r2']:.3f}",
            style="bold green" if reached[frame] == group else None,
        )
        shown = frame
    return table
