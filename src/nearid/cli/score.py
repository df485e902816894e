"""``nearid score``: is a representation right, given the true factors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearid.cli import options

if TYPE_CHECKING:
    from nearid.cli.terminal import Terminal
    from nearid.identifiability import StructuralIdentifiability
    from nearid.io import Table
    from nearid.rows import Rows

__all__ = ["command"]


def command(
    context: typer.Context,
    codes: Annotated[
        str,
        typer.Argument(
            metavar="CODES", help="FILE or FILE::KEY of the representation.", show_default=False
        ),
    ],
    factors: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="FILE or FILE::KEY, a column per true factor.", show_default=False
        ),
    ],
    circular: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PERIOD",
            help="A factor that is a hue or an angle, and its period. May be repeated.",
            show_default="none",
        ),
    ] = None,
    nominal: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A factor whose values are names without an order, text or numbers. May be "
            "repeated.",
            show_default="none",
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Metrics with commas between them, or all.",
            show_default="infomec,mig,sap,modularity,mcc,r2",
        ),
    ] = None,
    id_column: options.IdColumn = None,
    features: options.Features = None,
    components: options.Components = "0.999",
    holdout: options.Holdout = "0.5",
    unit: options.Unit = None,
    jobs: options.Jobs = 1,
    seed: options.Seed = 0,
    json: options.Json = False,
    report: options.Report = None,
) -> None:
    """Say whether a representation is right: how far from the true factors, and by every metric.

    The codes are scored as they are, along principal axes, rotated at random, and after ICA, which
    sees no factor. Rows are matched by id where both files have ids, else by position.

    \b
    Examples:
      nearid score latents.npy --factors factors.npy --report report.html
      nearid score latents.parquet --factors factors.csv --circular hue=10 --nominal shape
    """  # noqa: D301  (typer needs the control character)
    settings: dict[str, Any] = {
        "periods": dict(_period(text) for text in circular or []),
        "n_components": options.parse_components(components),
        "holdout": options.parse_holdout(holdout),
        "unit": unit,
        "n_jobs": jobs,
        "random_state": seed,
        **_wanted(metrics),
    }
    if report is not None:
        options.check_report(report)
    terminal: Terminal = context.obj
    with terminal.waiting("reading"):
        representation, table, notices = _open(codes, factors, nominal or [], id_column, features)
    terminal.notes(notices)
    with terminal.waiting(f"scoring {len(representation)} rows"):
        from nearid.identifiability import structural_identifiability

        result = structural_identifiability(
            representation, table, nominal=nominal or (), **settings
        )
    _deliver(result, json=json, report=report, terminal=terminal)


def _period(text: str) -> tuple[str, float]:
    name, _, period = text.rpartition("=")
    try:
        if not name:
            raise ValueError
        return name, float(period)
    except ValueError:
        raise typer.BadParameter(
            f"expected NAME=PERIOD, such as hue=1 or angle=360; got {text!r}",
            param_hint="--circular",
        ) from None


def _wanted(metrics: str | None) -> dict[str, Any]:
    if metrics is None:
        return {}
    if metrics == "all":
        from nearid.metrics import METRICS

        return {"metrics": tuple(METRICS)}
    return {"metrics": tuple(name.strip() for name in metrics.split(","))}


def _open(
    codes: str,
    factors: str,
    nominal: Sequence[str],
    id_column: str | None,
    features: str | None,
) -> tuple[Rows, Rows, list[str]]:
    from nearid.cli.tables import open_table
    from nearid.rows import from_table

    representation, notices = open_table(codes, id_column=id_column, features=features)
    table, more = open_table(factors, id_column=id_column, features=None)
    columns = table.columns or ()
    text = [name for name in nominal if name not in columns and name in table.metadata]
    notices += [_told(notice, factors, table, text) for notice in more]
    return from_table(representation), _with_text(table, text), [told for told in notices if told]


def _told(notice: str, factors: str, table: Table, used: Sequence[str]) -> str:
    """Return a notice; that of columns of text without those that were named as factors."""
    from nearid.io.frames import METADATA
    from nearid.io.location import listing

    if "not numeric, so metadata" not in notice:
        return notice
    left = [name for name in table.metadata if name not in used and not name.startswith(METADATA)]
    said = f"{factors}: text, and not named by --nominal, so no factors: {listing(left)}"
    return said if left else ""


def _with_text(table: Table, text: Sequence[str]) -> Rows:
    """Return the factors, and columns of text among them as numbers."""
    from dataclasses import replace

    import numpy as np

    from nearid.rows import from_table

    columns = table.columns or tuple(f"factor {i}" for i in range(table.values.shape[1]))
    coded = [np.unique(table.metadata[name], return_inverse=True)[1] for name in text]
    values = np.column_stack([np.asarray(table.values, dtype=np.float64), *coded])
    return from_table(replace(table, values=values, columns=(*columns, *text)))


def _deliver(
    result: StructuralIdentifiability, *, json: bool, report: Path | None, terminal: Terminal
) -> None:
    if report is not None:
        with terminal.waiting("writing the report"):
            from nearid.report.page import write_page
            from nearid.report.structural import structural_page

            write_page(structural_page(result, command=terminal.command), report)
    if json:
        print(terminal.json(result.to_dict()))
        return
    terminal.show(result.summary())
    if report is not None:
        terminal.show("", f"report: {report}")
