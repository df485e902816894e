"""The rows that the layers of a model make of inputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nearid.embed.inputs import Batch, Inputs, open_inputs
from nearid.embed.memory import Memory
from nearid.embed.pooling import Pooled, check_pool
from nearid.embed.result import Embedding, not_finite
from nearid.embed.sources import Session, Source, open_model
from nearid.errors import InputError
from nearid.plain import plain

__all__ = ["embed"]

Array = NDArray[Any]

#: Types in which rows can be kept.
DTYPES = ("float16", "float32", "float64")


class Sink(Protocol):
    """Where rows go."""

    done: int

    def add(self, rows: Mapping[str, Array], ids: Mapping[str, Sequence[str]], done: int) -> None:
        """Take the rows of a batch."""


def embed(
    model: Any,
    inputs: Any,
    *,
    layers: str | Sequence[str] = "all",
    pool: str = "mean",
    batch_size: int = 32,
    device: Any = None,
    dtype: str | None = None,
    out: str | os.PathLike[str] | None = None,
    format: str = "npy",
    revision: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Embedding:
    r"""Give inputs to a model, and keep what its layers return as rows.

    The model is run as it is, without gradients and in evaluation mode, and is left exactly as it
    was found: its mode, device, gradients and hooks, and the global state of random numbers. What
    a layer returns is pooled when it returns; the numbers are those of a plain call with the same
    batch, to the bit. Nothing is fetched from a network.

    Parameters
    ----------
    model : torch.nn.Module or path
        A path is the folder of a model of Hugging Face or timm, or an ``.onnx`` file, of which the
        outputs of the graph are the layers. Of a masked auto-encoder (ViTMAE) the random mask is
        off: it sees every patch, in order.
    inputs : array, tensor, path of ``.npy`` or ``.npz``, or inputs
        The first axis counts the inputs. :func:`nearid.embed.arrays`, :func:`~nearid.embed.images`
        and :func:`~nearid.embed.texts` make inputs of other things, and with settings.
    layers : str or sequence of str, default "all"
        Names of modules (``output`` is the whole model), a regular expression that matches the
        whole of a name, or ``"all"``: all that return a floating tensor whose first axis is the
        batch, or a tuple or mapping that begins with one. Those that cannot be read are left out
        with a notice, and refused if they are named.
    pool : {"mean", "cls", "tokens", "flatten"}
        How an input becomes a row: the mean over the tokens that are no padding (the class token
        is one of them), or over the places of a map (n, channels, height, width); the first token;
        a row for every token that is no padding, with the id ``<id>#<position>``; or all numbers.
        What is (n, d) stays as it is, and has no tokens.
    batch_size : int, default 32
        Inputs at a time.
    device : str or torch.device, optional
        Where to run, such as ``"cuda"``; where the model is, if not given.
    dtype : {"float16", "float32", "float64"}, optional
        How rows are kept; as the layer returns them, if not given (bfloat16 as float32). In which
        type the model computes is the model's own affair: ``model.half()`` computes in half.
    out : path, optional
        A folder to stream to, which appears when all is done; see :func:`open_embedding` for what
        it holds. An interrupted run goes on where it was. Without it the rows stay in memory.
    format : {"npy", "zarr"}
        Of the files in ``out``.
    revision : str, optional
        Which of the revisions that lie in the folder of a model.
    progress : callable, optional
        Called with the number of inputs that are done, and of all.

    Returns
    -------
    Embedding

    Raises
    ------
    InputError
        If an argument is not as described, the model refuses the inputs, a layer is not there, is
        run several times or returns something else, or the model is random in evaluation mode.
    MissingExtraError
        If the library that the model or the inputs need is not installed.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh())
    >>> embedding = embed(model, np.ones((5, 3)), layers=r"\d")
    >>> {name: rows.shape for name, rows in embedding.layers.items()}
    {'0': (5, 4), '1': (5, 4)}
    """
    check_pool(pool)
    _check_numbers(batch_size, dtype)
    source = open_model(model, revision=revision)
    given = open_inputs(inputs).within(source.context)
    if not len(given):
        raise InputError("there are no inputs")
    asked = layers if isinstance(layers, str) else list(layers)
    settings = {"layers": asked, "pool": pool, "batch_size": batch_size, "dtype": dtype}
    about = plain(
        {
            "model": source.settings,
            "inputs": {"n": len(given), "fingerprint": given.fingerprint(), **given.settings},
            "settings": {**settings, "device": None if device is None else str(device)},
        }
    )
    choice = {"layers": asked, "pool": pool, "device": device}
    work = _Work(source, given, choice, batch_size, dtype, progress)
    if out is not None:
        from nearid.embed.writer import stream

        return stream(work, Path(out), about, format=format)
    memory = Memory()
    notices, entries = work.run(memory), memory.entries()
    manifest = {**about, "layers": entries, "notices": [*notices, *not_finite(entries)]}
    return Embedding(*memory.finish(), manifest)


class _Work:
    """All that is to be done, whatever takes the rows."""

    def __init__(
        self,
        source: Source,
        inputs: Inputs,
        choice: Mapping[str, Any],
        batch_size: int,
        dtype: str | None,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.source, self.inputs, self.choice = source, inputs, dict(choice)
        self.batch_size, self.dtype, self.progress = batch_size, dtype, progress

    def run(self, sink: Sink) -> list[str]:
        """Give the sink the rows of all inputs that it lacks, and return what must be said."""
        n = len(self.inputs)
        with self.source.session(trial=self._first, **self.choice) as session:
            self._loop(session, sink, n)
            return [*self.inputs.notices, *session.notices]

    def _first(self, size: int) -> Batch:
        return self.inputs.batch(0, min(size, len(self.inputs)))

    def _loop(self, session: Session, sink: Sink, n: int) -> None:
        widths: dict[str, int] = {}
        bounds = [(i, min(i + self.batch_size, n)) for i in range(sink.done, n, self.batch_size)]
        for (start, stop), batch in zip(bounds, _ahead(self.inputs.batch, bounds), strict=True):
            found = session.run(batch)
            _check_widths(found, widths)
            ids = _row_ids(self.inputs.ids(start, stop), found)
            sink.add({name: self._kept(rows) for name, rows in found.items()}, ids, stop)
            if self.progress is not None:
                self.progress(stop, n)

    def _kept(self, rows: Pooled) -> Array:
        values: Array = rows.values
        if self.dtype is None or values.dtype == self.dtype:
            return values
        with np.errstate(over="ignore"):  # infinite rows are counted, and said
            return values.astype(self.dtype)


def _ahead(read: Callable[[int, int], Batch], bounds: Sequence[tuple[int, int]]) -> Iterator[Batch]:
    """Yield the batches, each read while the one before it is worked on."""
    with ThreadPoolExecutor(1) as reader:
        coming = [reader.submit(read, *bounds[0])] if bounds else []
        for following in [*bounds[1:], None]:
            if not coming:
                return
            batch = coming.pop().result()
            if following is not None:
                coming.append(reader.submit(read, *following))
            yield batch


def _row_ids(ids: Sequence[str], found: Mapping[str, Pooled]) -> dict[str, Sequence[str]]:
    """Return the ids of the rows of each layer: one and the same list where rows are the same."""
    lists: dict[Any, Sequence[str]] = {None: ids}
    result = {}
    for name, rows in found.items():
        key = None if rows.kept is None else (rows.kept.shape, rows.kept.tobytes())
        if key not in lists:
            assert rows.kept is not None
            lists[key] = [f"{ids[i]}#{k}" for i, k in np.argwhere(rows.kept).tolist()]
        result[name] = lists[key]
    return result


def _check_widths(found: Mapping[str, Pooled], widths: dict[str, int]) -> None:
    for name, rows in found.items():
        width = widths.setdefault(name, rows.values.shape[1])
        if rows.values.shape[1] != width:
            raise InputError(
                f"the layer {name!r} gave rows of {rows.values.shape[1]} numbers after rows of "
                f"{width}: inputs of different lengths cannot be flattened; pool by mean, cls or "
                f"tokens"
            )


def _check_numbers(batch_size: int, dtype: str | None) -> None:
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InputError(f"batch_size is a number of inputs, from 1; got {batch_size!r}")
    if dtype is not None and dtype not in DTYPES:
        raise InputError(f"dtype is one of {', '.join(DTYPES)}; got {dtype!r}")
