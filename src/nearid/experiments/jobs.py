"""Tasks in processes of their own, counted as they are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

__all__ = ["Progress", "Task", "named", "side_by_side"]

Result = TypeVar("Result")

#: A data set or model, and a seed.
Task = tuple[str, int]

#: Told how much is done, of how much, and what.
Progress = Callable[[float, int, str], None]


def named(task: Task) -> str:
    """Return how a task is called.

    Examples
    --------
    >>> named(("mnist", 3))
    'mnist, seed 3'
    """
    return f"{task[0]}, seed {task[1]}"


def side_by_side(
    job: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    n_jobs: int,
    progress: Progress | None,
) -> dict[Task, Result]:
    """Do tasks in several processes.

    Parameters
    ----------
    job : callable
        Importable, with whatever it holds.
    tasks : sequence of (str, int)
    n_jobs : int
        Processes.
    progress : callable or None
        Called after each task.

    Returns
    -------
    dict of task to result
        In the order of the tasks.
    """
    results = {}
    # torch's threads do not survive a fork
    with ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(job, task): task for task in tasks}
        for number, future in enumerate(as_completed(futures), 1):
            task = futures[future]
            results[task] = future.result()
            if progress is not None:
                progress(number, len(tasks), named(task))
    return {task: results[task] for task in tasks}
