"""Worlds of drawn plates: perfect features, nothing to find, and trained encoders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.datasets import Screen, oracle, screen
from nearid.datasets.cell_images import TECHNICAL
from nearid.experiments.jobs import Progress, Task, side_by_side
from nearid.experiments.microscopy import Protocol, held_out_scores
from nearid.experiments.microscopy_drop import drop_scores
from nearid.experiments.microscopy_encoders import Encoder, embed_crops, encoder
from nearid.experiments.microscopy_purity import purity_scores

__all__ = ["KINDS", "Measured", "Worlds", "measure_world", "measure_worlds"]

#: What is measured in every world; trained encoders are called "encoder 1", "encoder 2", …
KINDS = {
    "oracle": "perfect features, partial phenotypes (positive control)",
    "gaussian": "perfect features, all Gaussian (negative control)",
    "gaussian plates": "perfect features, Gaussian phenotypes, plates as they are",
    "untrained": "masked auto-encoder as it was initialised",
    "encoder": "masked auto-encoder, trained",
}


@dataclass(frozen=True)
class Worlds:
    """The sizes of the experiment.

    Parameters
    ----------
    n_worlds, n_encoders : int
    n_plates, n_perturbations, n_wells, n_controls, n_cells, size : int
        As in :func:`nearid.datasets.screen`.
    penetrance, effect, batch : float
    protocol : Protocol
    encoder : Encoder
    harmony : bool
        Whether Harmony is shown beside the drops.
    """

    n_worlds: int
    n_encoders: int
    n_plates: int = 30
    n_perturbations: int = 6
    n_wells: int = 3
    n_controls: int = 6
    n_cells: int = 8
    size: int = 32
    penetrance: float = 0.25
    effect: float = 4.0
    batch: float = 1.0
    protocol: Protocol = field(default_factory=Protocol)
    encoder: Encoder = field(default_factory=Encoder)
    harmony: bool = True


class Measured(NamedTuple):
    """What was measured of some kinds of features of some worlds.

    Parameters
    ----------
    scores : DataFrame
        From :func:`nearid.experiments.microscopy.held_out_scores`.
    drops : DataFrame
        From :func:`nearid.experiments.microscopy_drop.drop_scores`; of trained encoders alone.
    purities : DataFrame
        From :func:`nearid.experiments.microscopy_purity.purity_scores`.
    """

    scores: pd.DataFrame
    drops: pd.DataFrame
    purities: pd.DataFrame


def measure_worlds(
    settings: Worlds,
    *,
    cache_dir: str | os.PathLike[str] | None,
    n_jobs: int = 1,
    first_seed: int = 0,
    progress: Progress | None = None,
) -> Measured:
    """Measure every kind of every world.

    Parameters
    ----------
    settings : Worlds
    cache_dir : path or None
    n_jobs : int, default 1
        Kinds of worlds side by side, each on one thread.
    first_seed : int, default 0
    progress : callable, optional

    Returns
    -------
    Measured
        With the columns ``kind`` and ``world`` behind.
    """
    kinds = ["oracle", "gaussian", "gaussian plates", "untrained"]
    kinds += [f"encoder {k + 1}" for k in range(settings.n_encoders)]
    worlds = range(first_seed, first_seed + settings.n_worlds)
    tasks = [(kind, world) for world in worlds for kind in kinds]
    job = partial(measure_world, settings, cache_dir)
    if n_jobs > 1:
        found = side_by_side(job, tasks, n_jobs=n_jobs, progress=progress)
    else:
        found = _in_turn(job, tasks, progress)
    parts: Sequence[list[pd.DataFrame]] = [[], [], []]
    for (kind, world), frames in found.items():
        for part, frame in zip(parts, frames, strict=True):
            part.append(frame.assign(kind=kind, world=world))
    return Measured(*(pd.concat(part, ignore_index=True) for part in parts))


def _in_turn(
    job: partial[Measured],
    tasks: Sequence[Task],
    progress: Progress | None,
) -> dict[Task, Measured]:
    found = {}
    for number, task in enumerate(tasks, 1):
        found[task] = job(task)
        if progress is not None:
            progress(number, len(tasks), f"{task[0]}, world {task[1]}")
    return found


def measure_world(
    settings: Worlds, cache_dir: str | os.PathLike[str] | None, task: Task
) -> Measured:
    """Draw a world, and measure one kind of features of it.

    Parameters
    ----------
    settings : Worlds
    cache_dir : path or None
    task : (str, int)
        The kind, and the world's seed.
    """
    kind, world = task
    perfect = kind in ("oracle", "gaussian", "gaussian plates")
    drawn = _drawn(settings, kind, world, images=not perfect)
    features = (
        oracle(drawn.table, random_state=world)
        if drawn.images is None
        else _embedded(settings, kind, world, drawn.images.astype(np.uint8, copy=False), cache_dir)
    )
    told: dict[str, Any] = {"table": drawn.table, "protocol": settings.protocol, "seed": world}
    scores, purities = held_out_scores(features, **told), purity_scores(features, **told)
    drops = pd.DataFrame()
    if kind.startswith("encoder"):
        drops = drop_scores(features, **told, with_harmony=settings.harmony)
    return Measured(scores, drops, purities)


def _embedded(
    settings: Worlds,
    kind: str,
    world: int,
    crops: NDArray[np.uint8],
    cache_dir: str | os.PathLike[str] | None,
) -> NDArray[Any]:
    untrained = kind == "untrained"
    sizes = replace(settings.encoder, epochs=0) if untrained else settings.encoder
    number = 0 if untrained else int(kind.split()[-1]) - 1
    model = encoder(crops, sizes, seed=100 * world + number, cache_dir=cache_dir)
    return embed_crops(model, crops)


def _drawn(settings: Worlds, kind: str, world: int, *, images: bool) -> Screen:
    gaussian = kind.startswith("gaussian")
    drawn = screen(
        n_plates=settings.n_plates,
        n_perturbations=settings.n_perturbations,
        n_wells=settings.n_wells,
        n_controls=settings.n_controls,
        n_cells=settings.n_cells,
        phenotype="gaussian" if gaussian else "partial",
        penetrance=settings.penetrance,
        effect=settings.effect,
        batch=settings.batch,
        size=settings.size if images else None,
        random_state=world,
    )
    if kind == "gaussian":
        # a plate's factors take one value a plate, which is not Gaussian, and ICA tells their
        # space from that of biology, as the purities of "gaussian plates" show: with a draw for
        # every cell there is nothing left to find but by a leak
        rng = np.random.default_rng([world, 1])
        fresh = settings.batch * rng.standard_normal((len(drawn.table), len(TECHNICAL)))
        return Screen(drawn.table.assign(**dict(zip(TECHNICAL, fresh.T, strict=True))), None)
    return drawn
