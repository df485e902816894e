"""Small calls of the commands that write, and what they leave: what a kill may not spoil."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: A model of one's own, beside the inputs.
MODEL = """
import torch
from torch import nn


def small():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
"""


@dataclass(frozen=True)
class Command:
    """A call of the command line.

    Parameters
    ----------
    arguments : tuple of str
        In the folder of the inputs.
    prepare : callable
        Fills that folder.
    whole : tuple of str
        Files, and folders that appear as a whole: each is old or complete at any moment.
    kept : str
        A folder of what can be computed again; every visible file in it is complete.
    """

    arguments: tuple
    prepare: Callable
    whole: tuple
    kept: str = ""


def runs(folder):
    """Two runs of one representation, and an old report."""
    rng = np.random.default_rng(0)
    z = rng.laplace(size=(400, 4))
    np.save(folder / "a.npy", z)
    np.save(folder / "b.npy", z @ np.linalg.qr(rng.standard_normal((4, 4)))[0])
    (folder / "report.html").write_text("old")


def rows(folder):
    """Rows to fit, and an old model."""
    rng = np.random.default_rng(0)
    np.save(folder / "a.npy", rng.laplace(size=(4000, 6)) @ rng.standard_normal((6, 6)))
    (folder / "model.safetensors").write_text("old")


def model(folder):
    """A model and its inputs."""
    (folder / "nets.py").write_text(MODEL)
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(600, 3)).astype("f4"))


def nothing(folder):
    """Old results alone."""
    (folder / "out").mkdir()
    for name in ("report.html", "measured.csv", "result.json"):
        (folder / "out" / name).write_text("old")


COMMANDS = {
    "compare": Command(
        ("compare", "a.npy", "b.npy", "--report", "report.html", "--bootstrap", "5", "--null", "1"),
        runs,
        ("report.html",),
    ),
    "fit": Command(
        ("fit", "a.npy", "--out", "model.safetensors", "--checkpoint", "kept"),
        rows,
        ("model.safetensors",),
        "kept",
    ),
    "embed": Command(
        ("embed", "nets:small", "--inputs", "x.npy", "--out", "run", "--batch-size", "8"),
        model,
        ("run",),
    ),
    "reproduce": Command(
        (
            *("reproduce", "warmup", "--dataset", "teacher", "--scale", "ci"),
            "--out",
            "out",
            "--cache",
            "cache",
        ),
        nothing,
        ("out/report.html", "out/measured.csv", "out/result.json"),
        "cache",
    ),
}


def shrink():
    """Train next to nothing, and count what was embedded at once: in the processes to be killed."""
    from dataclasses import replace
    from functools import partial

    import torch

    from nearid.embed import writer
    from nearid.experiments import pairs, warmup
    from nearid.models import training

    torch.set_num_threads(1)
    tiny = {"alphas": (0.3,), "repeats": 2, "steps": 20, "n_train": 100, "n_test": 40}
    warmup.SCALES["ci"] = replace(warmup.SCALES["ci"], **tiny, n_jacobians=5)
    pairs.interval_over_runs = partial(pairs.interval_over_runs, draws=5)
    writer.CHECKPOINT_SECONDS = 0.0
    training.train.__kwdefaults__["checkpoint_every"] = 5


def preload():
    """Import what the commands need, once, before processes are forked."""
    import nearid.cli
    import nearid.embed
    import nearid.experiments.registry
    import nearid.report
    import nearid.report.warmup  # noqa: F401


def run_here(arguments, folder):
    """Run a command as the command line does, in this process; return its exit status."""
    from nearid.cli import main

    os.chdir(folder)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    sys.argv = ["nearid", *arguments]
    with Path("said.out").open("w") as out, Path("said.err").open("w") as err:
        sys.stdout, sys.stderr = out, err
        try:
            main()
        except SystemExit as left:
            code = left.code
            return code if isinstance(code, int) else int(code is not None)
    return 0
