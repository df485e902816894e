"""``nearid fit``: whiten a run, rotate it by ICA, and keep the coordinates."""

from __future__ import annotations

from collections.abc import Hashable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearid.cli import options

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from nearid.cli.terminal import Terminal

__all__ = ["Contrast", "command"]

#: What fits on a terminal of 80 columns, and its headings; ``--json`` has all of the report.
SHOWN = {
    "component": "name",
    "kind": "kind",
    "negentropy": "negentropy",
    "replication": "replicates",
    "predicted_leakage": "leakage",
    "explained_variance_ratio": "variance",
}


class Contrast(StrEnum):
    """The contrasts of :mod:`nearid.ica.contrasts`."""

    LOGCOSH = "logcosh"
    EXP = "exp"
    CUBE = "cube"


def command(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="FILE or FILE::KEY with one table.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="MODEL.safetensors", help="Where to keep it.", show_default=False),
    ],
    components: Annotated[
        str,
        typer.Option(
            "--components",
            metavar="K",
            help="How many: a number, a share of the variance such as 0.99, all, or stable (as "
            "many as replicate on disjoint halves of the rows).",
        ),
    ] = "0.99",
    contrast: Annotated[
        Contrast, typer.Option(help="What tells a component from a Gaussian.")
    ] = Contrast.LOGCOSH,
    id_column: options.IdColumn = None,
    features: options.Features = None,
    jobs: options.Jobs = 1,
    scheduler: options.Scheduler = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep each pass there; a fit that was killed goes on when it is called again. "
            "The folder may be deleted afterwards.",
            show_default=False,
        ),
    ] = None,
    seed: options.Seed = 0,
    json: options.Json = False,
) -> None:
    """Fit whitening and ICA to a table, and say which components are identifiable.

    \b
    Examples:
      nearid fit embedding.npy --out ica.safetensors --components 64
      nearid fit profiles.parquet --features "Cells_*" --out ica.safetensors
    """  # noqa: D301  (typer needs the control character)
    kept = options.parse_components(components, stable=True)
    if out.suffix != ".safetensors":
        raise typer.BadParameter(
            f"expected a name that ends in .safetensors, got {out}", param_hint="--out"
        )
    options.check_writable(out)
    terminal: Terminal = context.obj
    from nearid.cli.cluster import on_cluster
    from nearid.cli.tables import open_table
    from nearid.ica.estimator import LatentICA
    from nearid.ica.saved import save
    from nearid.rows import from_table

    table, notices = open_table(file, id_column=id_column, features=features)
    terminal.notes(notices)
    ica = LatentICA(
        n_components=kept,
        contrast=str(contrast),
        n_jobs=jobs,
        checkpoint=checkpoint,
        random_state=seed,
    )
    with (
        terminal.waiting(f"fitting {table.values.shape[0]} rows × {table.values.shape[1]}"),
        on_cluster(scheduler, [from_table(table)]) as [rows],
    ):
        ica.fit(rows)
    save(ica, out)
    report = ica.components_report_
    if json:
        print(report.to_json(orient="records", indent=1))
        return
    terminal.show(
        as_table(report),
        "",
        f"{int(ica.identifiable_.sum())} of {ica.n_components_} components are identifiable; "
        f"{'converged' if ica.converged_ else 'NOT CONVERGED'} after {ica.n_passes_} passes",
        f"model: {out}",
    )


def as_table(report: pd.DataFrame) -> Table:
    """Return what a user must know of each component."""
    from nearid.cli.terminal import narrow_table

    table = narrow_table()
    for name, heading in SHOWN.items():
        number = report[name].dtype.kind == "f"
        table.add_column(heading, no_wrap=True, justify="right" if number else "left")
    table.add_column("identifiable", no_wrap=True)
    for row in report.to_dict(orient="records"):
        table.add_row(*(_cell(row[name]) for name in SHOWN), _verdict(row))
    return table


def _verdict(row: dict[Hashable, Any]) -> str:
    """Say whether a component can be told from the others, and if not, from which it cannot."""
    if row["identifiable"]:
        return "yes"
    return f"no, block {row['block']}" if row["block"] >= 0 else "no"


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
