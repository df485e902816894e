"""The warm-up: a decoder's bi-Lipschitz constant predicts how far apart trainings end.

Theorem 1 says that runs whose outputs agree, and whose decoders are near to isometries, have
representations that agree up to a rigid map. Here data come from a random decoder of the students'
own shape, so that outputs can agree, for slopes α of its leaky rectifiers from .1 to 1.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from nearid.decoder import bilipschitz, procrustes_bound
from nearid.errors import InputError
from nearid.experiments.ranks import interval_over_runs, partial_spearman, spearman
from nearid.groups import Rigid, Similarity
from nearid.linalg import random_orthogonal
from nearid.models.ensemble import ensemble
from nearid.models.runs import train_cached
from nearid.optional import require

__all__ = ["SCALES", "Scale", "Warmup", "teacher_data", "teacher_warmup"]

Array = NDArray[np.float64]

#: Share of the outputs' variance by which runs may disagree for the theorem to say anything.
PREMISE = 0.03


@dataclass(frozen=True)
class Scale:
    """How large the experiment is.

    The sizes were chosen by trying: about thirty settings on one teacher, five of them on the
    teachers of random_state 0 and 3. On five fresh ones (11 to 15, "cpu") the rank correlation of
    the prediction with the rigid error was .80 to .90, mean .85, and .47 to .66, mean .57, given
    the outputs' disagreement. That was within the premise, at most 2.2 % of the variance, and
    predicted the error nearly as well, mean .81.
    """

    alphas: tuple[float, ...]
    repeats: int
    steps: int
    n_train: int
    n_test: int
    n_jacobians: int
    decoder: tuple[int, ...] = (4, 6, 9, 13)
    encoder: tuple[int, ...] = (13, 64, 4)
    lr: float = 3e-3
    l2: float = 3e-6
    batch_size: int = 64


SCALES = {
    "ci": Scale((0.2, 0.6, 1.0), 3, 400, 1024, 500, 100),
    "cpu": Scale(tuple(round(0.1 * i, 1) for i in range(1, 11)), 4, 4000, 4096, 2000, 400),
    "paper": Scale(tuple(round(0.05 * i, 2) for i in range(2, 21)), 10, 40_000, 65_536, 8192, 2048),
}


@dataclass(frozen=True, eq=False)
class Warmup:
    """Every ordered pair of runs of one slope: what the theorem predicts, and what is measured.

    Parameters
    ----------
    pairs : DataFrame
        ``alpha, source, target``; ``predicted`` and ``predicted_max``, ``√(2L+L²)`` after the best
        global scale by the median and by the maximum over latents, the mean of both runs;
        ``disagreement``, of the outputs, as a share of their variance; ``rigid`` and
        ``similarity``, the held-out mean error divided by the diameter; ``bound`` and
        ``tightness``, the explicit Procrustes bound per row divided by the diameter, and how many
        times the error it is; ``premise``, its ``‖X⁺‖e``, at most .707.
    runs : DataFrame
        ``alpha, run, constant, constant_scale_free, median_scale_free, unexplained``.
    correlations : DataFrame
        Rank correlations over pairs, with 95 % intervals over runs.
    settings : Scale
    warnings : tuple of str
    """

    pairs: pd.DataFrame
    runs: pd.DataFrame
    correlations: pd.DataFrame
    settings: Scale
    warnings: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return a row per ordered pair."""
        return self.pairs.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON (infinity and nan become None)."""
        return {
            "settings": asdict(self.settings),
            "warnings": list(self.warnings),
            **{
                name: _records(frame)
                for name, frame in (
                    ("pairs", self.pairs),
                    ("runs", self.runs),
                    ("correlations", self.correlations),
                )
            },
        }

    def summary(self) -> str:
        """Return the correlations, and means by slope, as text for a terminal."""
        shown = ["predicted", "rigid", "similarity", "disagreement", "tightness"]
        table = self.pairs.groupby("alpha")[shown].median()
        lines = [self.correlations.to_string(index=False, float_format="%.2f"), ""]
        lines += ["medians over pairs:", table.to_string(float_format="%.4f")]
        return "\n".join(lines + [f"warning: {warning}" for warning in self.warnings])


def teacher_warmup(
    *,
    scale: str = "cpu",
    cache_dir: str | os.PathLike[str] | None = None,
    device: Any = None,
    random_state: int = 0,
    progress: Callable[[int, int, float], None] | None = None,
) -> Warmup:
    """Train students of random decoders, and set the measured errors beside the predicted ones.

    Parameters
    ----------
    scale : {"ci", "cpu", "paper"}
        Seconds, a minute, or a GPU.
    cache_dir : path, optional
        Where trainings are kept: a killed one goes on, a finished one is read.
    device : str or torch.device, optional
        Where to train.
    random_state : int, default 0
    progress : callable, optional
        Called with the step, the number of steps and the loss.

    Returns
    -------
    Warmup

    Raises
    ------
    InputError
        If there is no such scale.
    MissingExtraError
        If torch is not installed.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, Theorem 1.
    """
    if scale not in SCALES:
        raise InputError(f"scale must be one of {', '.join(SCALES)}; got {scale!r}")
    settings = SCALES[scale]
    rng = np.random.default_rng(random_state)
    data = teacher_data(settings, rng)
    students = _students(settings, data, cache_dir, device, random_state, progress)
    return _compared(students, data[settings.n_train :], settings, rng)


def teacher_data(settings: Scale, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw inputs from a random decoder with orthogonal layers, once for each slope.

    All slopes share the latents, uniform in a cube, and the weights.

    Returns
    -------
    ndarray of float32, shape (n_train + n_test, n_slopes, n_features)
        Centred.
    """
    sizes = settings.decoder
    latents = rng.uniform(-1, 1, size=(settings.n_train + settings.n_test, sizes[0]))
    weights = [random_orthogonal(b, rng)[:, :a].T for a, b in pairwise(sizes)]
    biases = [0.3 * rng.normal(size=b) for b in sizes[1:]]
    sets = []
    for alpha in settings.alphas:
        x = latents
        for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            x = x if number == 0 else np.where(x > 0, x, alpha * x)
            x = x @ weight + bias
        sets.append(x - x.mean(axis=0))
    return np.stack(sets, axis=1).astype(np.float32)


