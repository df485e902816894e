"""Opening folders of layers: those of ``nearid embed``, and plain ones of ``.npy`` files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nearid.cli.tables import distinct_names
from nearid.errors import InputError
from nearid.io import read_one
from nearid.io.location import check_exists
from nearid.rows import Rows, from_table

__all__ = ["open_two_folders", "refuse_folders"]

#: What ``nearid embed`` leaves in a folder.
MANIFEST = "embed.json"
#: Settings of an embedding that may differ between two models that are compared.
FREE = ("layers", "batch_size", "device", "dtype")


def open_two_folders(
    locations: tuple[str, str],
) -> tuple[tuple[str, str], tuple[dict[str, Rows], dict[str, Rows]], list[str]]:
    """Open the layers of two models.

    Returns
    -------
    names : (str, str)
        Of the models: their folders', as short as tells them apart.
    layers : (dict of str to Rows, dict of str to Rows)
    notices : list of str
        Whatever must be known of the folders.

    Raises
    ------
    InputError
        If either is no folder, or holds no layers.
    """
    first, second = distinct_names([(place, Path(place).name) for place in locations])
    opened = [_open(Path(place)) for place in locations]
    notices = [
        f"{name}: {notice}"
        for name, (_, said, _) in zip((first, second), opened, strict=True)
        for notice in said
    ]
    (a, _, about_a), (b, _, about_b) = opened
    return (first, second), (a, b), [*notices, *_different(about_a, about_b)]


def refuse_folders(locations: Sequence[str]) -> None:
    """Say how folders of layers are compared, where single tables are expected.

    Raises
    ------
    InputError
        If a location is a folder of layers.
    """
    for place in locations:
        files = sorted(Path(place).glob("*.npy")) if os.path.isdir(place) else []
        if files or os.path.isfile(os.path.join(place, MANIFEST)):
            example = f", such as {files[0]}" if files else ""
            raise InputError(
                f"{place} is a folder of layers: compare two such folders with --layerwise, or "
                f"name a file of each{example}"
            )


def _open(folder: Path) -> tuple[dict[str, Rows], list[str], Mapping[str, Any]]:
    """Return the layers of a folder, what was noticed, and what determined them, if known."""
    check_exists(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder} is a file: --layerwise compares two folders, each with a file per layer, "
            f"as nearid embed writes them"
        )
    if (folder / MANIFEST).is_file():
        from nearid.embed.result import open_embedding

        found = open_embedding(folder)
        return {name: found.rows(name) for name in found.layers}, found.notices, found.manifest
    return *_plain(folder), {}


def _plain(folder: Path) -> tuple[dict[str, Rows], list[str]]:
    files = [
        path
        for path in sorted(folder.glob("*.npy"), key=lambda path: _natural(path.stem))
        if path.name != "ids.npy" and not path.name.endswith(".ids.npy")
    ]
    if not files:
        raise InputError(
            f"{folder} holds neither {MANIFEST} nor .npy files, so there are no layers in it"
        )
    layers: dict[str, Rows] = {}
    notices: list[str] = []
    for path in files:
        table = read_one(path)
        layers[path.stem] = replace(from_table(table), name=path.stem)
        notices += table.notices
    return layers, list(dict.fromkeys(notices))


def _natural(name: str) -> list[tuple[int, str]]:
    """Have block.2 before block.10."""
    return [(int(n) if n else -1, text) for n, text in re.findall(r"(\d+)|(\D+)", name)]


def _different(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Say where two embeddings were not made alike."""
    if not a or not b:
        return []
    said = []
    if a.get("inputs") != b.get("inputs"):
        said.append("the folders were embedded from inputs that are not the same, bit for bit")
    settings = [
        {k: v for k, v in dict(about.get("settings", {})).items() if k not in FREE}
        for about in (a, b)
    ]
    if settings[0] != settings[1]:
        keys = sorted(
            k for k in {*settings[0], *settings[1]} if settings[0].get(k) != settings[1].get(k)
        )
        said.append(f"the folders were embedded with other settings: {', '.join(keys)}")
    return said
