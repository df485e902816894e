"""Models that lie in a folder, as Hugging Face and timm keep them: which, and which revision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nearid.embed.network import Network
from nearid.errors import InputError
from nearid.io.location import closest, listing, parsing

__all__ = ["open_folder", "revision_folder"]

CONFIG = "config.json"


def open_folder(folder: Path, *, revision: str | None = None) -> Network:
    """Load the model of a folder; nothing is fetched.

    Parameters
    ----------
    folder : Path
        Holds ``config.json`` and weights as ``.safetensors``, or revisions of them.
    revision : str, optional
        See :func:`revision_folder`.

    Raises
    ------
    InputError
        If there is no model in it, or its weights are missing, of another shape, or a pickle.
    MissingExtraError
        If the library of the model is not installed.
    """
    folder = revision_folder(folder, revision)
    config = _config(folder)
    if "model_type" in config:
        from nearid.embed.huggingface import load_huggingface

        return load_huggingface(folder)
    if "architecture" in config:
        from nearid.embed.timm import load_timm

        return load_timm(folder, config)
    raise InputError(
        f"{folder / CONFIG} names neither a model_type (Hugging Face) nor an architecture (timm)"
    )


def revision_folder(folder: Path, revision: str | None) -> Path:
    """Return where a revision of a model lies.

    Parameters
    ----------
    folder : Path
        Of a model, of sub-folders with a revision each, or of a model in the cache of Hugging Face
        (``models--…``, with ``snapshots`` and ``refs``).
    revision : str, optional
        Name of the sub-folder, of the reference (such as ``step3000``), or of the snapshot. It may
        be left out where there is one only.

    Raises
    ------
    InputError
        If it is not there; says which are.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     for step in ("step1000", "step3000"):
    ...         Path(place, step).mkdir()
    ...         _ = Path(place, step, "config.json").write_text("{}")
    ...     revision_folder(Path(place), "step3000").name
    'step3000'
    """
    if revision is None and (folder / CONFIG).is_file():
        return folder
    found = _revisions(folder)
    if revision is None and len(found) == 1:
        return next(iter(found.values()))
    if revision is None:
        many = f"; give revision, one of {listing(found)}" if found else ""
        raise InputError(f"{folder} is no folder of a model: it holds no {CONFIG}{many}")
    if revision not in found:
        raise InputError(
            f"{folder} holds no revision {revision!r}{closest(revision, found)}; it holds "
            f"{listing(found)}. Nothing is fetched: put it there first"
        )
    return found[revision]


def _revisions(folder: Path) -> dict[str, Path]:
    """Return the folders that hold a model, by the names of the revisions that they are."""
    snapshots = folder / "snapshots"
    if not snapshots.is_dir():
        return _models_in(folder)
    found = _models_in(snapshots)
    refs = folder / "refs"
    names = sorted(path for path in refs.rglob("*") if path.is_file()) if refs.is_dir() else []
    called = {path.relative_to(refs).as_posix(): _reference(path) for path in names}
    named = {name: found[commit] for name, commit in called.items() if commit in found}
    unnamed = {commit: at for commit, at in found.items() if commit not in called.values()}
    return {**named, **unnamed}


def _reference(path: Path) -> str:
    with parsing(path, "a reference to a snapshot", ValueError):
        return path.read_text(encoding="utf-8").strip()


def _models_in(folder: Path) -> dict[str, Path]:
    inside = sorted(folder.iterdir())
    return {path.name: path for path in inside if (path / CONFIG).is_file()}


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    with parsing(path, "the configuration of a model", ValueError):
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("it is no JSON object")
    return config
