"""Models of timm, from a local folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from nearid.embed.network import Network
from nearid.errors import InputError, MissingExtraError
from nearid.io import read_safetensors
from nearid.optional import require

__all__ = ["load_timm"]

WEIGHTS = "model.safetensors"


def load_timm(folder: Path, config: Mapping[str, Any]) -> Network:
    """Build the architecture that a folder names, and give it the weights that lie there.

    Parameters
    ----------
    folder : Path
        Holds ``model.safetensors``.
    config : mapping
        What its ``config.json`` says: ``architecture``, and perhaps ``num_classes``,
        ``global_pool`` and ``model_args``.

    Raises
    ------
    InputError
        If timm knows no such architecture, or the weights do not fit it.
    MissingExtraError
        If timm is not installed; it is in no extra.
    """
    torch = require("torch", extra="torch")
    timm = _timm()
    known = {key: config[key] for key in ("num_classes", "global_pool") if key in config}
    arguments = {**known, **config.get("model_args", {})}
    tensors, _ = read_safetensors(folder / WEIGHTS)
    try:
        with torch.random.fork_rng(devices=[]):
            model = timm.create_model(config["architecture"], pretrained=False, **arguments)
        model.load_state_dict({name: torch.from_numpy(a.copy()) for name, a in tensors.items()})
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{folder}: {' '.join(str(error).split())[:300]}") from error
    return Network(model, {"loaded_by": "timm", "timm": timm.__version__})


def _timm() -> ModuleType:
    try:
        return import_module("timm")
    except ImportError as error:
        raise MissingExtraError(f"this needs timm ({error}): pip install timm") from error
