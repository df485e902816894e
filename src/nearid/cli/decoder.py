"""``nearid decoder``: how near a decoder is to an isometry, and what that implies."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearid.cli import options
from nearid.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from nearid.cli.terminal import Terminal
    from nearid.decoder import BiLipschitz, WorstCase
    from nearid.decoder.implied import Implied

__all__ = ["Method", "command"]

#: What is measured at each latent, and how it is written.
SHOWN = {
    "sigma_max": "σ_max",
    "sigma_min": "σ_min",
    "condition": "condition",
    "constant": "1 + L",
    "constant_scale_free": "1 + L_sim",
}

STATISTICS = {"max": "maximum (the theorem's)", "median": "median (predicts better)"}


class Method(StrEnum):
    """The methods of :func:`nearid.decoder.bilipschitz`."""

    EXACT = "exact"
    LANCZOS = "lanczos"


def command(
    context: typer.Context,
    factory: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FACTORY",
            help="A callable without arguments that returns a torch module, such as "
            "nets.conv:decoder. It is imported from the working directory, as python -m "
            "does, and called: this RUNS YOUR CODE.",
            show_default=False,
        ),
    ],
    weights: Annotated[
        Path,
        typer.Option(
            metavar="FILE.safetensors",
            help="Weights of the module, all of them.",
            show_default=False,
        ),
    ],
    latents: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="FILE or FILE::KEY with a row per latent, or with --tokens a sequence: the "
            "representation of the data.",
            show_default=False,
        ),
    ],
    attribute: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Part of the module that is the decoder, such as decoder or model.head.",
            show_default="the whole module",
        ),
    ] = None,
    method: Annotated[
        Method,
        typer.Option(help="exact: all of each Jacobian; lanczos: for latents of many hundreds."),
    ] = Method.EXACT,
    tokens: Annotated[
        str | None,
        typer.Option(
            metavar="SLICE",
            help="Which tokens, such as 1: (all but the first), where latents are sequences, an "
            "array of shape (latents, tokens, D). Each is differentiated by itself, the others "
            "held.",
            show_default="latents are no sequences",
        ),
    ] = None,
    live_threshold: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            min=0,
            help="A principal axis of the latents is dead, and left out, if its variance is below "
            "this share of the largest one's; 0 keeps all.",
        ),
    ] = 1e-3,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="DEVICE",
            help="Where to compute, such as cpu or cuda:0.",
            show_default="where the factory puts the module",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Latents at a time.", show_default="as memory allows"
        ),
    ] = None,
    constant: Annotated[
        float | None,
        typer.Option(
            metavar="c_D", min=0, help="Constant of Theorem 1.", show_default="left a symbol"
        ),
    ] = None,
    diameter: Annotated[
        float | None,
        typer.Option(
            metavar="Δ",
            min=0,
            help="Diameter of the representation.",
            show_default="left a symbol",
        ),
    ] = None,
    id_column: options.IdColumn = None,
    features: options.Features = None,
    seed: options.Seed = 0,
    json: options.Json = False,
    report: options.Report = None,
) -> None:
    """Measure how far a decoder is from an isometry, and what that implies for its latents.

    At each latent, by how much the decoder stretches (σ_max) and shrinks (σ_min) small distances;
    1 + L = max(σ_max, 1/σ_min) is 1 for an isometry. Needs the extra torch.

    \b
    Examples:
      nearid decoder nets:decoder --weights decoder.safetensors --latents z.npy
      nearid decoder nets:vae --attribute decoder --weights vae.safetensors --latents z.npy
      nearid decoder nets:mae --weights mae.safetensors --latents tokens.npz::hidden --tokens 1:
    """  # noqa: D301  (typer needs the control character)
    if report is not None:
        options.check_report(report)
    terminal: Terminal = context.obj
    with redirect_stdout(sys.stderr):  # what the user's code prints is not our data
        with terminal.waiting("reading"):
            decoder, notes = _open_decoder(factory, weights, attribute, device)
            opened = _open_latents(latents, tokens, id_column=id_column, features=features)
        terminal.notes(notes + opened.notes)
        with terminal.waiting(f"differentiating at {len(opened.values)} latents"):
            from nearid.decoder import bilipschitz
            from nearid.decoder.implied import implied

            result = bilipschitz(
                decoder,
                opened.values,
                method=str(method),
                tokens=opened.tokens,
                batch_size=batch_size,
                device=device,
                live_threshold=live_threshold,
                random_state=seed,
            )
            worst, why_not = _worst_case(decoder, opened)
    epsilon = implied(result, c_D=constant, diameter=diameter)
    found = Found(result, epsilon, worst, why_not, opened.described)
    settings = {
        "decoder": factory if attribute is None else f"{factory}, its {attribute}",
        "weights": str(weights),
        "latents": latents,
        "tokens": tokens,
        "method": str(method),
        "live_threshold": live_threshold,
        "device": device,
        "c_D": constant,
        "diameter": diameter,
        "seed": seed,
    }
    _deliver(found, settings, json=json, report=report, terminal=terminal)


@dataclass(frozen=True, eq=False)
class Found:
    """All that is known of a decoder; without a worst case, why there is none."""

    result: BiLipschitz
    implied: Implied
    worst: WorstCase | None
    why_not: str
    where: str


@dataclass(frozen=True, eq=False)
class Opened:
    """Latents, which of their tokens are meant, and what must be said of them."""

    values: Any
    tokens: slice | None
    notes: list[str]

    @property
    def described(self) -> str:
        """How many latents there are, where one token is one."""
        if self.tokens is None:
            return f"{len(self.values)} latents"
        n_tokens = len(range(self.values.shape[1])[self.tokens])
        sequences = f"{len(self.values)} sequences of {self.values.shape[1]}"
        return f"{n_tokens * len(self.values)} latents ({n_tokens} tokens in {sequences})"


def _open_latents(
    location: str, tokens: str | None, *, id_column: str | None, features: str | None
) -> Opened:
    if tokens is None:
        from nearid.cli.tables import open_table

        table, notes = open_table(location, id_column=id_column, features=features)
        return Opened(table.values, None, notes)
    from nearid.cli.sequences import open_sequences, parse_tokens

    if id_column is not None or features is not None:
        raise InputError("sequences of tokens have no columns: leave out --id-column, --features")
    chosen = parse_tokens(tokens)
    return Opened(open_sequences(location), chosen, [])


def _open_decoder(
    factory: str, weights: Path, attribute: str | None, device: str | None
) -> tuple[Any, list[str]]:
    from nearid.cli.modules import check_device, load_weights, made_by, part_of

    if device is not None:
        check_device(device)
    module = made_by(factory)
    notes = load_weights(module, weights)
    return (module if attribute is None else part_of(module, attribute)), notes


def _worst_case(decoder: Any, opened: Opened) -> tuple[WorstCase | None, str]:
    if opened.tokens is not None:
        return None, "which is of whole latents, not of single tokens"
    from nearid.decoder import worst_case

    try:
        return worst_case(decoder, n_latents=opened.values.shape[1]), ""
    except InputError as error:  # most decoders hold something that has no bound
        return None, str(error).partition("; use bilipschitz")[0]


def _deliver(
    found: Found,
    settings: dict[str, Any],
    *,
    json: bool,
    report: Path | None,
    terminal: Terminal,
) -> None:
    if report is not None:
        with terminal.waiting("writing the report"):
            from nearid.report.decoder import decoder_page
            from nearid.report.page import write_page

            page = decoder_page(
                found.result,
                found.implied,
                worst=found.worst,
                why_not=found.why_not,
                command=terminal.command,
                settings=settings,
            )
            write_page(page, report)
    if json:
        print(terminal.json(_as_dict(found, settings)))
        return
    terminal.show(*summary(found))
    if report is not None:
        terminal.show("", f"report: {report}")


def _as_dict(found: Found, settings: dict[str, Any]) -> dict[str, Any]:
    from nearid.plain import plain

    epsilon = plain({"rigid": found.implied.rigid, "similarity": found.implied.similarity})
    return {
        "settings": settings,
        "n_latents": len(found.result.sigma_max),
        "epsilon": {"unit": found.implied.unit or None, **epsilon},
        "worst_case": found.worst and found.worst.to_dict(),
        **found.result.to_dict(),
    }


def summary(found: Found) -> list[Any]:
    """Return what is known of a decoder, to be printed in order."""
    from rich.text import Text

    from nearid.cli.terminal import one_line

    result = found.result
    dimensions, live = result.live_basis.shape
    dead = f" ({dimensions - live} dead)" if live < dimensions else ""
    unit = f", in units of {found.implied.unit}" if found.implied.unit else ""
    return [
        f"decoder at {found.where}, {live} of {dimensions} dimensions live{dead}, {result.method}",
        "",
        _quantiles(result),
        "",
        f"implied ε (Theorem 1){unit}",
        _epsilons(found.implied),
        "",
        f"from the weights alone, at any latent: {_at_worst(found)}",
        *(
            Text.assemble(("warning: ", "bold yellow"), one_line(warning))
            for warning in result.warnings
        ),
    ]


def _quantiles(result: BiLipschitz) -> Table:
    from nearid.cli.terminal import narrow_table

    table = narrow_table()
    table.add_column("over latents", no_wrap=True)
    quantiles = result.quantiles
    for level in quantiles["constant"]:
        heading = {0.0: "min", 1.0: "max"}.get(level, f"{level:.0%}")
        table.add_column(heading, justify="right", no_wrap=True)
    for name, heading in SHOWN.items():
        table.add_row(heading, *(f"{value:.3g}" for value in quantiles[name].values()))
    return table


def _epsilons(found: Implied) -> Table:
    from nearid.cli.terminal import narrow_table

    table = narrow_table()
    table.add_column("by the constants'", no_wrap=True)
    for heading in ("up to a rigid map", "up to a similarity"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, heading in STATISTICS.items():
        table.add_row(heading, f"{found.rigid[name]:.4g}", f"{found.similarity[name]:.4g}")
    return table


def _at_worst(found: Found) -> str:
    if found.worst is None:
        return f"no bound, {found.why_not}"
    return (
        f"{found.worst.lower:.4g} ≤ σ ≤ {found.worst.upper:.4g}, "
        f"1 + L ≤ {found.worst.constant:.4g}, 1 + L_sim ≤ {found.worst.constant_scale_free:.4g}"
    )
