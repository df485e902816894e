"""``nearid embed``: the rows that the layers of a model make of inputs, in a folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearid.cli import options
from nearid.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from nearid.cli.terminal import Terminal
    from nearid.embed import Embedding

__all__ = ["command"]


class Pool(StrEnum):
    """The pools of :mod:`nearid.embed.pooling`."""

    MEAN = "mean"
    CLS = "cls"
    TOKENS = "tokens"
    FLATTEN = "flatten"


class Kept(StrEnum):
    """In which type of number rows are kept."""

    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"


class Format(StrEnum):
    """The formats of :mod:`nearid.embed.formats`."""

    NPY = "npy"
    ZARR = "zarr"


def command(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A folder of a Hugging Face model; FILE.onnx; or MODULE:FACTORY, a callable "
            "without arguments that returns a torch module. It is imported from the working "
            "directory, as python -m does, and called: this RUNS YOUR CODE.",
            show_default=False,
        ),
    ],
    inputs: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="A folder of images; an .npy or .npz of arrays, FILE::KEY if it holds several; a "
            "text file with an input in each line; or FILE.parquet::COLUMN of texts.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder to write, which is there when all is done. The same command goes on with "
            "what was interrupted.",
            show_default=False,
        ),
    ],
    layers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Name of a layer, may be repeated; or all; or a regular expression, such as "
            r"'h\.\d+'. The whole model is called output.",
            show_default="all",
        ),
    ] = None,
    pool: Annotated[
        Pool,
        typer.Option(
            help="mean: over tokens that are no padding, or over space; cls: the first token; "
            "tokens: a row for each; flatten: all numbers of an input."
        ),
    ] = Pool.MEAN,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Inputs at a time.")] = 32,
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Such as cpu or cuda.", show_default="cpu"),
    ] = None,
    dtype: Annotated[
        Kept | None,
        typer.Option(help="How rows are kept.", show_default="as the layer returns them"),
    ] = None,
    format: Annotated[Format, typer.Option(help="Of the files.")] = Format.NPY,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.safetensors",
            help="Of MODULE:FACTORY, the weights of the module, all of them.",
            show_default="as the factory makes them",
        ),
    ] = None,
    attribute: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of MODULE:FACTORY, the part to run, such as encoder.",
            show_default="the whole module",
        ),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A folder: which of the revisions that lie in it.",
            show_default="the only one",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="N or HxW",
            help="Images: pixels to bring them to.",
            show_default="as they are, all alike",
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="M or R,G,B",
            help="Images: what is subtracted, of pixels from 0 to 1.",
            show_default="0",
        ),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option(
            metavar="S or R,G,B", help="Images: what they are divided by then.", show_default="1"
        ),
    ] = None,
    grey: Annotated[bool, typer.Option("--grey", help="Images: of one channel.")] = False,
    crop: Annotated[
        bool, typer.Option("--crop", help="Images: keep proportions, and cut the rest.")
    ] = False,
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Texts: folder of the Hugging Face tokenizer.",
            show_default="the folder of the model",
        ),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Texts: the most tokens.",
            show_default="what the model takes",
        ),
    ] = None,
    truncate: Annotated[
        bool,
        typer.Option("--truncate", help="Texts: cut longer ones there; else they are refused."),
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", min=1, help="Images: threads that read.")
    ] = 1,
    json: options.Json = False,
) -> None:
    """Write the rows that the layers of a model make of inputs, a file for each, with ids.

    Nothing is fetched: models and inputs lie where you say. Needs the extra torch, hf for Hugging
    Face models, onnx for .onnx files, datasets for images.

    \b
    Examples:
      nearid embed mae-base --inputs photos --size 224 --layers 'layers\\.\\d+' --out mae
      nearid embed nets:encoder --weights seed0.safetensors --inputs x.npy --out seed0
      nearid compare seed0/output.npy seed1/output.npy
    """  # noqa: D301  (typer needs the control character)
    of_images = {"size": size, "mean": mean, "std": std, "grey": grey, "crop": crop}
    of_texts = {"tokenizer": tokenizer, "max_length": max_length, "truncate": truncate}
    terminal: Terminal = context.obj
    with redirect_stdout(sys.stderr):  # what the user's code prints is not our data
        of_code = {"weights": weights, "attribute": attribute}
        _check_model(model, of_code, revision)
        with terminal.waiting("reading"):
            given = _open_inputs(inputs, of_images, of_texts, jobs, (model, revision))
            opened, notes = _open_model(model, weights, attribute, revision)
        terminal.notes(notes)
        with terminal.counting("embedding") as tell:
            from nearid.embed import embed
            from nearid.embed.result import MANIFEST

            if (out / MANIFEST).is_file():
                terminal.notes([f"{out} is there already: if it is this embedding, it is kept"])
            found = embed(
                opened,
                given,
                layers="all" if not layers else layers[0] if len(layers) == 1 else layers,
                pool=str(pool),
                batch_size=batch_size,
                device=device,
                dtype=None if dtype is None else str(dtype),
                out=out,
                format=str(format),
                progress=_told(tell),
            )
    terminal.notes(found.notices)
    _deliver(found, out, json=json, terminal=terminal)


def _is_path(model: str) -> bool:
    return Path(model).is_dir() or model.lower().endswith(".onnx")


def _check_model(model: str, of_code: dict[str, Any], revision: str | None) -> None:
    """Refuse options that are for another kind of model."""
    if _is_path(model):
        for name, value in of_code.items():
            if value is not None:
                raise typer.BadParameter("is for MODULE:FACTORY", param_hint=f"--{name}")
    elif revision is not None:
        raise typer.BadParameter("is for the folder of a model", param_hint="--revision")
    elif ":" not in model:
        raise InputError(f"{model} is no folder, no .onnx file, and no MODULE:FACTORY")


def _open_model(
    model: str, weights: Path | None, attribute: str | None, revision: str | None
) -> tuple[Any, list[str]]:
    """Return the module of a factory, or the source of a path, and what was noted."""
    if _is_path(model):
        from nearid.embed.sources import open_model

        return open_model(model, revision=revision), []
    from nearid.cli.modules import load_weights, made_by, part_of

    module = made_by(model)
    notes = [f"no --weights: {model} is as it was made"]
    if weights is not None:
        notes = load_weights(module, weights)
    return (module if attribute is None else part_of(module, attribute)), notes


def _open_inputs(
    inputs: str,
    of_images: dict[str, Any],
    of_texts: dict[str, Any],
    jobs: int,
    model: tuple[str, str | None],
) -> Any:
    """Return the inputs of the kind that a path is of; a text's tokenizer may be the model's."""
    from nearid.embed import arrays, images, texts
    from nearid.io import split_location
    from nearid.io.location import check_exists

    path, _ = split_location(inputs)
    check_exists(path)  # before it is taken for a kind of input that it may not be
    if path.is_dir():
        _refuse({name: of_texts[name] for name in ("max_length", "truncate")}, "texts", inputs)
        return images(
            path,
            size=_size(of_images["size"]),
            mode="L" if of_images["grey"] else "RGB",
            mean=_numbers(of_images["mean"] or "0", "--mean"),
            std=_numbers(of_images["std"] or "1", "--std"),
            crop=of_images["crop"],
            n_jobs=jobs,
        )
    _refuse(of_images, "images", inputs)
    if path.suffix.lower() in (".npy", ".npz"):
        _refuse({name: of_texts[name] for name in ("max_length", "truncate")}, "texts", inputs)
        return arrays(inputs)
    tokenizer = of_texts["tokenizer"] or _own_tokenizer(*model)
    if tokenizer is None:
        raise typer.BadParameter(
            f"{inputs} is taken for text: name the folder of a tokenizer", param_hint="--tokenizer"
        )
    return texts(inputs, **{**of_texts, "tokenizer": tokenizer})


def _own_tokenizer(model: str, revision: str | None) -> Path | None:
    from nearid.embed.folder import revision_folder

    return revision_folder(Path(model), revision) if Path(model).is_dir() else None


def _refuse(given: dict[str, Any], kind: str, inputs: str) -> None:
    for name, value in given.items():
        if value:
            option = f"--{name}".replace("_", "-")
            raise typer.BadParameter(f"is for {kind}; {inputs} holds none", param_hint=option)


def _size(text: str | None) -> int | tuple[int, int] | None:
    """Turn the text of ``--size`` into a number of pixels, or two.

    Examples
    --------
    >>> _size("224"), _size("224x192")
    (224, (224, 192))
    """
    if text is None:
        return None
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise typer.BadParameter(
            f"expected pixels, as in 224 or 224x192; got {text!r}", param_hint="--size"
        )
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def _numbers(text: str, option: str) -> list[float]:
    """Turn text into one number, or three.

    Examples
    --------
    >>> _numbers("0.485,0.456,0.406", "--mean")
    [0.485, 0.456, 0.406]
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"expected a number, or one for each channel; got {text!r}", param_hint=option
        ) from None


