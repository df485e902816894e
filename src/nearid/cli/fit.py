"""``nearid fit``: whiten a run, rotate it by ICA, and keep the coordinates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearid.cli import options

if TYPE_CHECKING:
    from nearid.cli.terminal import Terminal

__all__ = ["command"]


def command(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="FILE or FILE::KEY with one table.")],
    out: Annotated[Path, typer.Option(metavar="MODEL.safetensors", help="Where to keep it.")],
    components: Annotated[
        str | None,
        typer.Option(
            "--components",
            metavar="K",
            help="A number, a share of the variance such as 0.99, all, or stable: as many as "
            "replicate on disjoint halves of the rows.",
        ),
    ] = "0.99",
    contrast: Annotated[str, typer.Option(help="logcosh, exp or cube.")] = "logcosh",
    id_column: options.IdColumn = None,
    features: options.Features = None,
    jobs: options.Jobs = 1,
    seed: options.Seed = 0,
    json: options.Json = False,
) -> None:
    """Fit whitening and ICA to a table, and say which components are identifiable.

    nearid fit embedding.npy --out ica.safetensors --components 64
    """
    kept = options.parse_components(components, stable=True)
    if out.suffix != ".safetensors":
        raise typer.BadParameter(f"expected a .safetensors file, got {out}", param_hint="--out")
    options.check_writable(out)
    terminal: Terminal = context.obj
    from nearid.cli.tables import open_table
    from nearid.ica.estimator import LatentICA
    from nearid.ica.saved import save
    from nearid.rows import from_table

    table, notices = open_table(file, id_column=id_column, features=features)
    terminal.notes(notices)
    ica = LatentICA(n_components=kept, contrast=contrast, n_jobs=jobs, random_state=seed)
    with terminal.waiting(f"fitting {len(table.values)} rows of {table.values.shape[1]} columns"):
        ica.fit(from_table(table))
    save(ica, out)
    report = ica.components_report_
    if json:
        print(report.to_json(orient="records"))
        return
    print(report.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    print(
        f"\n{int(ica.identifiable_.sum())} of {ica.n_components_} components are identifiable; "
        f"saved: {out}"
    )
