"""Theorem 3: whether ICA of a plain auto-encoder's latents finds the factors, beside other models.

Nothing here is chosen by looking at a factor: the number of components is that of the live latents,
and the solver is the one whose axes replicate best between seeds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.experiments.jobs import Progress, Task, named, side_by_side
from nearid.experiments.rotations import (
    Versions,
    attainable_rotation,
    live_components,
    replication,
    versions,
)
from nearid.experiments.scenes import Scenes
from nearid.metrics.infomec import infomec
from nearid.metrics.mcc import mcc
from nearid.models.architecture import mlp
from nearid.models.autoencoder import encode
from nearid.models.registry import MODELS
from nearid.models.runs import initialise, train_cached

__all__ = ["RECIPES", "SCALES", "Settings", "Trained", "measure", "train_all"]

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
SOLVERS = ("nearid", "jade")
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


@dataclass(frozen=True, eq=False)
class Choice:
    """How a model's latents are rotated, chosen without a look at the factors.

    Parameters
    ----------
    runs : sequence of Trained
        Of one model.
    fitted : sequence of Versions
        Of each run, with the number of components and the solver that were chosen.
    grid : DataFrame
        Columns ``n_components, solver, replication, chosen``.
    """

    runs: Sequence[Trained]
    fitted: Sequence[Versions]
    grid: pd.DataFrame


def choose_all(runs: Sequence[Trained]) -> dict[str, Choice]:
    """Choose for each model by itself."""
    names = dict.fromkeys(run.model for run in runs)
    return {name: choose([run for run in runs if run.model == name]) for name in names}


def choose(runs: Sequence[Trained]) -> Choice:
    """Choose the number of components and the solver by replication between seeds.

    The number is at most that of the live latents of the run that has fewest. Of the solvers, and
    of numbers down to two fewer, the pair is taken whose ICA axes replicate best on fresh images.
    With one run nothing can replicate: all live components are kept.
    """
    most = min(live_components(run.train) for run in runs)
    tried: list[tuple[float, list[Versions]]] = []
    rows = []
    for k in range(max(2, most - 2), most + 1):
        for solver in SOLVERS:
            fitted = [
                versions(run.train, n_components=k, solver=solver, random_state=run.seed)
                for run in runs
            ]
            codes = [own.codes(run.fresh, "ica") for own, run in zip(fitted, runs, strict=True)]
            value = replication(codes) if len(runs) > 1 else float("nan")
            tried.append((value, fitted))
            rows.append({"n_components": k, "solver": solver, "replication": value})
    if len(runs) > 1:
        best = max(range(len(tried)), key=lambda place: tried[place][0])
    else:
        best = len(tried) - len(SOLVERS)
    grid = pd.DataFrame(rows).assign(chosen=np.arange(len(tried)) == best)
    return Choice(runs, tried[best][1], grid)


def measure(
    choices: Mapping[str, Choice],
    scenes: Scenes,
    settings: Settings,
    *,
    attainable: str | None = "ae",
) -> pd.DataFrame:
    """Score every run raw, whitened, rotated at random and by ICA, on fresh images.

    Returns
    -------
    DataFrame
        Columns ``model, seed, version, n_components, unexplained``, and each score and its chance.
    """
    rows = []
    for name, choice in choices.items():
        for run, fitted in zip(choice.runs, choice.fitted, strict=True):
            codes = {"raw": run.fresh}
            codes |= {version: fitted.codes(run.fresh, version) for version in fitted.rotations}
            if name == attainable and settings.n_label:
                part = slice(0, settings.n_label)
                rotation = attainable_rotation(
                    fitted.whitened(run.train[part]), scenes.train_factors[part]
                )
                codes["attainable"] = fitted.whitened(run.fresh) @ rotation.T
            for version, table in codes.items():
                scored = _scores(scenes.fresh_factors, table, run.seed)
                key: dict[str, Any] = {"model": name, "seed": run.seed, "version": version}
                key |= {"n_components": table.shape[1], "unexplained": run.unexplained}
                rows.append(key | scored)
    return pd.DataFrame(rows)


def _scores(factors: NDArray[np.int64], codes: Array, seed: int) -> dict[str, float]:
    found = infomec(factors, codes, n_shuffles=1, random_state=seed)
    kept = {}
    for part in ("infom", "infoe", "infoc"):
        for name in (part, f"chance_{part}"):
            value = found.parts.get(name)
            kept[name] = float("nan") if value is None else float(value)
    matched = mcc(factors, codes, random_state=seed)
    kept["mcc"], kept["chance_mcc"] = matched.value or 0.0, matched.chance or 0.0
    return kept
