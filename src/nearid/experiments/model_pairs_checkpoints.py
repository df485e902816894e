"""Checkpoints that a user has put into folders: language models, and masked auto-encoders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.datasets import load_mnist
from nearid.embed import embed
from nearid.embed.huggingface import load_tokenizer
from nearid.embed.texts import texts
from nearid.errors import InputError
from nearid.experiments.model_pairs import Subject
from nearid.experiments.model_pairs_subjects import middle_of
from nearid.experiments.model_pairs_trained import text_lines
from nearid.models import initialise
from nearid.optional import require

__all__ = ["CHECKPOINTS", "checkpoint_subjects"]

Floats = NDArray[Any]

#: What is compared by kind: the folder below that of checkpoints, and what belongs there.
CHECKPOINTS = {
    "language": "two or more folders of one language model, such as Pythia-160M of several seeds",
    "mae": "two or more folders of one masked auto-encoder, such as two ViT-MAE-B/16",
}

#: Modules that are layers of transformers, whatever the model is called.
LAYERS = r"(model\.)?(encoder\.|transformer\.)?(layers?|h)\.\d+"

#: Tokens of a line that are looked at.
LENGTH = 64


def checkpoint_subjects(
    kind: str,
    folder: str | os.PathLike[str] | None,
    *,
    data_dir: str | os.PathLike[str] | None,
    n_inputs: int,
    device: Any = None,
) -> list[Subject]:
    """Embed inputs by every checkpoint of a kind, and by as many that are not trained.

    Parameters
    ----------
    kind : {"language", "mae"}
    folder : path or None
        Holds a folder ``language`` and a folder ``mae``, with a folder per checkpoint in each.
    data_dir : path or None
    n_inputs : int
    device : str or torch.device, optional

    Returns
    -------
    list of Subject
        One: of the layer in the middle.

    Raises
    ------
    InputError
        If the checkpoints are not there; it says where to put them.
    """
    places = _places(kind, folder)
    inputs, nuisances = (
        _lines(places[0], data_dir, n_inputs)
        if kind == "language"
        else _images(places[0], data_dir, n_inputs)
    )
    skip = 0 if kind == "language" else 1
    runs = {place.name: _middle(place, inputs, device, skip) for place in places}
    untrained = {
        f"seed {seed}": _middle(initialise(_Untrained(places[0]), seed), inputs, device, skip)
        for seed in range(2)
    }
    name = ", ".join(runs)
    return [Subject(kind, name, "middle", runs, untrained, nuisances, headline=True)]


def _places(kind: str, folder: str | os.PathLike[str] | None) -> list[Path]:
    below = Path(folder or "CHECKPOINTS") / kind
    places = sorted(p.parent for p in below.glob("*/config.json")) if folder else []
    if len(places) < 2:
        raise InputError(
            f"the scale paper compares checkpoints, and {below} holds {len(places)}: put "
            f"{CHECKPOINTS[kind]}, each with config.json and .safetensors, there, and name "
            f"{'the folder above' if folder else 'CHECKPOINTS'} by --checkpoints"
        )
    return places


class _Untrained:
    """A factory of a checkpoint's architecture."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self) -> Any:
        transformers = require("transformers", extra="hf")
        config = transformers.AutoConfig.from_pretrained(self.folder, local_files_only=True)
        return transformers.AutoModel.from_config(config)


def _middle(model: Any, inputs: Any, device: Any, skip: int) -> Floats:
    """Return the rows of the layer in the middle, a row per token."""
    found = embed(model, inputs, layers=LAYERS, pool="tokens", device=device)
    names = list(found.layers)
    rows = np.asarray(found.layers[names[middle_of(len(names))]], dtype=np.float32)
    if not skip:
        return rows
    tokens = rows.reshape(len(inputs), -1, rows.shape[1])
    return tokens[:, skip:].reshape(-1, rows.shape[1])


def _lines(folder: Path, data_dir: Any, n_inputs: int) -> tuple[Any, dict[str, NDArray[np.intp]]]:
    """Return lines of the text, and token and position of every row they will make."""
    tokenizer = load_tokenizer(folder)
    given = texts(
        text_lines(data_dir, n_inputs), tokenizer=tokenizer, max_length=LENGTH, truncate=True
    )
    batch = given.batch(0, len(given))
    assert batch.mask is not None
    _, tokens = np.unique(batch.named["input_ids"][batch.mask], return_inverse=True)
    position = np.nonzero(batch.mask)[1]
    return given, {"token": tokens.astype(np.intp), "position": position}


def _images(
    folder: Path, data_dir: Any, n_inputs: int
) -> tuple[Floats, dict[str, NDArray[np.intp]]]:
    """Return images of clothes in the size and the channels of a model, and rows' positions."""
    torch = require("torch", extra="torch")
    config = require("transformers", extra="hf").AutoConfig.from_pretrained(
        folder, local_files_only=True
    )
    own = Path(data_dir) / "fashion-mnist" if data_dir is not None else None
    images = load_mnist("test", name="fashion", folder=own if own and own.is_dir() else None).images
    side, patches = config.image_size, (config.image_size // config.patch_size) ** 2
    large = torch.nn.functional.interpolate(
        torch.from_numpy(images[:n_inputs])[:, None], size=(side, side), mode="bilinear"
    )
    shown = large.expand(-1, config.num_channels, -1, -1).numpy()
    return np.asarray(shown), {"position": np.tile(np.arange(patches), len(shown))}
