"""Every pair of runs of an ensemble: the error that Theorem 1 predicts, and the one measured."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from nearid.decoder import bilipschitz, procrustes_bound
from nearid.experiments.ranks import interval_over_runs, partial_spearman, spearman
from nearid.groups import Rigid, Similarity
from nearid.models.runs import train_cached
from nearid.optional import require
from nearid.plain import records

__all__ = ["PREMISE", "Warmup", "compare_runs", "train_ensemble"]

Array = NDArray[np.float64]

#: Share of the outputs' variance by which runs may disagree for the theorem to say anything.
PREMISE = 0.03


@dataclass(frozen=True, eq=False)
class Warmup:
    """Every ordered pair of runs of one setting: what the theorem predicts, and what is measured.

    Parameters
    ----------
    pairs : DataFrame
        ``alpha``, ``l2`` where it varies, ``source, target``; ``predicted`` and
        ``predicted_max``, ``√(2L+L²)`` after the best global scale by the median and by the
        maximum over latents, the mean of both runs; ``disagreement``, of the outputs, as a share
        of their variance; ``rigid`` and
        ``similarity``, the held-out mean error divided by the diameter; ``bound`` and
        ``tightness``, the explicit Procrustes bound per row divided by the diameter, and how many
        times the error it is; ``premise``, its ``‖X⁺‖e``, at most .707.
    runs : DataFrame
        The same, ``run, constant, constant_scale_free, median_scale_free, unexplained``.
    correlations : DataFrame
        Rank correlations over pairs, with 95 % intervals over runs: over all pairs, the same given
        the outputs' disagreement, and over the pairs that meet the theorem's premise alone.
    settings : dataclass
        The sizes of the experiment.
    warnings : tuple of str
    """

    pairs: pd.DataFrame
    runs: pd.DataFrame
    correlations: pd.DataFrame
    settings: Any
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
                name: records(frame)
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


def train_ensemble(
    factory: Callable[[], Any],
    data: NDArray[np.float32],
    settings: Any,
    *,
    seed: int,
    cache_dir: str | os.PathLike[str] | None,
    device: Any,
    progress: Callable[[int, int, float], None] | None,
) -> Any:
    """Train the members of an ensemble as one model, unless the cache holds it.

    Parameters
    ----------
    factory : callable
        Makes it untrained.
    data : ndarray of float32, shape (n, data sets, features)
    settings : dataclass
        With ``steps``, ``lr`` and ``batch_size``.
    seed, cache_dir, device, progress
        As in :func:`nearid.models.train_runs` and :func:`nearid.models.train`.

    Returns
    -------
    torch.nn.Module
        On the CPU.
    """
    run = train_cached(
        factory,
        data,
        seed=seed,
        cache_dir=cache_dir,
        steps=settings.steps,
        lr=settings.lr,
        batch_size=settings.batch_size,
        device=device,
        progress=progress,
    )
    return run.model.cpu()


def compare_runs(
    students: Any,
    test: NDArray[np.float32],
    *,
    members: pd.DataFrame,
    n_jacobians: int,
    settings: Any,
    rng: np.random.Generator,
) -> Warmup:
    """Measure each member of an ensemble, and all the pairs of one setting.

    Parameters
    ----------
    students : torch.nn.Module
        Of :func:`nearid.models.ensemble.ensemble`, on the CPU.
    test : ndarray of float32, shape (n, data sets, features)
        Held-out inputs: maps are fitted on one half, errors are taken on the other.
    members : DataFrame
        A row per member, with the setting under which it was trained: ``alpha``, and whatever else.
    n_jacobians : int
        At how many inputs the decoders' constants are measured.
    settings : dataclass
        What the result is to remember.
    rng : numpy Generator
        For the intervals.

    Returns
    -------
    Warmup
    """
    torch = require("torch", extra="torch")
    with torch.no_grad():
        inputs = students.inputs(torch.from_numpy(test))
        latents = students.encoder(inputs)
        outputs = students.decoder(latents)
    inputs, latents, outputs = (t.double().numpy() for t in (inputs, latents, outputs))
    runs, warnings = _runs(students, inputs, latents, outputs, members, n_jacobians)
    by = list(members.columns)
    rows = [
        {**members.loc[source], **_pair(source, target, runs, latents, outputs)}
        for _, group in runs.groupby(by)
        for source, target in permutations(group["run"], 2)
    ]
    pairs = pd.DataFrame(rows)
    return Warmup(
        pairs, runs, _correlations(pairs, by, rng), settings, (*warnings, *_premise(pairs))
    )


def _runs(
    students: Any,
    inputs: Array,
    latents: Array,
    outputs: Array,
    members: pd.DataFrame,
    n_jacobians: int,
) -> tuple[pd.DataFrame, list[str]]:
    rows, warnings = [], []
    for run, z in enumerate(latents):
        found = bilipschitz(students.decoder.member(run), z[:n_jacobians])
        warnings += [f"run {run}: {warning}" for warning in found.warnings]
        rows.append(
            {
                **members.loc[run],
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


def _correlations(pairs: pd.DataFrame, by: Sequence[str], rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for predictor in ("predicted", "predicted_max", "disagreement"):
        for error in ("rigid", "similarity"):
            row: dict[str, Any] = {"predictor": predictor, "error": error}
            for name, measure in MEASURES.items():
                if (predictor, name) == ("disagreement", "given_disagreement"):
                    continue  # nothing is left of it given itself
                statistic = partial(measure, x=predictor, y=error)
                row[name] = statistic(pairs)
                row[f"{name}_low"], row[f"{name}_high"] = interval_over_runs(
                    pairs, statistic, rng=rng, by=by, bounds=(-1, 1)
                )
            rows.append(row)
    return pd.DataFrame(rows)


def _plain(pairs: pd.DataFrame, *, x: str, y: str) -> float:
    return spearman(pairs[x].to_numpy(), pairs[y].to_numpy())


def _given(pairs: pd.DataFrame, *, x: str, y: str) -> float:
    return partial_spearman(*(pairs[name].to_numpy() for name in (x, y, "disagreement")))


def _within(pairs: pd.DataFrame, *, x: str, y: str) -> float:
    return _plain(pairs[pairs["disagreement"] <= PREMISE], x=x, y=y)


MEASURES = {"spearman": _plain, "given_disagreement": _given, "within_premise": _within}


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
