"""Models that are trained here from several seeds, to be compared pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.datasets import load_mnist
from nearid.errors import InputError
from nearid.experiments.given import Folder, given_file, told
from nearid.models import classifier, labelled, tiny_gpt, vit_mae

__all__ = ["TRAINED", "Inputs", "Recipe", "Settings", "characters", "text_lines", "windows"]

#: The text below a folder of data.
TEXT = (Path("text") / "tinyshakespeare.txt", Path("tinyshakespeare.txt"))

#: Share of the text that is trained on; what follows is only looked at.
TRAINED_ON = 0.9


@dataclass(frozen=True)
class Settings:
    """The sizes of a kind of pairs.

    Parameters
    ----------
    steps, batch : int
        Of each training.
    width, depth : int
        Of each model: the classifier has always four stages.
    inputs : int
        Held-out windows of text, or images, at which models are compared.
    """

    steps: int
    batch: int
    width: int
    depth: int
    inputs: int


@dataclass(frozen=True, eq=False)
class Inputs:
    """What models are trained on, and what they are compared on.

    Parameters
    ----------
    train : ndarray
        As :func:`nearid.models.train` takes it.
    test : ndarray
        As the model takes it.
    nuisances : mapping of str to ndarray of int
        What every token's representation tells of, though no model need learn it: the number of
        each row (token, or input) by what it is a number of, shape (rows,).
    n_classes : int
        Characters, or classes, that a model is to know.
    pooled : ndarray or None
        More of them, each of which is one row, the mean over its tokens.
    """

    train: NDArray[Any]
    test: NDArray[Any]
    nuisances: Mapping[str, NDArray[np.intp]]
    n_classes: int = 0
    pooled: NDArray[Any] | None = None


@dataclass(frozen=True)
class Recipe:
    """How a model is made, trained and looked into.

    Parameters
    ----------
    factory : callable
        ``factory(inputs, settings)``, what makes an untrained model.
    options : mapping
        Of :func:`nearid.models.train`, but the steps and the batch.
    layers : callable
        ``layers(settings)``, the names of the layers that are compared, in the order of depth.
    pool : str
        Of :func:`nearid.embed.embed`.
    skip : int
        Tokens at the front that are left out: a class token is a row of another kind.
    last : bool
        Whether the last layer stands for the model, as where heads are compared, or the one in the
        middle.
    """

    factory: Callable[[Inputs, Settings], Callable[[], Any]]
    options: Mapping[str, Any]
    layers: Callable[[Settings], list[str]]
    pool: str
    skip: int = 0
    last: bool = False


def characters(folder: Folder) -> tuple[NDArray[np.int64], str]:
    """Read the text as numbers of characters, and the alphabet.

    Parameters
    ----------
    folder : path or None
        The folder of data, or of the text; None for the environment variable NEARID_DATA.

    Raises
    ------
    InputError
        If the text is not there.
    """
    text = np.array(list(_text(folder)))
    alphabet, numbers = np.unique(text, return_inverse=True)
    return numbers.astype(np.int64), "".join(alphabet)


def text_lines(folder: Folder, n: int) -> list[str]:
    """Return lines of the text that are no names of speakers, all different, from all of it.

    Parameters
    ----------
    folder : path or None
        As in :func:`characters`.
    n : int
        How many, at most.
    """
    lines = [line.strip() for line in _text(folder).splitlines()]
    sentences = list(dict.fromkeys(line for line in lines if len(line) >= SENTENCE))
    chosen = np.linspace(0, len(sentences) - 1, min(n, len(sentences))).astype(np.intp)
    return [sentences[i] for i in chosen]


#: Characters of a line from which it is taken for a sentence.
SENTENCE = 25


def _text(folder: Folder) -> str:
    found = given_file(folder, *TEXT)
    if found is None:
        raise InputError(
            f"the text tinyshakespeare.txt is not in {told(folder)}: "
            f"put it there, or into a folder text in it, and name the folder by --data"
        )
    return found.read_text(encoding="utf-8")


def windows(
    numbers: NDArray[np.int64], length: int, *, stride: int | None = None, n: int | None = None
) -> NDArray[np.int64]:
    """Cut a text into windows, every so many characters, or so many in all.

    Examples
    --------
    >>> windows(np.arange(5), 2, stride=2).tolist()
    [[0, 1], [2, 3]]
    """
    every = np.lib.stride_tricks.sliding_window_view(numbers, length)
    if n is not None:
        starts = np.linspace(0, len(every) - 1, min(n, len(every))).astype(np.intp)
        return np.ascontiguousarray(every[starts])
    return np.ascontiguousarray(every[::stride])


#: Characters that a language model sees at once.
CONTEXT = 64


def text_inputs(folder: Folder, settings: Settings) -> Inputs:
    """Return windows of the text, overlapping ones to train on."""
    numbers, alphabet = characters(folder)
    end = int(len(numbers) * TRAINED_ON)
    test = windows(numbers[end:], CONTEXT, n=settings.inputs)
    position = np.tile(np.arange(CONTEXT), len(test))
    return Inputs(
        train=windows(numbers[:end], CONTEXT + 1, stride=16),
        test=test,
        nuisances={"character": test.ravel().astype(np.intp), "position": position},
        n_classes=len(alphabet),
        pooled=windows(numbers[end:], CONTEXT, n=10 * settings.inputs),
    )


#: Side of a patch of an image.
PATCH = 4


def image_inputs(folder: Folder, settings: Settings, *, labels: bool) -> Inputs:
    """Return images of clothes, with their labels or by patches."""
    own = Path(folder) / "fashion-mnist" if folder is not None else None
    place = own if own is not None and own.is_dir() else None
    train, test = (load_mnist(split, name="fashion", folder=place) for split in ("train", "test"))
    shown = test.images[: settings.inputs, None]
    if labels:
        return Inputs(
            train=labelled(train.images, train.labels),
            test=shown,
            nuisances={"class": test.labels[: settings.inputs].astype(np.intp)},
            n_classes=int(train.labels.max()) + 1,
        )
    n_patches = (shown.shape[-1] // PATCH) ** 2
    position = np.tile(np.arange(n_patches), len(shown))
    return Inputs(train=train.images[:, None], test=shown, nuisances={"position": position})


INPUTS: dict[str, Callable[[Any, Settings], Inputs]] = {
    "language": text_inputs,
    "mae": partial(image_inputs, labels=False),
    "classifier": partial(image_inputs, labels=True),
}


def _gpt(inputs: Inputs, settings: Settings) -> Callable[[], Any]:
    width, depth = settings.width, settings.depth
    return partial(tiny_gpt, inputs.n_classes, context=CONTEXT, width=width, depth=depth)


def _mae(inputs: Inputs, settings: Settings) -> Callable[[], Any]:
    return partial(
        vit_mae,
        inputs.test.shape[1:],
        patch=PATCH,
        width=settings.width,
        depth=settings.depth,
        heads=4,
        decoder_width=max(settings.width // 2, 16),
        decoder_depth=1,
        decoder_heads=4,
    )


def _classifier(inputs: Inputs, settings: Settings) -> Callable[[], Any]:
    return partial(classifier, inputs.test.shape[1:], inputs.n_classes, width=settings.width)


def _stages(settings: Settings) -> list[str]:
    """Name the last two: earlier ones are narrower than the components that are asked for."""
    return ["stages.2", "stages.3"]


def _numbered(prefix: str, settings: Settings) -> list[str]:
    return [f"{prefix}.{number}" for number in range(settings.depth)]


#: How each kind of model is trained: by its name.
TRAINED = {
    "language": Recipe(
        _gpt, {"lr": 2e-3, "weight_decay": 0.1}, partial(_numbered, "blocks"), "tokens"
    ),
    "mae": Recipe(
        _mae, {"lr": 2e-3, "weight_decay": 0.05}, partial(_numbered, "net.vit.layers"), "tokens", 1
    ),
    "classifier": Recipe(
        _classifier, {"lr": 3e-3, "weight_decay": 0.01}, _stages, "mean", last=True
    ),
}

SCALES: dict[str, dict[str, Settings]] = {
    "ci": {
        "language": Settings(30, 16, 32, 2, 60),
        "mae": Settings(30, 32, 32, 2, 60),
        "classifier": Settings(15, 32, 4, 4, 600),
    },
    "cpu": {
        "language": Settings(2_000, 32, 64, 4, 250),
        "mae": Settings(3_000, 64, 64, 4, 300),
        "classifier": Settings(700, 64, 8, 4, 4_000),
    },
    "paper": {
        "language": Settings(20_000, 64, 384, 6, 1_000),
        "mae": Settings(100_000, 256, 192, 12, 2_000),
        "classifier": Settings(20_000, 128, 64, 4, 10_000),
    },
}
