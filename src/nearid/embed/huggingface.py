"""Models and tokenizers of Hugging Face, from a local folder alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from nearid.embed.network import Network
from nearid.errors import InputError
from nearid.io.location import check_exists, listing
from nearid.optional import require

__all__ = ["load_huggingface", "load_tokenizer"]

#: What keeps the libraries of Hugging Face from any network.
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")


def load_huggingface(folder: Path) -> Network:
    """Load what ``AutoModel`` makes of a folder, in the type of number of its weights.

    Weights that the file lacks, which the library draws at random, are made NaN: whatever depends
    on them cannot be taken for a result.

    Raises
    ------
    InputError
        If the library cannot load it, or there are no ``.safetensors``: a pickle is never opened.
    """
    transformers = require("transformers", extra="hf")
    torch = require("torch", extra="torch")
    try:
        with _offline(), torch.random.fork_rng(devices=[]):
            model, found = transformers.AutoModel.from_pretrained(
                folder,
                dtype="auto",
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except Exception as error:  # a damaged file, an unknown architecture: each has its own class
        raise InputError(f"{folder}: {_said(error)}") from error
    wrong = sorted(map(str, found["mismatched_keys"]))
    if wrong:
        raise InputError(f"{folder}: weights do not fit the configuration: {listing(wrong, 3)}")
    drawn = sorted(found["missing_keys"])
    with torch.no_grad():
        for name in drawn:
            model.get_parameter(name).fill_(float("nan"))
    about = {"loaded_by": "transformers.AutoModel", "transformers": transformers.__version__}
    return Network(model, about, drawn, _notices(folder, drawn, sorted(found["unexpected_keys"])))


def load_tokenizer(folder: Path) -> Any:
    """Load the tokenizer of a folder.

    Raises
    ------
    InputError
        If there is none.
    """
    transformers = require("transformers", extra="hf")
    check_exists(folder)
    try:
        with _offline():
            return transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:
        raise InputError(f"{folder} holds no tokenizer to load: {_said(error)}") from error


def _notices(folder: Path, drawn: Sequence[str], left: Sequence[str]) -> list[str]:
    notices = []
    if drawn:
        notices.append(f"{folder} lacks {len(drawn)} weights of the model: {listing(drawn, 3)}")
    if left:
        notices.append(
            f"{folder}: {len(left)} weights are of a head or decoder that AutoModel leaves out: "
            f"{listing(left, 3)}"
        )
    return notices


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())[:300] or type(error).__name__
    return f"{text} (nothing is fetched: the folder must hold config.json and .safetensors)"


@contextmanager
def _offline() -> Iterator[None]:
    """Keep the libraries from the network, and from the terminal, and leave them as they were."""
    transformers = require("transformers", extra="hf")
    hub = require("huggingface_hub", extra="hf")
    say = transformers.utils.logging
    with ExitStack() as stack:
        for name in OFFLINE:
            stack.callback(_restore, name, os.environ.get(name))
            os.environ[name] = "1"
        stack.callback(setattr, hub.constants, "HF_HUB_OFFLINE", hub.constants.HF_HUB_OFFLINE)
        hub.constants.HF_HUB_OFFLINE = True  # the variable is read once, when it is imported
        stack.callback(say.set_verbosity, say.get_verbosity())
        say.set_verbosity(logging.CRITICAL)  # what it would say of weights is told by us
        if say.is_progress_bar_enabled():
            stack.callback(say.enable_progress_bar)
            say.disable_progress_bar()
        yield


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