def _told(tell: Callable[[float, int, str], None]) -> Callable[[int, int], None]:
    """Tell how many inputs are done and how fast: whole numbers, which a log shows, for tenths."""
    begin, counted, tenth = time.monotonic(), 0, 0

    def progress(done: int, total: int) -> None:
        nonlocal begin, counted, tenth
        if not counted:  # what came before, in this process or in one that was killed, is not ours
            begin, counted = time.monotonic(), done
        speed = (done - counted) / max(1e-9, time.monotonic() - begin)
        reached = 10 * done // total
        rate = f"{speed:,.0f}" if speed >= 100 else f"{speed:.3g}"
        what = f"{rate} inputs/s" if done > counted else "inputs"
        tell(float(done) if reached > tenth else done + 0.5, total, what)
        tenth = max(tenth, reached)

    return progress


def _deliver(found: Embedding, out: Path, *, json: bool, terminal: Terminal) -> None:
    if json:
        print(terminal.json({"out": str(out), **found.manifest}))
        return
    n = found.manifest["inputs"]["n"]
    many = f"{len(found.layers)} layer{'s' if len(found.layers) > 1 else ''}"
    terminal.show(_table(found), "", f"{n} inputs, {many}: {out}")


def _table(found: Embedding) -> Table:
    """Return the layers, and what is in them."""
    from nearid.cli.terminal import narrow_table, one_line

    table = narrow_table()
    table.add_column("layer", no_wrap=True)
    for heading in ("rows", "columns", "type", "not finite"):
        table.add_column(heading, no_wrap=True, justify="right")
    for name, entry in found.manifest["layers"].items():
        rows, columns = entry["shape"]
        table.add_row(
            one_line(name), str(rows), str(columns), entry["dtype"], str(entry["nonfinite"])
        )
    return table
