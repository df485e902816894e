"""Theorem 3: the models whose latents are compared, and how they are trained.

Nothing here is chosen by looking at a factor.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.experiments.jobs import Progress, Task, named, side_by_side
from nearid.experiments.scenes import Scenes
from nearid.models.architecture import mlp
from nearid.models.autoencoder import encode
from nearid.models.registry import MODELS
from nearid.models.runs import initialise, train_cached

__all__ = ["RECIPES", "SCALES", "Settings", "Trained", "train_all"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """How much is trained.

    Parameters
    ----------
    size : int
        Height and width of the images.
    n_train, n_fresh, n_axes : int
        Training images, fresh images to score, principal coordinates.
    widths : tuple of int
    n_latents, steps, batch : int
    n_label : int
        Training images whose labels the attainable rotation may see.
    """

    size: int
    n_train: int
    n_fresh: int
    n_axes: int
    widths: tuple[int, ...]
    n_latents: int
    steps: int
    batch: int
    n_label: int


SCALES = {
    "ci": Settings(16, 1500, 600, 60, (64,), 10, 250, 64, 0),
    "cpu": Settings(32, 20_000, 5_000, 200, (256, 256), 12, 20_000, 64, 2_000),
    "paper": Settings(64, 480_000, 10_000, 1_000, (512, 512, 512), 12, 200_000, 128, 5_000),
}


@dataclass(frozen=True)
class Recipe:
    """How a model is trained here.

    Parameters
    ----------
    title : str
        What it is called in tables.
    weights : mapping
        Of its penalties: arguments of its function in :data:`nearid.models.MODELS`.
    weight_decay : float
    """

    title: str
    weights: Mapping[str, float]
    weight_decay: float


#: Every model's recipe. Weights of penalties are those published for Shapes3D; those of the VAEs
#: are halved, for near an optimum the cross-entropy of their authors is about twice our squared
#: error. The weight decay of the plain auto-encoder is what keeps its decoder near an isometry.
RECIPES = {
    "ae": Recipe("AE", {}, 0.7),
    "beta_vae": Recipe("β-VAE", {"beta": 1.5}, 0.0),
    "beta_tcvae": Recipe("β-TCVAE", {"beta": 1.5}, 0.0),
    "bioae": Recipe("BioAE", {"nonnegativity": 1.0, "energy": 0.01}, 1e-4),
    "qlae": Recipe("QLAE", {"n_values": 10, "quantise": 0.01, "commit": 0.01}, 0.1),
}
#: Controls that nobody trains: the images' own principal axes, and an auto-encoder's initial state.
CONTROLS = {"pixels": "pixels", "untrained": "AE, untrained"}
#: The highest of the training, of every model.
LEARNING_RATE = 3e-3


@dataclass(frozen=True, eq=False)
class Trained:
    """Latents of a run.

    Parameters
    ----------
    model : str
    seed : int
    train, fresh : ndarray, shapes (n, L)
    unexplained : float
        Share of the fresh coordinates' variance that the reconstruction misses; nan for controls.
    """

    model: str
    seed: int
    train: Array
    fresh: Array
    unexplained: float


def train_all(
    scenes: Scenes,
    settings: Settings,
    *,
    models: Sequence[str],
    seeds: Sequence[int],
    cache_dir: str | os.PathLike[str] | None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> list[Trained]:
    """Train every model from every seed, each on one thread, and encode the images.

    Raises
    ------
    InputError
        If a model is unknown.
    """
    unknown = [name for name in models if name not in RECIPES]
    if unknown:
        raise InputError(f"models must be some of {', '.join(RECIPES)}; got {unknown[0]!r}")
    tasks = [(name, seed) for name in models for seed in seeds]
    job = partial(_train_one, scenes.train, scenes.fresh, settings, cache_dir)
    if n_jobs > 1:
        found = side_by_side(job, tasks, n_jobs=n_jobs, progress=progress)
    else:
        found = {}
        for number, task in enumerate(tasks, 1):
            found[task] = job(task)
            if progress is not None:
                progress(number, len(tasks), named(task))
    return [*found.values(), *_controls(scenes, settings, seeds)]


def factory(name: str, settings: Settings) -> Callable[[], Any]:
    """Return what makes an untrained model of that name."""
    layers = mlp(settings.n_axes, widths=settings.widths)
    return partial(MODELS[name], layers, settings.n_latents, **RECIPES[name].weights)


def _train_one(
    train: NDArray[np.float32],
    fresh: NDArray[np.float32],
    settings: Settings,
    cache_dir: str | os.PathLike[str] | None,
    task: Task,
) -> Trained:
    name, seed = task
    model = train_cached_model(name, train, settings, cache_dir, seed)
    import torch

    with torch.no_grad():
        rebuilt = model(torch.from_numpy(fresh)).numpy()
    missed = float(((rebuilt - fresh) ** 2).sum() / ((fresh - fresh.mean(axis=0)) ** 2).sum())
    return Trained(name, seed, _encoded(model, train), _encoded(model, fresh), missed)


def train_cached_model(
    name: str,
    train: NDArray[np.float32],
    settings: Settings,
    cache_dir: str | os.PathLike[str] | None,
    seed: int,
) -> Any:
    """Return a trained model, from the cache if it is there."""
    run = train_cached(
        factory(name, settings),
        train,
        seed=seed,
        cache_dir=cache_dir,
        steps=settings.steps,
        lr=LEARNING_RATE,
        weight_decay=RECIPES[name].weight_decay,
        batch_size=settings.batch,
    )
    return run.model


def _encoded(model: Any, coordinates: NDArray[np.float32]) -> Array:
    return np.asarray(encode(model, coordinates), dtype=np.float64)


def _controls(scenes: Scenes, settings: Settings, seeds: Sequence[int]) -> list[Trained]:
    k = settings.n_latents
    train, fresh = (np.asarray(x[:, :k], dtype=np.float64) for x in (scenes.train, scenes.fresh))
    found = [Trained("pixels", 0, train, fresh, np.nan)]
    for seed in seeds:
        model = initialise(factory("ae", settings), seed)
        train, fresh = _encoded(model, scenes.train), _encoded(model, scenes.fresh)
        found.append(Trained("untrained", seed, train, fresh, np.nan))
    return found
