"""Training that gives the same bits for the same seed, also if it is killed on the way."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError, NearIdError
from nearid.models.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from nearid.models.data import as_data, takes_tokens
from nearid.models.fingerprint import fingerprint
from nearid.optional import require

__all__ = [
    "Plan",
    "Run",
    "default_loss",
    "learning_rate",
    "plan",
    "train",
]


#: How the rate goes on after the warm-up.
SCHEDULES = ("cosine", "constant")


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model, and how it came about.

    Parameters
    ----------
    model : torch.nn.Module
        Trained, in evaluation mode.
    losses : ndarray, shape (steps,)
        Loss of the batch of each step.
    seed : int
    fingerprint : str
        Digest of everything that determines the run.
    resumed_from : int
        The step at which a checkpoint was taken up: 0 if none was, ``steps`` if the run was done.
    """

    model: Any
    losses: NDArray[np.float32]
    seed: int
    fingerprint: str
    resumed_from: int


@dataclass(frozen=True)
class Plan:
    """The numbers that determine a training."""

    steps: int
    lr: float
    weight_decay: float
    seed: int
    batch_size: int | None
    warmup: int
    clip: float | None = None
    schedule: str = "cosine"


def plan(
    *,
    steps: int,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    seed: int = 0,
    batch_size: int | None = 128,
    warmup: int | None = None,
    clip: float | None = None,
    schedule: str = "cosine",
) -> Plan:
    """Check the numbers that determine a training, and fill in the default warm-up.

    Raises
    ------
    InputError
        If a number is out of its range.

    Examples
    --------
    >>> plan(steps=1000).warmup
    50
    """
    warmup = min(100, steps // 20) if warmup is None else warmup
    ranges = {
        "steps": (steps, steps >= 1 and steps == int(steps), "a whole number from 1"),
        "lr": (lr, 0 < lr < math.inf, "a number above 0"),
        "weight_decay": (weight_decay, 0 <= weight_decay < math.inf, "a number from 0"),
        "seed": (seed, seed >= 0 and seed == int(seed), "a whole number from 0"),
        "batch_size": (batch_size, batch_size is None or batch_size >= 1, "from 1, or None"),
        "warmup": (warmup, 0 <= warmup < max(steps, 1), "from 0 to below steps"),
        "clip": (clip, clip is None or 0 < clip < math.inf, "a number above 0, or None"),
        "schedule": (schedule, schedule in SCHEDULES, "cosine or constant"),
    }
    for name, (value, fine, expected) in ranges.items():
        if not fine:
            raise InputError(f"{name} must be {expected}; got {value!r}")
    rates = float(lr), float(weight_decay)
    clip = None if clip is None else float(clip)
    return Plan(int(steps), *rates, int(seed), batch_size, int(warmup), clip, schedule)


def train(
    model: Any,
    data: Any,
    *,
    steps: int,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    seed: int = 0,
    device: Any = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    batch_size: int | None = 128,
    warmup: int | None = None,
    clip: float | None = None,
    schedule: str = "cosine",
    loss: Callable[[Any, Any], Any] | None = None,
    checkpoint_every: int = 1000,
    progress: Callable[[int, int, float], None] | None = None,
) -> Run:
    """Train a copy of a model by AdamW with a warm-up and then, by default, a cosine decay to 0.

    The same model, data, settings and seed give the same bits (on the same machine, with the same
    number of threads). With a ``checkpoint_dir``, a training that was killed goes on from its last
    checkpoint, to the same bits; a finished one is read from there.

    Parameters
    ----------
    model : torch.nn.Module
        Initialised; left as it is.
    data : array or tensor, shape (n, …)
        Finite floating numbers, converted to float32; or int64 numbers of tokens, left as they
        are, for a model that says ``takes_tokens``.
    steps : int
        Number of batches.
    lr : float, default 1e-3
        The highest learning rate.
    weight_decay : float, default 0
        Of AdamW, on weights only: a bias, and the scale of a normalisation, have one axis and are
        left alone.
    seed : int, default 0
        Of the order of the data, and of all chance within the model. Global seeds stay as they are.
    device : str or torch.device, optional
        The CPU if not given.
    checkpoint_dir : path, optional
        An existing or new folder for one training.
    batch_size : int or None, default 128
        None takes all the data at each step.
    warmup : int, optional
        Steps over which the rate rises; a twentieth of all, at most 100, if not given.
    clip : float, optional
        Bound of each element of the gradient, from ``-clip`` to ``clip``; none if not given.
    schedule : {"cosine", "constant"}, default "cosine"
        How the rate goes on after the warm-up.
    loss : callable, optional
        ``loss(model, batch)``, a scalar; by default ``model.loss(batch)`` if there is one, else the
        mean squared error of reconstruction.
    checkpoint_every : int, default 1000
    progress : callable, optional
        Called with the step, the number of steps and the loss, at the start, at checkpoints and at
        the end.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If an argument is not as described, or the folder holds another training.
    NearIdError
        If the loss becomes infinite or NaN.
    MissingExtraError
        If torch is not installed.

    Examples
    --------
    >>> from nearid.models import mlp_autoencoder
    >>> data = np.random.default_rng(0).normal(size=(64, 4))
    >>> run = train(mlp_autoencoder(4, 2, widths=(8,)), data, steps=20, lr=1e-2)
    >>> len(run.losses), bool(run.losses[-1] < run.losses[0])
    (20, True)
    """
    torch = require("torch", extra="torch")
    settings = plan(
        steps=steps,
        lr=lr,
        weight_decay=weight_decay,
        seed=seed,
        batch_size=batch_size,
        warmup=warmup,
        clip=clip,
        schedule=schedule,
    )
    if checkpoint_every < 1:
        raise InputError(f"checkpoint_every is a number of steps, from 1; got {checkpoint_every}")
    device = torch.device(device or "cpu")
    data = as_data(data, tokens=takes_tokens(model))
    loss = loss or default_loss
    digest = fingerprint(model, data, settings, loss=loss, device=device.type)
    state = _State(torch, deepcopy(model).to(device), settings)
    start = 0
    if checkpoint_dir is not None:
        os.makedirs(checkpoint_dir, exist_ok=True)
        found = read_checkpoint(checkpoint_dir, digest)
        start = state.restore(found) if found is not None else 0
    data = data.to(device)
    with _seeded(torch, device):
        for step in range(start, settings.steps):
            if progress is not None and step == start:
                progress(step, settings.steps, math.nan)
            state.advance(step, _batch(data, settings, step), loss)
            if (step + 1) % checkpoint_every == 0 or step + 1 == settings.steps:
                last = state.check(step)
                if checkpoint_dir is not None:
                    write_checkpoint(checkpoint_dir, state.checkpoint(step + 1, digest))
                if progress is not None:
                    progress(step + 1, settings.steps, last)
    state.model.eval()
    return Run(state.model, state.losses.cpu().numpy(), settings.seed, digest, start)


def default_loss(model: Any, batch: Any) -> Any:
    """Return the model's own loss, or the mean squared error of reconstruction."""
    own = getattr(model, "loss", None)
    return own(batch) if callable(own) else ((model(batch) - batch) ** 2).mean()


def learning_rate(settings: Plan, step: int) -> float:
    """Return the rate of a step: a linear rise to ``lr``, then that, or a half cosine to 0.

    Examples
    --------
    >>> settings = plan(steps=100, lr=1.0, warmup=4)
    >>> learning_rate(settings, 0), learning_rate(settings, 4), learning_rate(settings, 52)
    (0.25, 1.0, 0.5)
    """
    if step < settings.warmup:
        return settings.lr * (step + 1) / settings.warmup
    if settings.schedule == "constant":
        return settings.lr
    done = (step - settings.warmup) / (settings.steps - settings.warmup)
    return round(settings.lr * 0.5 * (1 + math.cos(math.pi * done)), 15)


class _State:
    """A model in training: everything that changes from step to step."""

    def __init__(self, torch: Any, model: Any, settings: Plan) -> None:
        self.torch, self.model, self.settings = torch, model.train(), settings
        self.names = {p: name for name, p in model.named_parameters() if p.requires_grad}
        if not self.names:
            raise InputError("the model has no parameters to train")
        weights = [p for p in self.names if p.ndim > 1]
        others = [p for p in self.names if p.ndim <= 1]
        groups = [
            {"params": weights, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        # all tensors in one call each: the same bits as one by one, for less overhead
        self.optimizer = torch.optim.AdamW(
            [g for g in groups if g["params"]], lr=settings.lr, foreach=True
        )
        self.losses = torch.zeros(settings.steps, device=next(iter(self.names)).device)
        # without a device, torch.manual_seed would store a stack trace per step for a later one
        on_cpu = self.losses.device.type == "cpu"
        self.seed = torch.default_generator.manual_seed if on_cpu else torch.manual_seed

    def advance(self, step: int, batch: Any, loss: Callable[[Any, Any], Any]) -> None:
        """Take one step."""
        # chance is a function of seed and step, so that a checkpoint need not hold its state
        chance = np.random.SeedSequence([self.settings.seed, 1, step]).generate_state(1)
        self.seed(int(chance[0]))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.settings, step)
        self.optimizer.zero_grad(set_to_none=True)
        value = loss(self.model, batch)
        value.backward()
        if self.settings.clip is not None:
            self.torch.nn.utils.clip_grad_value_(list(self.names), self.settings.clip)
        self.optimizer.step()
        self.losses[step] = value.detach()

    def check(self, step: int) -> float:
        """Return the loss of a step, and raise if one up to there is not finite."""
        held = self.losses[: step + 1]
        if not held.isfinite().all():
            first = int((~held.isfinite()).nonzero()[0, 0])
            raise NearIdError(
                f"the loss is {float(held[first])} at step {first}: the training diverged; lower "
                f"lr (now {self.settings.lr:g}), or lengthen warmup (now {self.settings.warmup})"
            )
        return float(held[-1])

    def checkpoint(self, step: int, digest: str) -> Checkpoint:
        """Return all of the state as arrays."""
        moments = {
            f"{self.names[p]}/{key}": value
            for p, state in self.optimizer.state.items()
            for key, value in state.items()
            if step < self.settings.steps  # a finished training needs them no more
        }
        return Checkpoint(
            step=step,
            fingerprint=digest,
            model=_arrays(self.model.state_dict()),
            optimizer=_arrays(moments),
            losses=self.losses[:step].cpu().numpy(),
        )

    def restore(self, found: Checkpoint) -> int:
        """Take the state of a checkpoint, and return its step."""
        tensors = {name: self.torch.from_numpy(a.copy()) for name, a in found.model.items()}
        self.model.load_state_dict(tensors)
        for p, name in self.names.items():
            held = {
                key.rpartition("/")[2]: self.torch.from_numpy(a.copy())
                for key, a in found.optimizer.items()
                if key.rpartition("/")[0] == name
            }
            # the count of steps lives on the CPU, as AdamW itself keeps it
            self.optimizer.state[p] = {
                key: a if key == "step" else a.to(p.device) for key, a in held.items()
            }
        self.losses[: found.step] = self.torch.from_numpy(found.losses.copy())
        return found.step


def _arrays(tensors: Any) -> dict[str, NDArray[Any]]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def _batch(data: Any, settings: Plan, step: int) -> Any:
    """Return the batch of a step: each pass over the data has an order of its own.

    The last rows of a pass that do not fill a batch are left to the next passes' orders.
    """
    n = len(data)
    size = settings.batch_size
    if size is None or size >= n:
        return data
    per_pass = n // size
    order = _order(n, settings.seed, step // per_pass)
    begin = step % per_pass * size
    return data[require("torch", extra="torch").from_numpy(order[begin : begin + size].copy())]


@lru_cache(maxsize=1)
def _order(n: int, seed: int, epoch: int) -> NDArray[np.intp]:
    order = np.random.default_rng([seed, 0, epoch]).permutation(n)
    order.setflags(write=False)
    return order


@contextmanager
def _seeded(torch: Any, device: Any) -> Any:
    """Let the seeds that training sets be forgotten afterwards."""
    # torch.manual_seed seeds every device, used or not
    devices = list(range(torch.cuda.device_count())) if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield
