"""A model, made ready: what every kind of model offers, and which kind it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nearid.embed.inputs import Batch
from nearid.embed.pooling import Pooled
from nearid.errors import InputError
from nearid.io.location import check_exists

__all__ = ["Session", "Source", "open_model"]


@dataclass(frozen=True, eq=False)
class Session:
    """The chosen layers of a model that is ready to run.

    Parameters
    ----------
    layers : sequence of str
    run : callable
        Takes a batch and returns rows of each layer, as NumPy arrays.
    notices : sequence of str
        What was left out or treated specially.
    """

    layers: Sequence[str]
    run: Callable[[Batch], Mapping[str, Pooled]]
    notices: Sequence[str] = ()


class Source(Protocol):
    """What every kind of model offers."""

    @property
    def settings(self) -> dict[str, Any]:
        """What it is, in types that JSON knows; a digest of its weights among it."""

    @property
    def context(self) -> int | None:
        """The most tokens that it takes, if it has such a bound."""

    def session(
        self, layers: str | Sequence[str], trial: Callable[[int], Batch], *, pool: str, device: Any
    ) -> AbstractContextManager[Session]:
        """Have the model ready while the context lasts, and leave it as it was found.

        ``trial`` reads so many of the first inputs, or all if there are fewer.
        """


def open_model(model: Any, *, revision: str | None = None) -> Source:
    """Return the source that reads a model of that kind.

    Parameters
    ----------
    model : torch.nn.Module, path, or Source
        A path is the folder of a model of Hugging Face or timm, or an ``.onnx`` file.
    revision : str, optional
        Which of the revisions that lie in a folder.

    Raises
    ------
    InputError
        If it is none of these.
    MissingExtraError
        If the library that it needs is not installed.
    """
    if hasattr(model, "session") and hasattr(model, "context"):
        found: Source = model
        return found
    if isinstance(model, str | os.PathLike):
        return _of_path(Path(model), revision)
    if revision is not None:
        raise InputError("revision is for the path of a model; this model is loaded already")
    if not hasattr(model, "named_modules"):
        raise InputError(
            f"expected a torch.nn.Module, the folder of a model, or an .onnx file; got a "
            f"{type(model).__name__}"
        )
    from nearid.embed.network import Network

    return Network(model)


def _of_path(path: Path, revision: str | None) -> Source:
    check_exists(path)
    if path.is_dir():
        from nearid.embed.folder import open_folder

        return open_folder(path, revision=revision)
    if path.suffix.lower() != ".onnx":
        raise InputError(f"{path}: expected the folder of a model, or an .onnx file")
    if revision is not None:
        raise InputError("revision is for the folder of a model; an .onnx file has none")
    from nearid.embed.onnx import OnnxModel

    return OnnxModel(path)
