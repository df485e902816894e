"""What can be reproduced: one line for each claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from nearid.experiments.disentanglement_reproduction import reproduce_disentanglement
from nearid.experiments.microscopy_reproduction import reproduce_microscopy
from nearid.experiments.model_pairs_reproduction import reproduce_model_pairs
from nearid.experiments.warmup_reproduction import reproduce_warmup
from nearid.report.page import Page

__all__ = ["EXPERIMENTS", "Experiment", "Reproduction"]


class Reproduction(Protocol):
    """What every experiment returns."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before trusting the numbers."""
        ...

    def to_frame(self) -> pd.DataFrame:
        """Return what was measured, one measurement a row."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        ...

    def summary(self) -> str:
        """Return the findings as text for a terminal."""
        ...

    def page(self, *, command: str = "") -> Page:
        """Return the report as a page."""
        ...


@dataclass(frozen=True)
class Experiment:
    """A claim of the paper, and the function that puts it to the test.

    Parameters
    ----------
    claim : str
        In one sentence.
    run : callable
        Takes ``scale`` (``"ci"``, ``"cpu"`` or ``"paper"``), ``cache_dir``, ``data_dir``,
        ``n_jobs``, ``n_seeds`` and ``progress`` by name.
    """

    claim: str
    run: Callable[..., Reproduction]


EXPERIMENTS = {
    "warmup": Experiment(
        "Theorem 1: a decoder’s bi-Lipschitz constant predicts how far apart trainings end.",
        reproduce_warmup,
    ),
    "disentanglement": Experiment(
        "Theorem 3: ICA of a plain auto-encoder’s latents finds independent factors.",
        reproduce_disentanglement,
    ),
    "model_pairs": Experiment(
        "Layers of two models are near the same up to a map, of which ICA removes a part.",
        reproduce_model_pairs,
    ),
    "microscopy": Experiment(
        "Rotated by ICA, an embedding of cells lets classifiers of some plates work on others.",
        reproduce_microscopy,
    ),
}
