"""The warm-up with its trainings begun or ended in other ways, and what predicts the errors then.

    python benchmarks/warmup_variants.py DATA [--variants NAME ...] [--seeds S ...]

DATA is teacher, mnist or fashion. A row per variant and seed, with the columns of
``warmup_regimes.py``. Polishing is full-batch L-BFGS after the training, in float64; annealing
begins with linear decoders, whose slopes go to their values over the first half of the training;
conditioned teachers have outputs of unequal size. MNIST is looked for in NEARID_DATA.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from warmup_regimes import row

from nearid.experiments import Warmup
from nearid.experiments.pairs import compare_runs
from nearid.experiments.warmup import SCALES, Scale, teacher_data
from nearid.experiments.warmup_images import IMAGE_SCALES, ImageScale, auto_encoders, image_rows
from nearid.models import initialise, train
from nearid.models.ensemble import ensemble


@dataclass(frozen=True)
class Variant:
    """What differs from the scale "cpu"."""

    polish: tuple[int, ...] = ()
    anneal: bool = False
    stretch: float = 1.0
    settings: tuple[tuple[str, Any], ...] = ()


VARIANTS = {
    "as it is": Variant(),
    "polished": Variant(polish=(300, 600)),
    "annealed": Variant(anneal=True),
    "annealed, polished": Variant(polish=(300,), anneal=True),
    "no decay, polished": Variant(polish=(300,), settings=(("l2", 0.0),)),
    "8 latents": Variant(settings=(("decoder", (8, 12, 18, 26)), ("encoder", (26, 64, 8)))),
    "conditioned": Variant(stretch=3.0),
}

#: Rows that polishing sees, and how many of them at a time: such blocks stay in the cache.
ROWS, BLOCK = 2048, 512


class Annealed(torch.nn.Module):
    """An ensemble whose decoders' slopes go from 1 to their values over some batches."""

    def __init__(self, inner: Any, steps: int) -> None:
        super().__init__()
        self.inner, self.steps = inner, steps
        self.register_buffer("slopes", inner.decoder.slopes.clone())
        self.register_buffer("step", torch.zeros(()))

    def loss(self, x: Any) -> Any:
        """Return the ensemble's loss, after a step towards the slopes."""
        share = (self.step / self.steps).clamp(max=1)
        self.inner.decoder.slopes = 1 + share * (self.slopes - 1)
        self.step += 1
        return self.inner.loss(x)


def polished(model: Any, data: NDArray[np.float32], upto: tuple[int, ...]) -> Iterator[Any]:
    """Go on by L-BFGS over the first rows, in float64; yield what some numbers of steps gave."""
    model, rows = model.double().train(), torch.from_numpy(data[:ROWS]).double()
    optimiser = torch.optim.LBFGS(
        model.parameters(),
        history_size=30,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        optimiser.zero_grad()
        total = 0.0
        for block in rows.split(BLOCK):
            part = model.loss(block) * (len(block) / len(rows))
            part.backward()
            total += float(part.detach())
        return total

    done = 0
    for steps in upto:
        optimiser.param_groups[0].update(max_iter=steps - done, max_eval=2 * (steps - done))
        optimiser.step(closure)
        done = steps
        yield steps, deepcopy(model).float().eval()


def trained(
    factory: Any, data: NDArray[np.float32], settings: Any, variant: Variant, seed: int
) -> Iterator[Any]:
    """Yield the trained ensemble, with how many steps it was polished."""
    model = initialise(factory, seed)
    if variant.anneal:
        model = Annealed(model, settings.steps // 2)
    options = {"steps": settings.steps, "lr": settings.lr, "batch_size": settings.batch_size}
    model = train(model, data, seed=seed, **options).model
    model = model.inner if variant.anneal else model
    if variant.polish:
        yield from polished(model, data, variant.polish)
    else:
        yield 0, model


def teacher(variant: Variant, seed: int) -> Iterator[tuple[int, Warmup]]:
    settings: Scale = replace(SCALES["cpu"], **dict(variant.settings))
    rng = np.random.default_rng(seed)
    data = teacher_data(settings, rng)
    if variant.stretch != 1:
        data = data * np.geomspace(1, 1 / variant.stretch, data.shape[2], dtype=np.float32)
    factory = partial(
        ensemble,
        settings.encoder,
        settings.decoder,
        alphas=settings.alphas,
        repeats=settings.repeats,
        l2=settings.l2,
    )
    members = pd.DataFrame({"alpha": np.repeat(settings.alphas, settings.repeats)})
    for steps, model in trained(factory, data[: settings.n_train], settings, variant, seed):
        yield steps, compared(model, data[settings.n_train :], members, settings)


def images(name: str, variant: Variant, seed: int) -> Iterator[tuple[int, Warmup]]:
    settings: ImageScale = replace(IMAGE_SCALES["cpu"], **dict(variant.settings))
    rng = np.random.default_rng(seed)
    data, test = image_rows(settings, name, None, rng)
    for steps, model in trained(partial(auto_encoders, settings), data, settings, variant, seed):
        yield steps, compared(model, test, settings.members(), settings)


def compared(model: Any, test: NDArray[np.float32], members: pd.DataFrame, settings: Any) -> Warmup:
    rng = np.random.default_rng(0)  # for intervals, which are not shown
    return compare_runs(
        model, test, members=members, n_jacobians=settings.n_jacobians, settings=settings, rng=rng
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=["teacher", "mnist", "fashion"])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    arguments = parser.parse_args()
    headings = ["agree", "spearman", "partial", "disagr.", "within", "CPU s"]
    print(f"{'variant':<20}{'steps':>6}{'seed':>5}" + "".join(f"{h:>9}" for h in headings))
    run = teacher if arguments.data == "teacher" else partial(images, arguments.data)
    for name in arguments.variants:
        for seed in arguments.seeds:
            begin = time.process_time()
            for steps, found in run(VARIANTS[name], seed):
                numbers = [*row(found), time.process_time() - begin]
                shown = "".join(f"{value:9.2f}" for value in numbers)
                print(f"{name:<20}{steps:>6}{seed:>5}{shown}", flush=True)


if __name__ == "__main__":
    main()
