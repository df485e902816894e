"""A training's state in one ``.safetensors`` file: there in full or not at all, and no pickle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.safetensors import read_safetensors, write_safetensors

__all__ = ["FILE", "Checkpoint", "read_checkpoint", "write_checkpoint"]

#: Name of the file in a training's folder.
FILE = "checkpoint.safetensors"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Everything that a training needs in order to go on to the same bits.

    Parameters
    ----------
    step : int
        Number of steps taken.
    fingerprint : str
        Digest of everything that determines the training.
    model, optimizer : mapping of str to ndarray
    losses : ndarray, shape (step,)
    """

    step: int
    fingerprint: str
    model: Mapping[str, NDArray[Any]]
    optimizer: Mapping[str, NDArray[Any]]
    losses: NDArray[np.float32]


def write_checkpoint(folder: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Replace the checkpoint of a folder."""
    tensors = {"losses": checkpoint.losses}
    tensors |= {f"model/{name}": array for name, array in checkpoint.model.items()}
    tensors |= {f"optimizer/{name}": array for name, array in checkpoint.optimizer.items()}
    about = {"step": str(checkpoint.step), "fingerprint": checkpoint.fingerprint}
    write_safetensors(Path(folder) / FILE, tensors, about)


def read_checkpoint(folder: str | os.PathLike[str], fingerprint: str) -> Checkpoint | None:
    """Read the checkpoint of a folder, None if there is none yet.

    Raises
    ------
    InputError
        If it is damaged, or that of another training.
    """
    path = Path(folder) / FILE
    if not path.exists():
        return None
    tensors, about = read_safetensors(path)
    if about.get("fingerprint") != fingerprint:
        raise InputError(
            f"{path} belongs to a training with another model, data, settings or seed; name "
            f"another folder, or delete that file to start anew"
        )
    parts: dict[str, dict[str, NDArray[Any]]] = {"model": {}, "optimizer": {}}
    try:
        for name, array in tensors.items():
            part, _, key = name.partition("/")
            if key:
                parts[part][key] = array
        return Checkpoint(int(about["step"]), fingerprint, **parts, losses=tensors["losses"])
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path} is no state of a training ({error!r}): delete it to start anew"
        ) from None