def _students(
    settings: Scale,
    data: NDArray[np.float32],
    cache_dir: str | os.PathLike[str] | None,
    device: Any,
    seed: int,
    progress: Callable[[int, int, float], None] | None,
) -> Any:
    factory = partial(
        ensemble,
        settings.encoder,
        settings.decoder,
        alphas=settings.alphas,
        repeats=settings.repeats,
        l2=settings.l2,
    )
    run = train_cached(
        factory,
        data[: settings.n_train],
        seed=seed,
        cache_dir=cache_dir,
        steps=settings.steps,
        lr=settings.lr,
        batch_size=settings.batch_size,
        device=device,
        progress=progress,
    )
    return run.model.cpu()


def _compared(
    students: Any, test: NDArray[np.float32], settings: Scale, rng: np.random.Generator
) -> Warmup:
    torch = require("torch", extra="torch")
    with torch.no_grad():
        inputs = students.inputs(torch.from_numpy(test))
        latents = students.encoder(inputs)
        outputs = students.decoder(latents)
    inputs, latents, outputs = (t.double().numpy() for t in (inputs, latents, outputs))
    runs, warnings = _runs(students, inputs, latents, outputs, settings)
    rows = [
        _pair(source, target, runs, latents, outputs)
        for number in range(len(settings.alphas))
        for source, target in permutations(range(len(runs))[_block(number, settings)], 2)
    ]
    pairs = pd.DataFrame(rows)
    return Warmup(pairs, runs, _correlations(pairs, rng), settings, (*warnings, *_premise(pairs)))


def _block(number: int, settings: Scale) -> slice:
    return slice(number * settings.repeats, (number + 1) * settings.repeats)


