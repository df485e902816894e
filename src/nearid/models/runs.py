"""Several trainings that differ by their seed, in parallel processes, each done only once."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nearid.errors import InputError
from nearid.models.data import as_data, takes_tokens
from nearid.models.fingerprint import fingerprint
from nearid.models.training import Run, default_loss, plan, train
from nearid.optional import require

__all__ = ["initialise", "train_cached", "train_runs"]


def initialise(factory: Callable[[], Any], seed: int) -> Any:
    """Return a model whose initial weights are a function of the seed; the global seed stays.

    Examples
    --------
    >>> from functools import partial
    >>> from nearid.models import mlp_autoencoder
    >>> first, again = (initialise(partial(mlp_autoencoder, 3, 1), 7) for _ in range(2))
    >>> bool((first.encoder[0].weight == again.encoder[0].weight).all())
    True
    """
    torch = require("torch", extra="torch")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return factory()


def train_runs(
    factory: Callable[[], Any],
    data: Any,
    *,
    seeds: Sequence[int],
    cache_dir: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> list[Run]:
    """Train one model per seed, each from its own initial weights and with its own order of data.

    Each training runs in a process of its own on one thread, so that the result does not depend on
    how many run at once. Finished trainings are kept in ``cache_dir`` under a hash of everything
    that determines them, and unfinished ones go on from their last checkpoint.

    Parameters
    ----------
    factory : callable
        Makes an untrained model; called after seeding torch. With several processes it must be
        importable: a function of a module, or a ``functools.partial`` of one.
    data : array or tensor, shape (n, …)
    seeds : sequence of int
        All different.
    cache_dir : path, optional
        A folder, made if it is missing; without it nothing is kept.
    n_jobs : int, optional
        Processes; as many as there are cores to use if not given. With 1, or a single seed, this
        process does the work.
    progress : callable, optional
        Called with the number of finished runs and of all runs.
    **options
        Of :func:`nearid.models.train`, but ``seed`` and ``checkpoint_dir``.

    Returns
    -------
    list of Run
        In the order of the seeds.

    Raises
    ------
    InputError
        If an argument is not as described.

    Examples
    --------
    >>> from functools import partial
    >>> from nearid.models import mlp_autoencoder
    >>> data = np.random.default_rng(0).normal(size=(64, 4))
    >>> runs = train_runs(partial(mlp_autoencoder, 4, 2), data, seeds=[0, 1], steps=2, n_jobs=1)
    >>> [run.seed for run in runs]
    [0, 1]
    """
    seeds = list(seeds)
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds must be different numbers, at least one; got {seeds}")
    for name in ("seed", "checkpoint_dir"):
        if name in options:
            raise InputError(f"{name} is set for each run by train_runs; leave it out")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    n_jobs = min(n_jobs if n_jobs is not None else cores or 1, len(seeds))
    if n_jobs < 1:
        raise InputError(f"n_jobs is a number of processes, from 1; got {n_jobs!r}")
    data = as_data(data, tokens=True)  # each training asks whether its model takes them
    with kept_in(cache_dir) as place:
        job = partial(_one, factory, options, os.fspath(place))
        if n_jobs == 1:
            return _in_turn(job, data, seeds, progress)
        todo = [seed for seed in seeds if not _finished(factory, data, seed, options, place)]
        done = len(seeds) - len(todo)
        if progress is not None:
            progress(done, len(seeds))
        if len(todo) > 1:
            _in_processes(job, data, todo, n_jobs, partial(_count, progress, done, len(seeds)))
        return _in_turn(job, data, seeds, None)  # reads what the processes wrote


@contextmanager
def kept_in(cache_dir: str | os.PathLike[str] | None) -> Iterator[str | os.PathLike[str]]:
    """Yield the folder where trainings are kept; without one, a folder that goes with the block."""
    if cache_dir is not None:
        yield cache_dir
        return
    with tempfile.TemporaryDirectory() as folder:
        yield folder


def _count(progress: Callable[[int, int], None] | None, done: int, total: int, more: int) -> None:
    if progress is not None:
        progress(done + more, total)


def _in_turn(
    job: Callable[[Any, int], Run],
    data: Any,
    seeds: Sequence[int],
    progress: Callable[[int, int], None] | None,
) -> list[Run]:
    runs = []
    for seed in seeds:
        runs.append(job(data, seed))
        if progress is not None:
            progress(len(runs), len(seeds))
    return runs


def _in_processes(
    job: Callable[[Any, int], Run],
    data: Any,
    seeds: Sequence[int],
    n_jobs: int,
    progress: Callable[[int], None],
) -> None:
    try:
        pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"the factory and the loss must be importable to be run in other processes ({error}); "
            f"define them in a module, or use n_jobs=1"
        ) from error
    with tempfile.TemporaryDirectory() as shared:
        path = Path(shared) / "data.npy"
        np.save(path, data.numpy())  # one file that all map, rather than a copy for each
        context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        with ProcessPoolExecutor(n_jobs, mp_context=context) as pool:
            futures = [pool.submit(_in_worker, job, path, seed) for seed in seeds]
            for number, future in enumerate(as_completed(futures), 1):
                future.result()
                progress(number)


def _in_worker(job: Callable[[Any, int], Run], path: Path, seed: int) -> None:
    job(np.load(path, mmap_mode="c"), seed)


def train_cached(
    factory: Callable[[], Any],
    data: Any,
    *,
    seed: int,
    cache_dir: str | os.PathLike[str] | None,
    **options: Any,
) -> Run:
    """Train one model in this process, on one thread, unless the cache holds the run.

    Parameters
    ----------
    factory, data, cache_dir
        As in :func:`train_runs`.
    seed : int
        Of the initial weights, and of the training.
    **options
        Of :func:`nearid.models.train`, but ``seed`` and ``checkpoint_dir``.

    Returns
    -------
    Run
    """
    model = initialise(factory, seed)
    data = as_data(data, tokens=takes_tokens(model))
    folder = None if cache_dir is None else _folder(model, data, seed, options, cache_dir)
    with one_thread():
        return train(model, data, seed=seed, checkpoint_dir=folder, **options)


def _one(
    factory: Callable[[], Any], options: dict[str, Any], place: str, data: Any, seed: int
) -> Run:
    return train_cached(factory, data, seed=seed, cache_dir=place, **options)


def _finished(
    factory: Callable[[], Any], data: Any, seed: int, options: dict[str, Any], place: Any
) -> bool:
    from nearid.models.checkpoint import read_checkpoint

    folder = _folder(initialise(factory, seed), data, seed, options, place)
    found = read_checkpoint(folder, folder.name)
    return found is not None and found.step == options["steps"]


def _folder(model: Any, data: Any, seed: int, options: dict[str, Any], place: Any) -> Path:
    torch = require("torch", extra="torch")
    numbers = {k: v for k, v in options.items() if k in _NUMBERS}
    return Path(place) / fingerprint(
        model,
        data,
        plan(seed=seed, **numbers),
        loss=options.get("loss") or default_loss,
        device=torch.device(options.get("device") or "cpu").type,
    )


#: Options of a training that are part of its plan.
_NUMBERS = ("steps", "lr", "weight_decay", "batch_size", "warmup", "clip", "schedule")


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, so that sums are taken in the same order everywhere."""
    torch = require("torch", extra="torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
