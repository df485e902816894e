"""Models in ``.onnx`` files, run by ONNX Runtime; only the outputs of the graph are read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.embed.inputs import Batch
from nearid.embed.layers import matching, usable
from nearid.embed.pooling import Pooled, pooled, why_not
from nearid.embed.sources import Session
from nearid.errors import InputError
from nearid.io.location import check_file, listing
from nearid.optional import require

__all__ = ["OnnxModel"]

Array = NDArray[Any]

WHAT = "an .onnx file"

#: NumPy's name of the types of inputs.
TYPES = {
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}

#: Inputs that a model of text may have beside those that are given, and that are zero by default.
ZEROS = ("token_type_ids",)

#: How ONNX Runtime calls the devices that it runs on.
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


@dataclass(frozen=True)
class OnnxModel:
    """An ``.onnx`` file as a source of layers: of the outputs that its graph names.

    Other intermediate results have no name by which ONNX Runtime would return them; a graph that is
    to give them must list them among its outputs.

    Parameters
    ----------
    path : Path
    """

    path: Path

    @property
    def settings(self) -> dict[str, Any]:
        """What it is: a digest of the file, and of the weights beside it."""
        runtime = require("onnxruntime", extra="onnx")
        check_file(self.path, WHAT)
        digest = hashlib.sha256()
        beside = [self.path.with_name(f"{self.path.name}{end}") for end in (".data", "_data")]
        for path in [self.path, *filter(Path.is_file, beside)]:
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        version = runtime.__version__
        return {"kind": "onnx", "fingerprint": digest.hexdigest(), "onnxruntime": version}

    @property
    def context(self) -> int | None:
        """The most tokens that it takes: an ``.onnx`` file does not say."""
        return None

    @contextmanager
    def session(
        self, layers: str | Sequence[str], trial: Callable[[int], Batch], *, pool: str, device: Any
    ) -> Iterator[Session]:
        """Open the graph, and see by a trial which outputs can be read."""
        opened = _opened(self.path, device)
        names, one_by_one = matching(layers, [output.name for output in opened.get_outputs()])
        first = trial(_batch_of(opened) or 2)  # of one, any first axis would look like the batch
        found = _run(opened, names, first)
        faults = {name: _fault(value, first, pool) for name, value in found.items()}
        good, left_out = usable(faults, one_by_one=one_by_one)
        said = f"{self.path.name}: of an .onnx file only the outputs of the graph are layers"

        def run(batch: Batch) -> Mapping[str, Pooled]:
            returned = _run(opened, good, batch)
            return {name: pooled(value, pool, mask=batch.mask) for name, value in returned.items()}

        yield Session(good, run, [said, *left_out])


def _opened(path: Path, device: Any) -> Any:
    runtime = require("onnxruntime", extra="onnx")
    kind = str(device or "cpu").partition(":")[0]
    provider = PROVIDERS.get(kind)
    if provider is None or provider not in runtime.get_available_providers():
        raise InputError(
            f"ONNX Runtime here runs on {listing(runtime.get_available_providers())}; there is no "
            f"device {device!r}"
        )
    try:
        return runtime.InferenceSession(path, providers=[provider])
    except Exception as error:  # of a class of its own for each of a dozen causes
        raise InputError(f"{path} cannot be read as {WHAT}: {_first(error)}") from error


def _batch_of(opened: Any) -> int | None:
    """Return the size of the batch, if the graph fixes it."""
    size = next((given.shape[0] for given in opened.get_inputs() if given.shape), None)
    return size if isinstance(size, int) and size > 0 else None


def _run(opened: Any, names: Sequence[str], batch: Batch) -> dict[str, Array]:
    feeds = _feeds(opened, batch)
    try:
        return dict(zip(names, opened.run(list(names), feeds), strict=True))
    except Exception as error:
        shapes = [f"{name} {array.shape} {array.dtype}" for name, array in feeds.items()]
        raise InputError(
            f"the model refused a batch of {batch.size}, {', '.join(shapes)}: {_first(error)}; is "
            f"the batch of the graph of a fixed size?"
        ) from error


def _feeds(opened: Any, batch: Batch) -> dict[str, Array]:
    """Give each input of the graph its array, in its type."""
    wanted = {given.name: given.type for given in opened.get_inputs()}
    given = dict(batch.named)
    if batch.array is not None:
        if len(wanted) != 1:
            raise InputError(f"the graph has the inputs {listing(wanted)}, but one array was given")
        given = {next(iter(wanted)): batch.array}
    for name in ZEROS:
        if name in wanted and name not in given and given:
            given[name] = np.zeros_like(next(iter(given.values())))
    missing = [name for name in wanted if name not in given]
    if missing:
        raise InputError(f"the graph needs {listing(missing)}, but was given {listing(given)}")
    return {name: given[name].astype(TYPES.get(kind), copy=False) for name, kind in wanted.items()}


def _fault(value: Any, trial: Batch, pool: str) -> str:
    """Say what keeps an output from being read, or nothing."""
    kind = getattr(value, "dtype", np.dtype(object))
    if kind.kind != "f":
        return f"returns {kind}, expected floating numbers"
    return why_not(value.shape, pool, n=trial.size, mask=trial.mask)


def _first(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
