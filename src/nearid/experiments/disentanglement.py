"""Theorem 3: whether ICA of a plain auto-encoder's latents finds the factors, beside other models.

Nothing here is chosen by looking at a factor: the number of components is that of the live latents,
and the solver is the one whose axes replicate best between seeds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.errors import InputError
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
    progress: Callable[[float, int, str], None] | None = None,
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
    found: dict[tuple[str, int], Trained] = {}
    if n_jobs == 1:
        for number, task in enumerate(tasks, 1):
            found[task] = job(task)
            if progress is not None:
                progress(number, len(tasks), f"{task[0]}, seed {task[1]}")
    else:
        with ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn")) as pool:
            futures = {pool.submit(job, task): task for task in tasks}
            for number, future in enumerate(as_completed(futures), 1):
                name, seed = futures[future]
                found[name, seed] = future.result()
                if progress is not None:
                    progress(number, len(tasks), f"{name}, seed {seed}")
    return [*(found[task] for task in tasks), *_controls(scenes, settings, seeds)]


def factory(name: str, settings: Settings) -> Callable[[], Any]:
    """Return what makes an untrained model of that name."""
    layers = mlp(settings.n_axes, widths=settings.widths)
    return partial(MODELS[name], layers, settings.n_latents, **RECIPES[name].weights)


def _train_one(
    train: NDArray[np.float32],
    fresh: NDArray[np.float32],
    settings: Settings,
    cache_dir: str | os.PathLike[str] | None,
    task: tuple[str, int],
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


def choose(runs: Sequence[Trained]) -> tuple[int, str, pd.DataFrame]:
    """Choose the number of components and the solver by replication between seeds.

    The number is at most that of the live latents of the run that has fewest. Of the solvers, and
    of numbers down to two fewer, the pair is taken whose ICA axes replicate best on fresh images.

    Returns
    -------
    n_components : int
    solver : str
    grid : DataFrame
        Columns ``n_components, solver, replication``.
    """
    most = min(live_components(run.train) for run in runs)
    rows: list[dict[str, Any]] = []
    for k in range(max(2, most - 2), most + 1):
        for solver in SOLVERS:
            codes = [
                versions(run.train, n_components=k, solver=solver, random_state=run.seed).codes(
                    run.fresh, "ica"
                )
                for run in runs
            ]
            value = replication(codes) if len(runs) > 1 else float("nan")
            rows.append({"n_components": k, "solver": solver, "replication": value})
    grid = pd.DataFrame(rows)
    if len(runs) == 1:
        return most, SOLVERS[0], grid
    best = max(rows, key=lambda row: float(row["replication"]))
    return int(best["n_components"]), str(best["solver"]), grid


def measure(
    runs: Sequence[Trained], scenes: Scenes, settings: Settings, *, attainable: str | None = "ae"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every run raw, whitened, rotated at random and by ICA, on fresh images.

    Returns
    -------
    scores : DataFrame
        Columns ``model, seed, version, n_components, unexplained``, and each score and its chance.
    grids : DataFrame
        How components and solver were chosen, for each model.
    """
    rows, grids = [], []
    for name in dict.fromkeys(run.model for run in runs):
        mine = [run for run in runs if run.model == name]
        k, solver, grid = choose(mine)
        grids.append(grid.assign(model=name, chosen=_is(grid, k, solver)))
        for run in mine:
            fitted = versions(run.train, n_components=k, solver=solver, random_state=run.seed)
            codes = _codes(run, fitted, k)
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
    return pd.DataFrame(rows), pd.concat(grids, ignore_index=True)


def _is(grid: pd.DataFrame, k: int, solver: str) -> list[bool]:
    pairs = zip(grid["n_components"], grid["solver"], strict=True)
    return [pair == (k, solver) for pair in pairs]


def _codes(run: Trained, fitted: Versions, k: int) -> dict[str, Array]:
    codes = {"raw": run.fresh}
    return codes | {version: fitted.codes(run.fresh, version) for version in fitted.rotations}


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
