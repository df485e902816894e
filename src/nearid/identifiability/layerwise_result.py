"""Two models layer by layer, as frames, as JSON and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.identifiability.result import StatisticalIdentifiability
from nearid.plain import plain, records

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Layerwise"]

NONE = "not identifiable"


@dataclass(frozen=True, eq=False)
class Layerwise:
    """How far two models are apart at every layer, and up to what.

    Attributes
    ----------
    names : (str, str)
        Of the models.
    ladders : mapping of str to StatisticalIdentifiability
        Of each shared layer, in order.
    layers : DataFrame
        A row per shared layer: its verdicts, and ICA efficiency with its interval.
    ladder : DataFrame
        A row per shared layer, frame and group, means over both directions.
    pairs : DataFrame
        A row per pair of layers, shared or not: the held-out rigid error, a root mean square, as a
        share of chance.  0 is the same up to a rotation, 1 is unrelated.
    warnings : list of str
    settings : mapping

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, Definition 1.
    """

    names: tuple[str, str]
    ladders: Mapping[str, StatisticalIdentifiability]
    layers: pd.DataFrame
    ladder: pd.DataFrame
    pairs: pd.DataFrame
    warnings: list[str]
    settings: Mapping[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """Return the ladder: one row per layer, frame and group."""
        return self.ladder.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON (nan becomes None)."""
        return {
            "names": list(self.names),
            "meaning": self.meaning,
            "warnings": list(self.warnings),
            "settings": {key: plain(value) for key, value in self.settings.items()},
            "layers": records(self.layers),
            "ladder": records(self.ladder),
            "pairs": records(self.pairs),
        }

    def matrix(self) -> tuple[list[str], list[str], NDArray[np.float64]]:
        """Return the layers of both models, and the rigid errors of all pairs of them."""
        rows, columns = (list(dict.fromkeys(self.pairs[c])) for c in ("layer_a", "layer_b"))
        values = self.pairs["relative"].to_numpy(float).reshape(len(rows), len(columns))
        return rows, columns, values

    def closest(self) -> dict[str, str]:
        """Return for each layer of the first model the layer of the second that is closest."""
        rows, columns, values = self.matrix()
        return {
            row: columns[int(np.nanargmin(errors))]
            for row, errors in zip(rows, values, strict=True)
            if np.isfinite(errors).any()
        }

    @property
    def namesakes(self) -> str:
        """How many shared layers are closest to their namesake, in one sentence."""
        closest = {layer: other for layer, other in self.closest().items() if layer in self.ladders}
        own = sum(layer == other for layer, other in closest.items())
        return (
            f"{own} of {len(closest)} shared layers of {self.names[0]} are, up to a rotation, "
            f"closest to their namesake in {self.names[1]}"
        )

    @property
    def meaning(self) -> str:
        """Up to what the layers are the same, from the first to the last."""
        verdicts = self.layers[["layer", "verdict"]].itertuples(index=False, name=None)
        spans = []
        for verdict, part in groupby(verdicts, key=lambda row: row[1]):
            layers = [str(layer) for layer, _ in part]
            where = layers[0] if len(layers) == 1 else f"{layers[0]} to {layers[-1]}"
            spans.append(f"{where}: {(verdict or NONE).replace('_', ' ')}")
        return "; ".join(spans)

    def summary(self) -> str:
        """Return the verdicts, relative errors and warnings as text for a terminal."""
        native = self.ladder[self.ladder["frame"] == "native"]
        groups = list(dict.fromkeys(native["group"]))
        lines = [f"{self.names[0]} beside {self.names[1]}: {self.meaning}", ""]
        lines += ["  ".join([f"{'layer':24}", *(f"{g:>18}" for g in groups), " ICA efficiency"])]
        values = native.set_index(["layer", "group"])["relative"]
        for row in self.layers.to_dict("records"):
            cells = [f"{values.get((row['layer'], group), np.nan):18.3f}" for group in groups]
            lines.append("  ".join([f"{row['layer']:24}", *cells, f"{row['efficiency']:15.2f}"]))
        return "\n".join(lines + [f"warning: {warning}" for warning in self.warnings])
