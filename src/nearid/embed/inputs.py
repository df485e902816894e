"""What is given to a model: rows in an order, each with an id, read a batch at a time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.location import split_location

__all__ = ["Batch", "Inputs", "open_inputs"]


@dataclass(frozen=True, eq=False)
class Batch:
    """Some inputs, ready for a model.

    Parameters
    ----------
    size : int
        How many.
    array : ndarray, shape (size, …), optional
        The one argument, if it has no name.
    named : mapping of str to ndarray of shape (size, …)
        Arguments by name.
    mask : ndarray of bool, shape (size, tokens), optional
        Which tokens are no padding.
    """

    size: int
    array: NDArray[Any] | None = None
    named: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    mask: NDArray[np.bool_] | None = None


class Inputs(Protocol):
    """What every kind of input offers.

    ``settings`` is what determines a batch, in types that JSON knows; ``notices`` what was left out
    or treated specially.
    """

    @property
    def settings(self) -> dict[str, Any]:
        """What determines a batch, beside the content."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What was left out or treated specially."""

    def __len__(self) -> int:
        """Return the number of inputs."""

    def ids(self, start: int, stop: int) -> list[str]:
        """Return the ids of some inputs."""

    def batch(self, start: int, stop: int) -> Batch:
        """Read some inputs."""

    def fingerprint(self) -> str:
        """Return a digest of the content."""

    def within(self, context: int | None) -> Inputs:
        """Return these inputs for a model that takes so many tokens, or refuse."""


def open_inputs(inputs: Any) -> Inputs:
    """Return inputs as they are, or make them of an array or of the path of one.

    Raises
    ------
    InputError
        If that takes settings which only the function of the kind can be given.
    """
    if hasattr(inputs, "batch") and hasattr(inputs, "fingerprint"):
        found: Inputs = inputs
        return found
    if isinstance(inputs, str | os.PathLike):
        _check_settings(split_location(inputs)[0])
    from nearid.embed.arrays import arrays

    return arrays(inputs)


def _check_settings(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder: for one of images, give images({str(path)!r}, …)")
    if path.suffix.lower() not in (".npy", ".npz"):
        raise InputError(
            f"{path}: expected an .npy or .npz file; for text, give texts({str(path)!r}, "
            f"tokenizer=…)"
        )
