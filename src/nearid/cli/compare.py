"""``nearid compare``: are these runs the same representation, up to what, and how far apart."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearid.cli import options
from nearid.cli.failures import NOT_MET

if TYPE_CHECKING:
    from nearid.cli.terminal import Terminal
    from nearid.identifiability import StatisticalIdentifiability
    from nearid.rows import Rows

__all__ = ["Check", "command", "compare", "deliver"]


class Check(StrEnum):
    """What ``--check`` can ask for: the native groups, smallest first, and the ICA rung."""

    IDENTITY = "identity"
    SIGNED_PERMUTATION = "signed_permutation"
    RIGID = "rigid"
    SIMILARITY = "similarity"
    LINEAR = "linear"
    ICA = "ica"


def command(
    context: typer.Context,
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="FILE or FILE::KEY, two runs or more in all; KEY may be a glob, and a file with "
            "several arrays holds several runs. With --layerwise: two folders.",
            show_default=False,
        ),
    ],
    id_column: options.IdColumn = None,
    features: options.Features = None,
    components: options.Components = "0.99",
    tolerance: Annotated[
        float,
        typer.Option(
            metavar="T",
            help="Largest ε/chance that counts as the same: 0 is identical, 1 is chance.",
        ),
    ] = 0.1,
    epsilon: Annotated[
        float | None,
        typer.Option(
            metavar="E",
            help="Largest ε that counts as the same, instead of a tolerance: a share of the "
            "diameter, 0 is identical.",
            show_default="not used",
        ),
    ] = None,
    holdout: options.Holdout = "0.5",
    unit: options.Unit = None,
    bootstrap: Annotated[
        int, typer.Option(metavar="B", min=2, help="Resamples for the intervals; more is smoother.")
    ] = 200,
    null: Annotated[
        int, typer.Option(metavar="N", min=1, help="Shuffles for chance; more is smoother.")
    ] = 5,
    ica: Annotated[
        bool, typer.Option("--ica/--no-ica", help="Whether to rotate each run by ICA, by itself.")
    ] = True,
    layerwise: Annotated[
        bool,
        typer.Option(
            "--layerwise",
            help="Compare two folders, as nearid embed writes them or with an .npy per layer, at "
            "every layer that both have.",
        ),
    ] = False,
    jobs: options.Jobs = 1,
    scheduler: options.Scheduler = None,
    seed: options.Seed = 0,
    json: options.Json = False,
    report: options.Report = None,
    check: Annotated[
        Check | None,
        typer.Option(
            help="Exit with status 3 unless every pair agrees (at every layer) up to this group or "
            "a smaller one; ica: up to order and signs after whitening and ICA.",
            show_default="no check",
        ),
    ] = None,
) -> None:
    """Say whether runs of one representation are the same, up to what, and how far apart.

    Rows are matched by id where every run has ids, else by position.

    \b
    Examples:
      nearid compare seed0.npy seed1.npy seed2.npy --report report.html
      nearid compare "runs.npz::member_*" --components 64 --json
      nearid compare a.parquet b.parquet --id-column Metadata_Well --check rigid
      nearid compare cells_a.parquet cells_b.parquet --unit Metadata_Plate,Metadata_Well
      nearid compare seed0/ seed1/ --layerwise --components 32 --report layers.html
    """  # noqa: D301  (typer needs the control character)
    if check is Check.ICA and not ica:
        raise typer.BadParameter("ica cannot be checked with --no-ica", param_hint="--check")
    settings = {
        "n_components": options.parse_components(components),
        "holdout": options.parse_holdout(holdout),
        "unit": unit,
        "n_bootstrap": bootstrap,
        "n_null": null,
        "ica": ica,
        "n_jobs": jobs,
        "random_state": seed,
        **_bound(context, tolerance, epsilon),
    }
    if report is not None:
        options.check_report(report)
    terminal: Terminal = context.obj
    if layerwise:
        if scheduler is not None:
            raise typer.BadParameter("layers are compared here", param_hint="--scheduler")
        refused = {"--id-column": id_column, "--features": features, "--unit": unit}
        _compare_layers(runs, refused, settings, json, report, check, terminal)
        return
    from nearid.cli.cluster import on_cluster
    from nearid.cli.folders import refuse_folders
    from nearid.cli.tables import open_runs

    refuse_folders(runs)
    with terminal.waiting("reading"):
        opened, notices = open_runs(runs, id_column=id_column, features=features)
    terminal.notes(notices)
    with on_cluster(scheduler, opened) as runs_there:
        result = compare(runs_there, notices, settings, terminal)
    deliver(result, n_rows=len(opened[0]), json=json, report=report, terminal=terminal)
    if check is not None and not met(result, check):
        reached = result.verdict_whitened if check is Check.ICA else result.verdict
        terminal.fail(f"check not met: expected {check}, got {reached or 'no group'}")
        raise typer.Exit(NOT_MET)


def _compare_layers(
    folders: list[str],
    refused: dict[str, str | None],
    settings: dict[str, Any],
    json: bool,
    report: Path | None,
    check: Check | None,
    terminal: Terminal,
) -> None:
    for name, given in refused.items():
        if given is not None:
            raise typer.BadParameter("layers have neither columns nor ids by name", param_hint=name)
    from nearid.cli.layerwise import compare_folders, deliver_layers

    result = compare_folders(folders, settings, terminal)
    deliver_layers(result, json=json, report=report, terminal=terminal)
    failing = [
        layer for layer, ladder in result.ladders.items() if check and not met(ladder, check)
    ]
    if failing:
        listed = ", ".join(failing[:5]) + (" and more" if len(failing) > 5 else "")
        terminal.fail(f"check not met: expected {check} at every layer, but not so at {listed}")
        raise typer.Exit(NOT_MET)


def _bound(
    context: typer.Context, tolerance: float, epsilon: float | None
) -> dict[str, float | None]:
    """Return the bound that was asked for; they exclude each other."""
    typed = getattr(context.get_parameter_source("tolerance"), "name", "") == "COMMANDLINE"
    if typed and epsilon is not None:
        raise typer.BadParameter("give one of --tolerance and --epsilon", param_hint="--epsilon")
    if not 0 < tolerance < 1:
        raise typer.BadParameter(
            f"expected a share of chance, between 0 and 1; got {tolerance:g}",
            param_hint="--tolerance",
        )
    if epsilon is not None and not epsilon > 0:
        raise typer.BadParameter(
            f"expected a share of the diameter, above 0; got {epsilon:g}", param_hint="--epsilon"
        )
    return {"tolerance": tolerance, "epsilon": epsilon}


def compare(
    runs: list[Rows], notices: list[str], settings: dict[str, Any], terminal: Terminal
) -> StatisticalIdentifiability:
    """Compare the runs, and put what was noticed while reading among the warnings."""
    with terminal.waiting(f"comparing {len(runs)} runs of {len(runs[0])} rows"):
        from nearid.identifiability import statistical_identifiability

        result = statistical_identifiability(runs, **settings)
    return replace(result, warnings=[*notices, *result.warnings])


def deliver(
    result: StatisticalIdentifiability,
    *,
    n_rows: int,
    json: bool,
    report: Path | None,
    terminal: Terminal,
) -> None:
    """Write the report, then print the result."""
    if report is not None:
        with terminal.waiting("writing the report"):
            from nearid.report import write_report

            write_report(result, report, command=terminal.command)
    if json:
        print(terminal.json(result.to_dict()))
        return
    from nearid.cli.summary import summary

    terminal.show(*summary(result, n_rows=n_rows))
    if report is not None:
        terminal.show("", f"report: {report}")


def met(result: StatisticalIdentifiability, check: Check) -> bool:
    """Whether the verdict is the group asked for, or a smaller one."""
    if check is Check.ICA:
        return result.verdict_whitened in ("signed_permutation", "ica")
    ladder = list(Check)
    return result.verdict is not None and ladder.index(Check(result.verdict)) <= ladder.index(check)