def _runs(
    students: Any, inputs: Array, latents: Array, outputs: Array, settings: Scale
) -> tuple[pd.DataFrame, list[str]]:
    rows, warnings = [], []
    for run, z in enumerate(latents):
        found = bilipschitz(students.decoder.member(run), z[: settings.n_jacobians])
        warnings += [f"run {run}: {warning}" for warning in found.warnings]
        rows.append(
            {
                "alpha": settings.alphas[run // settings.repeats],
                "run": run,
                "constant": found.constant,
                "constant_scale_free": found.constant_scale_free,
                "median_scale_free": found.median_scale_free,
                "unexplained": _share(outputs[run] - inputs[run], inputs[run]),
            }
        )
    return pd.DataFrame(rows), warnings


def _pair(
    source: int, target: int, runs: pd.DataFrame, latents: Array, outputs: Array
) -> dict[str, Any]:
    x, y = latents[source], latents[target]
    diameter, half = float(pdist(y).max()), len(x) // 2
    explicit = procrustes_bound(x, y)
    both = runs.loc[[source, target]]
    return {
        "alpha": both["alpha"].iloc[0],
        "source": source,
        "target": target,
        "predicted": _root(both["median_scale_free"]),
        "predicted_max": _root(both["constant_scale_free"]),
        "disagreement": _share(outputs[source] - outputs[target], outputs[target]),
        **{
            group.name: float(_errors(group, x, y, half).mean()) / diameter
            for group in (Rigid(), Similarity())
        },
        "bound": explicit.bound / np.sqrt(len(x)) / diameter,
        "tightness": explicit.tightness,
        "premise": explicit.premise,
    }


def _errors(group: Any, x: Array, y: Array, half: int) -> Array:
    fitted = group.fit(x[:half], y[:half])
    return np.asarray(np.linalg.norm(y[half:] - fitted.transform(x[half:]), axis=1))


def _root(constants: pd.Series[float]) -> float:
    return float(np.sqrt(constants.to_numpy() ** 2 - 1).mean())


def _share(difference: Array, of: Array) -> float:
    return float((difference**2).mean() / of.var(axis=0).mean())


def _correlations(pairs: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for predictor in ("predicted", "predicted_max", "disagreement"):
        for error in ("rigid", "similarity"):

            def plain(p: pd.DataFrame, x: str = predictor, y: str = error) -> float:
                return spearman(p[x].to_numpy(), p[y].to_numpy())

            def given(p: pd.DataFrame, x: str = predictor, y: str = error) -> float:
                columns = (p[name].to_numpy() for name in (x, y, "disagreement"))
                return partial_spearman(*columns)

            row: dict[str, Any] = {"predictor": predictor, "error": error}
            measures = {"spearman": plain, "given_disagreement": given}
            if predictor == "disagreement":
                del measures["given_disagreement"]
            for name, statistic in measures.items():
                row[name] = statistic(pairs)
                row[f"{name}_low"], row[f"{name}_high"] = interval_over_runs(
                    pairs, statistic, rng=rng
                )
            rows.append(row)
    return pd.DataFrame(rows)


def _premise(pairs: pd.DataFrame) -> list[str]:
    worst = pairs.groupby("alpha")["disagreement"].max()
    above = worst[worst > PREMISE]
    warnings = []
    if len(above):
        named = ", ".join(f"{alpha:g} ({value:.1%})" for alpha, value in above.items())
        warnings.append(
            f"the outputs of some runs disagree by more than {PREMISE:.0%} of their variance at "
            f"the slopes {named}: there the theorem says nothing"
        )
    left = spearman(pairs["disagreement"].to_numpy(), pairs["rigid"].to_numpy())
    right = spearman(pairs["predicted"].to_numpy(), pairs["rigid"].to_numpy())
    if left > right:
        warnings.append(
            f"the outputs' disagreement predicts the rigid error better than √(2L+L²) does (rank "
            f"correlation {left:.2f} against {right:.2f}): these runs are no test of the theorem"
        )
    return warnings


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            str(key): None if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in row.items()
        }
        for row in frame.to_dict(orient="records")
    ]
