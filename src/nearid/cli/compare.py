"""``nearid compare``: are these runs the same representation, up to what, and how far apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearid.cli import options

if TYPE_CHECKING:
    from nearid.cli.terminal import Terminal
    from nearid.identifiability import StatisticalIdentifiability
    from nearid.rows import Rows

__all__ = ["command"]

#: Groups that ``--check`` knows, each implied by those before it.
CHECKS = ("identity", "signed_permutation", "rigid", "similarity", "linear")


def command(
    context: typer.Context,
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="FILE or FILE::KEY, at least two runs in all; KEY may be a glob, and a file with "
            "several arrays holds several runs.",
        ),
    ],
    id_column: options.IdColumn = None,
    features: options.Features = None,
    components: options.Components = "0.99",
    tolerance: Annotated[
        float, typer.Option(help="Largest ε/chance that counts as the same; 1 is chance.")
    ] = 0.1,
    epsilon: Annotated[
        float | None, typer.Option(help="Absolute bound on ε instead, a share of the diameter.")
    ] = None,
    holdout: Annotated[
        float, typer.Option(help="Share of the rows to measure on (a number of rows from 1 up).")
    ] = 0.5,
    bootstrap: Annotated[int, typer.Option(min=2, help="Resamples of the interval.")] = 200,
    null: Annotated[int, typer.Option(min=1, help="Shuffles of the null.")] = 5,
    ica: Annotated[bool, typer.Option(help="Rotate each run by ICA, by itself.")] = True,
    jobs: options.Jobs = 1,
    seed: options.Seed = 0,
    json: options.Json = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write one self-contained page.")
    ] = None,
    check: Annotated[
        str | None,
        typer.Option(
            metavar="GROUP",
            help=f"Exit with status 3 unless every pair agrees up to GROUP or a smaller one: "
            f"{', '.join(CHECKS)}, or ica (order and signs after whitening and ICA).",
        ),
    ] = None,
) -> None:
    """Say whether runs of one representation are the same, up to what, and how far apart.

    Rows are matched by id where every run has ids, else by position.

        nearid compare seed0.npy seed1.npy seed2.npy --report report.html

        nearid compare runs.npz::member_* --components 64 --json
    """
    if check is not None and check not in (*CHECKS, "ica"):
        raise typer.BadParameter(
            f"expected one of {', '.join(CHECKS)} or ica; got {check!r}", param_hint="--check"
        )
    if check == "ica" and not ica:
        raise typer.BadParameter("ica cannot be checked with --no-ica", param_hint="--check")
    kept = options.parse_components(components)
    if report is not None:
        options.check_writable(report)
    terminal: Terminal = context.obj
    from nearid.cli.tables import open_runs

    with terminal.waiting("reading"):
        tables, notices = open_runs(runs, id_column=id_column, features=features)
    terminal.notes(notices)
    settings = {
        "n_components": kept,
        "tolerance": tolerance,
        "epsilon": epsilon,
        "holdout": holdout if holdout < 1 else int(holdout),
        "n_bootstrap": bootstrap,
        "n_null": null,
        "ica": ica,
        "n_jobs": jobs,
        "random_state": seed,
    }
    with terminal.waiting(f"comparing {len(tables)} runs of {len(tables[0])} rows"):
        result = compare(tables, notices, settings)
    deliver(result, json=json, report=report, terminal=terminal)
    if check is not None and not met(result, check):
        reached = result.verdict_whitened if check == "ica" else result.verdict
        typer.echo(f"nearid: check not met: expected {check}, got {reached or 'none'}", err=True)
        raise typer.Exit(3)


def compare(
    tables: list[Rows], notices: list[str], settings: dict[str, Any]
) -> StatisticalIdentifiability:
    """Compare the runs, and put what was noticed while reading among the warnings."""
    from nearid.identifiability import statistical_identifiability

    result = statistical_identifiability(tables, **settings)
    result.warnings[:0] = notices
    return result


def deliver(
    result: StatisticalIdentifiability, *, json: bool, report: Path | None, terminal: Terminal
) -> None:
    """Write the report, then print the result."""
    if report is not None:
        from nearid.report import write_report

        with terminal.waiting("writing the report"):
            write_report(result, report, command=options.command_line())
    if json:
        from json import dumps

        from nearid import __version__

        about = {"nearid": __version__, "command": options.command_line()}
        print(dumps(about | result.to_dict(), allow_nan=False, indent=1))
    else:
        print(result.summary())
    if report is not None and not json:
        print(f"\nreport: {report}")


def met(result: StatisticalIdentifiability, check: str) -> bool:
    """Whether the verdict is the group asked for, or a smaller one."""
    if check == "ica":
        return result.verdict_whitened in ("signed_permutation", "ica")
    return result.verdict is not None and CHECKS.index(result.verdict) <= CHECKS.index(check)
