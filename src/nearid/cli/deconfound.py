"""``nearid deconfound``: biology apart from batch, on batches that were held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearid.cli import options
from nearid.errors import InputError

if TYPE_CHECKING:
    from nearid.cli.terminal import Terminal
    from nearid.deconfounding import Correction, Deconfounding, Profiles

__all__ = ["command"]


def command(
    context: typer.Context,
    profiles: Annotated[
        str,
        typer.Argument(
            metavar="PROFILES",
            help="FILE or FILE::KEY: a table with Metadata_ columns, or an .h5ad with obs.",
            show_default=False,
        ),
    ],
    batch: Annotated[
        str,
        typer.Option(
            metavar="COLUMN", help="What is held out, such as Metadata_Plate.", show_default=False
        ),
    ],
    label: Annotated[
        str, typer.Option(metavar="COLUMN", help="The biology to recognise.", show_default=False)
    ],
    control: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|VALUE",
            help="A column that marks controls by 1 and 0, or the label that they have. Each class "
            "is then told from them.",
            show_default="each class is told from all others",
        ),
    ] = None,
    position: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Position on the plate, such as Metadata_Well.",
            show_default="not looked at",
        ),
    ] = None,
    covariate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="What else components may vary with. May be repeated.",
            show_default="none",
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="What was treated as one, such as the well where rows are cells.",
            show_default="each row by itself",
        ),
    ] = None,
    methods: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Corrections with commas between them, or all: base, pca, pca_random, pca_ica, "
            "pca_drop, pca_ica_drop, ica_controls, nap, spherize, tvn, tvn_aligned, combat, "
            "harmony. The last needs the extra harmony, spherize and combat deconfounding.",
        ),
    ] = "base,pca,pca_random,pca_ica,pca_ica_drop,nap",
    classifiers: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Some of l1, l2, forest, top1, top3; the verdict is that of the first.",
        ),
    ] = "l1,l2,forest,top1,top3",
    splits: Annotated[
        str, typer.Option(metavar="KIND", help="leave-one-batch-out or group-k-fold.")
    ] = "leave-one-batch-out",
    components: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            min=1,
            help="Whitened components of every method.",
            show_default="32, or a third of the rows if that is less",
        ),
    ] = None,
    scaling: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="none (embeddings), standard or robust (raw measurements), by the training rows.",
        ),
    ] = "none",
    repeats: Annotated[
        int, typer.Option(metavar="N", min=1, help="Repetitions of what is random.")
    ] = 5,
    retrieval: Annotated[
        bool,
        typer.Option(
            "--retrieval",
            help="Also how well rows of a label find each other: mean average precision. Needs the "
            "extra deconfounding.",
        ),
    ] = False,
    threshold: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            min=0,
            max=1,
            help="Components of which the batch explains this share of the variance are dropped.",
        ),
    ] = 0.1,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE2",
            help="Write the components that are left, with all that describes the rows. An .h5ad "
            "gets them in obsm['X_nearid'], and keeps all it had.",
            show_default="not written",
        ),
    ] = None,
    id_column: options.IdColumn = None,
    features: options.Features = None,
    jobs: options.Jobs = 1,
    seed: options.Seed = 0,
    json: options.Json = False,
    report: options.Report = None,
) -> None:
    """See whether biology carries over to batches that were held out, and what each component is.

    Every correction is fitted on the other batches only. The components of the whole table are
    then attributed to batch, label and covariates, and the technical ones dropped.

    \b
    Examples:
      nearid deconfound profiles.parquet --batch Metadata_Plate --label Metadata_Gene --control DMSO
      nearid deconfound cells.h5ad::X_mae --batch plate --label gene --report report.html
    """  # noqa: D301  (typer needs the control character)
    terminal: Terminal = context.obj
    if report is not None:
        options.check_report(report)
    if out is not None:
        options.check_writable(out)
    covariates = (*([position] if position else []), *(covariate or []))
    wanted = _Columns(batch, label, control, unit, covariates)
    with terminal.waiting("reading"):
        opened, notices = _open(profiles, wanted, id_column=id_column, features=features, out=out)
    terminal.notes(notices)
    with terminal.counting("holding out batches") as progress:
        result = _evaluate(
            opened,
            wanted,
            methods=_names(methods),
            classifiers=_names(classifiers),
            splits=splits,
            n_components=components,
            scaling=scaling,
            n_repeats=repeats,
            with_retrieval=retrieval,
            random_state=seed,
            progress=progress,
        )
    with terminal.waiting("attributing components"):
        from nearid.deconfounding import correct

        found = correct(
            opened,
            batch=batch,
            label=label,
            covariates=wanted.covariates,
            unit=unit,
            n_components=result.settings["n_components"],
            scaling=scaling,
            threshold=threshold,
            n_jobs=jobs,
            random_state=seed,
        )
    if out is not None:
        with terminal.waiting("writing"):
            _write(profiles, found, result, opened, out)
    _deliver(result, found, json=json, report=report, out=out, terminal=terminal)


@dataclass(frozen=True)
class _Columns:
    batch: str
    label: str
    control: str | None
    unit: str | None
    covariates: tuple[str, ...]


def _names(text: str) -> list[str]:
    from nearid.deconfounding import METHODS

    return list(METHODS) if text == "all" else [name.strip() for name in text.split(",")]


def _open(
    location: str,
    wanted: _Columns,
    *,
    id_column: str | None,
    features: str | None,
    out: Path | None,
) -> tuple[Profiles, list[str]]:
    from nearid.cli.tables import open_table
    from nearid.deconfounding import as_profiles
    from nearid.io import WRITERS

    if out is not None and not out.name.lower().endswith((*WRITERS, ".h5ad")):
        raise typer.BadParameter(
            f"expected a name that ends in one of {', '.join(WRITERS)}, .h5ad; got {out}",
            param_hint="--out",
        )
    if out is not None and out.suffix.lower() == ".h5ad":
        from nearid.io.location import split_location

        if split_location(location)[0].suffix.lower() != ".h5ad":  # said before the work is done
            raise InputError(f"{out} can only be written from an .h5ad file; got {location}")
    table, notices = open_table(location, id_column=id_column, features=features)
    described = [wanted.batch, wanted.label, wanted.control, wanted.unit, *wanted.covariates]
    opened = as_profiles(table, described_by=described)
    for name in wanted.covariates:  # said before the work is done
        opened.column(name, "covariate")
    if wanted.unit is not None:
        opened.column(wanted.unit, "unit")
    return opened, notices


def _evaluate(opened: Profiles, wanted: _Columns, **settings: Any) -> Deconfounding:
    from nearid.deconfounding import evaluate

    return evaluate(
        opened, batch=wanted.batch, label=wanted.label, control=wanted.control, **settings
    )


def _write(
    location: str, found: Correction, result: Deconfounding, opened: Profiles, out: Path
) -> None:
    if out.suffix.lower() == ".h5ad":
        from nearid.io.h5ad import add_to
        from nearid.io.location import split_location

        told = {"verdict": result.verdict, "components": found.attribution.to_frame()}
        add_to(split_location(location)[0], out, "X_nearid", found.values, {"nearid": told})
        return
    import numpy as np

    from nearid.io import Table, write

    metadata = {str(name): np.asarray(column) for name, column in opened.metadata.items()}
    write(out, Table(found.values, out.stem, opened.rows.ids, metadata, found.names))


def _deliver(
    result: Deconfounding,
    found: Correction,
    *,
    json: bool,
    report: Path | None,
    out: Path | None,
    terminal: Terminal,
) -> None:
    shares = found.attribution.to_frame().set_index("component")[found.attribution.batch]
    dropped = {str(name): float(share) for name, share in shares.items() if name not in found.names}
    if report is not None:
        with terminal.waiting("writing the report"):
            from nearid.report.deconfounding import deconfounding_page
            from nearid.report.page import write_page

            page = deconfounding_page(
                result, found.attribution, dropped=dropped, command=terminal.command
            )
            write_page(page, report)
    if json:
        attributed = found.attribution.to_dict()
        print(terminal.json(result.to_dict() | {"attribution": attributed, "dropped": dropped}))
        return
    terminal.show(*summary(result, found, dropped))
    for name, path in (("components", out), ("report", report)):
        if path is not None:
            terminal.show("", f"{name}: {path}")


def summary(result: Deconfounding, found: Correction, dropped: dict[str, float]) -> list[Any]:
    """Return what was found, to be printed in order."""
    from rich.text import Text

    from nearid.cli.terminal import one_line

    settings = result.settings
    left = ", ".join(f"{name} ({share:.2f})" for name, share in dropped.items()) or "none"
    warnings = dict.fromkeys((*result.warnings, *found.attribution.warnings))
    return [
        f"{settings['n_rows']} rows × {settings['n_features']} features, "
        f"{settings['n_batches']} batches, {settings['n_components']} components",
        "",
        Text.assemble((one_line(result.verdict), "bold")),
        "",
        _scores(result),
        Text("±: half of the 95 % interval over held-out batches", style="dim"),
        "",
        _batches(result),
        Text("how well a linear classifier tells: accuracy, AUROC", style="dim"),
        "",
        f"technical components, dropped (share that the batch explains): {left}",
        *(Text.assemble(("warning: ", "bold yellow"), one_line(text)) for text in warnings),
    ]


def _scores(result: Deconfounding) -> Any:
    from nearid.cli.terminal import narrow_table
    from nearid.plain import records

    table = narrow_table()
    table.add_column("AUROC, held out", no_wrap=True)
    for name in result.classifiers:
        table.add_column(name, justify="right", no_wrap=True)
    told = {(row["method"], row["classifier"]): row for row in records(result.summary())}
    for method in result.methods:
        rows = [told[method, name] for name in result.classifiers]
        table.add_row(_marked(result, method), *map(_mean, rows))
    return table


def _mean(row: dict[str, Any]) -> str:
    if row["auroc"] is None:
        return "undefined"
    if row["auroc_low"] is None:  # one batch held out
        return f"{row['auroc']:.3f}"
    return f"{row['auroc']:.3f} ± {(row['auroc_high'] - row['auroc_low']) / 2:.3f}"


def _batches(result: Deconfounding) -> Any:
    from nearid.cli.terminal import narrow_table

    frame = result.batch_scores()
    chance = frame["chance_batch_accuracy"].mean()
    table = narrow_table()
    table.add_column("left of the batch (chance)", no_wrap=True)
    table.add_column(f"known ones ({chance:.2f})", justify="right", no_wrap=True)
    table.add_column("the new one (.50)", justify="right", no_wrap=True)
    shown = ["batch_accuracy", "new_batch_auroc"]
    if "retrieval_map" in frame:
        by_chance = frame["chance_retrieval_map"].mean()
        table.add_column(f"retrieval, mAP ({by_chance:.2f})", justify="right", no_wrap=True)
        shown.append("retrieval_map")
    for row in frame.to_dict("records"):
        table.add_row(_marked(result, str(row["method"])), *(f"{row[name]:.3f}" for name in shown))
    return table


def _marked(result: Deconfounding, method: str) -> str:
    from nearid.deconfounding import METHODS

    return f"{method} (saw the new batch)" if METHODS[method].transductive else method
