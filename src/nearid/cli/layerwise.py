"""``nearid compare --layerwise``: two folders of layers, what is printed of them, and the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nearid.cli.terminal import narrow_table, one_line

if TYPE_CHECKING:
    from rich.table import Table

    from nearid.cli.terminal import Terminal
    from nearid.identifiability import Layerwise

__all__ = ["compare_folders", "deliver_layers"]

SHORT = {"signed_permutation": "sign. perm."}


def compare_folders(
    locations: list[str], settings: dict[str, Any], terminal: Terminal
) -> Layerwise:
    """Open two folders, and compare them layer by layer."""
    if len(locations) != 2:
        raise typer.BadParameter(
            f"--layerwise compares two folders, got {len(locations)}", param_hint="RUN"
        )
    from nearid.cli.folders import open_two_folders

    with terminal.waiting("reading"):
        names, (a, b), notices = open_two_folders((locations[0], locations[1]))
    terminal.notes(notices)
    with terminal.waiting(f"comparing {len(a)} layers with {len(b)}"):
        from nearid.identifiability import layerwise

        found = layerwise(a, b, names=names, **settings)
    return replace(found, warnings=[*notices, *found.warnings])


def deliver_layers(
    result: Layerwise, *, json: bool, report: Path | None, terminal: Terminal
) -> None:
    """Write the report, then print the result."""
    if report is not None:
        with terminal.waiting("writing the report"):
            from nearid.report.layerwise import layerwise_page
            from nearid.report.page import write_page

            write_page(layerwise_page(result, command=terminal.command), report)
    if json:
        print(terminal.json(result.to_dict()))
        return
    from rich.text import Text

    first, second = (one_line(name) for name in result.names)
    terminal.show(
        Text(f"{first} beside {second}, {len(result.layers)} layers", style="dim"),
        Text(one_line(result.meaning)),
        "",
        _table(result),
        Text("ε/chance of each group: 0 is the same, 1 is chance; held out", style="dim"),
    )
    if len(result.pairs):
        terminal.show("", Text(one_line(result.namesakes)))
    terminal.show(
        *(
            Text.assemble(("warning: ", "bold yellow"), one_line(warning))
            for warning in result.warnings
        )
    )
    if report is not None:
        terminal.show("", f"report: {report}")


def _table(result: Layerwise) -> Table:
    native = result.ladder[result.ladder["frame"] == "native"]
    groups = list(dict.fromkeys(native["group"]))
    relative = native.set_index(["layer", "group"])["relative"].to_dict()
    table = narrow_table()
    table.add_column("layer", no_wrap=True)
    table.add_column("same up to", no_wrap=True)
    for group in groups:
        table.add_column(SHORT.get(group, group), justify="right", no_wrap=True)
    table.add_column("ICA eff.", justify="right", no_wrap=True)
    for row in result.layers.to_dict("records"):
        cells = [f"{relative.get((row['layer'], group), float('nan')):.3f}" for group in groups]
        verdict = (row["verdict"] or "–").replace("_", " ")
        efficiency = "–" if row["efficiency"] != row["efficiency"] else f"{row['efficiency']:.2f}"
        table.add_row(
            one_line(row["layer"]),
            verdict,
            *cells,
            efficiency,
            style="bold green" if row["verdict"] else None,
        )
    return table
