"""Rows that are kept in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.embed.groups import check_group, row_groups
from nearid.embed.result import count_not_finite

__all__ = ["Memory"]

Array = NDArray[Any]


class Memory:
    """Keeps the rows of every layer in memory."""

    done = 0

    def __init__(self) -> None:
        self.parts: dict[str, list[Array]] = {}
        self.row_ids: dict[str, list[str]] = {}
        self.groups: dict[str, str] = {}

    def add(self, rows: Mapping[str, Array], ids: Mapping[str, Sequence[str]], done: int) -> None:
        """Take the rows of a batch, and their ids, of which layers may share a list."""
        groups = row_groups(ids)
        for name, values in rows.items():
            self.parts.setdefault(name, []).append(values)
            check_group(name, self.groups.setdefault(name, groups[name]), groups)
        for name in set(self.groups.values()):
            self.row_ids.setdefault(name, []).extend(ids[name])
        self.done = done

    def entries(self) -> dict[str, dict[str, Any]]:
        """Return what a manifest says of each layer."""
        return {
            name: {
                "shape": [sum(map(len, parts)), parts[0].shape[1]],
                "dtype": str(parts[0].dtype),
                "nonfinite": sum(map(count_not_finite, parts)),
            }
            for name, parts in self.parts.items()
        }

    def finish(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return the rows and the ids of each layer."""
        layers = {name: np.concatenate(parts) for name, parts in self.parts.items()}
        held = {name: np.array(ids, dtype=str) for name, ids in self.row_ids.items()}
        return layers, {name: held[group] for name, group in self.groups.items()}
