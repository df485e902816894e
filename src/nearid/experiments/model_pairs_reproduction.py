"""Pairs of models of five kinds beside the published figures, as one result with one page."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pandas as pd

from nearid.errors import InputError, MissingExtraError
from nearid.experiments.jobs import Progress
from nearid.experiments.model_pairs import Measuring, Subject, measure
from nearid.experiments.model_pairs_checkpoints import checkpoint_subjects
from nearid.experiments.model_pairs_given import (
    admet_members,
    cifar_resnets,
    efficientnets,
    sentence_encoders,
)
from nearid.experiments.model_pairs_subjects import trained_subjects
from nearid.experiments.model_pairs_verdict import KINDS, published, verdicts
from nearid.experiments.scales import NOT_TRAINED, scale_named
from nearid.plain import records
from nearid.report.model_pairs import model_pairs_page
from nearid.report.page import Page

__all__ = ["ModelPairs", "reproduce_model_pairs"]

#: How pairs are measured, and inputs of networks that others trained, by scale.
SCALES = {
    "ci": (Measuring(16, n_bootstrap=20, n_null=1, n_random=1), 300),
    "cpu": (Measuring(32, n_bootstrap=50, n_null=1, n_random=1), 1_500),
    "paper": (Measuring(32, n_bootstrap=200, n_null=5, n_random=5), 10_000),
}

#: Seeds of models that are trained here, by scale, if not given.
SEEDS = {"ci": 2, "cpu": 3, "paper": 3}

SUMMARY = ["kind", "model", "layer", "state", "removed", "efficiency", "replicating", "canonical"]
SUMMARY += ["dependable", "efficiency_dependable"]


@dataclass(frozen=True, eq=False)
class ModelPairs:
    """Every kind of pair, with the controls of its efficiency.

    Parameters
    ----------
    rows : DataFrame
        A row per kind, model, layer, state and removal; see
        :func:`nearid.experiments.model_pairs.measure`.
    pairs : DataFrame
        A row per ordered pair of the same.
    settings : mapping
    told : tuple of str
        What was left out, and what the measures warned of.
    """

    rows: pd.DataFrame
    pairs: pd.DataFrame
    settings: dict[str, object]
    told: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before trusting the numbers."""
        told = [
            "rows of tokens of one input are not independent, and intervals, which resample rows, "
            "are narrower than they would be for new inputs"
        ]
        if self.settings["scale"] == "ci":
            told.append(NOT_TRAINED)
        few = self.rows.loc[self.rows["runs"] < 3, "model"].unique()
        if len(few):
            told.append(f"with fewer than 3 runs intervals say little: {', '.join(few)}")
        return (*told, *self.told)

    @property
    def verdicts(self) -> pd.DataFrame:
        """What each kind's representative layer shows beside the published figure."""
        return verdicts(self.rows)

    def to_frame(self) -> pd.DataFrame:
        """Return a row per kind, model, layer, state and removal."""
        return self.rows.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON (infinity and nan become None)."""
        return {
            "settings": dict(self.settings),
            "warnings": list(self.warnings),
            "rows": records(self.rows),
            "pairs": records(self.pairs),
            "verdicts": records(self.verdicts),
        }

    def summary(self) -> str:
        """Return efficiencies with their controls, and the verdicts, as text for a terminal."""
        shown = self.rows[self.rows["headline"]][SUMMARY].round(2).to_string(index=False)
        said = [f"{row['kind']}: {row['text']}" for row in self.verdicts.to_dict("records")]
        return "\n".join([shown, "", *said, "", *(f"warning: {w}" for w in self.warnings)])

    def page(self, *, command: str = "") -> Page:
        """Return the report as a page.

        Parameters
        ----------
        command : str, default ""
            What made it.
        """
        return model_pairs_page(
            self.rows,
            self.pairs,
            self.verdicts,
            published(),
            kinds={name: kind.title for name, kind in KINDS.items()},
            warnings=self.warnings,
            command=command,
            settings=self.settings,
        )


def reproduce_model_pairs(
    *,
    scale: str = "cpu",
    cache_dir: str | os.PathLike[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    n_jobs: int = 1,
    n_seeds: int | None = None,
    kinds: Sequence[str] | None = None,
    checkpoints: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> ModelPairs:
    """Compare pairs of models of five kinds, with the controls of every ICA efficiency.

    Parameters
    ----------
    scale : {"ci", "cpu", "paper"}
    cache_dir : path, optional
        Where trainings are kept: a killed one goes on, a finished one is read.
    data_dir : path, optional
        The folder of data; the environment variable NEARID_DATA if not given.
    n_jobs : int, default 1
        Trainings side by side, each on one thread.
    n_seeds : int, optional
        Of the models that are trained here, from 2; 3 if not given, and 2 at the scale ci.
    kinds : sequence of str, optional
        Of ``language, mae, sizes, heads, sentences``. If not given, all of which the packages are
        there; one that is named must be.
    checkpoints : path, optional
        For the scale paper: a folder with the folders ``language`` and ``mae``, and in each two or
        more folders of models.
    progress : callable, optional
        Called with how many groups of models are done, of how many, and which was the last.

    Returns
    -------
    ModelPairs

    Raises
    ------
    InputError
        If an argument is not as described, or data or checkpoints are not there.
    MissingExtraError
        If torch, transformers, or a package of a kind that was named, is not installed.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, its table of pairs.
    """
    unknown = [name for name in kinds or () if name not in KINDS]
    if unknown:
        raise InputError(f"kinds must be some of {', '.join(KINDS)}; got {unknown[0]!r}")
    measuring, n_inputs = scale_named(scale, SCALES)
    seeds = range(SEEDS[scale] if n_seeds is None else n_seeds)
    if len(seeds) < 2:
        raise InputError(f"n_seeds is from 2, for a pair is of two; got {n_seeds!r}")
    groups = _groups(scale, seeds, n_inputs, cache_dir, data_dir, n_jobs, checkpoints)
    chosen = [(kind, make) for kind, make in groups if kinds is None or kind in kinds]
    rows, pairs, told = [], [], []
    for number, (kind, make) in enumerate(chosen, 1):
        try:
            subjects = make()
        except MissingExtraError as error:
            if kinds is not None or kind not in OPTIONAL:
                raise
            told.append(f"{KINDS[kind].title}: some models were left out: {error}")
            continue
        for subject in subjects:
            found, by_pair, warnings = measure(subject, measuring, random_state=0)
            rows.append(found)
            pairs.append(by_pair)
            told += [f"{subject.model}: {subject.note}"] if subject.note else []
            if subject.headline:
                told += [f"{subject.model}, {subject.layer}: {w}" for w in _kept(warnings)]
        if progress is not None:
            progress(number, len(chosen), KINDS[kind].title)
    settings: dict[str, object] = {
        "scale": scale,
        "kinds": list(kinds or KINDS),
        "seeds": list(seeds),
        **asdict(measuring),
    }
    return ModelPairs(
        pd.concat(rows, ignore_index=True),
        pd.concat(pairs, ignore_index=True),
        settings,
        tuple(dict.fromkeys(told)),
    )


#: Kinds of which some models come in packages that need not be there.
OPTIONAL = ("sizes", "sentences")


def _groups(
    scale: str,
    seeds: Sequence[int],
    n_inputs: int,
    cache_dir: Any,
    data_dir: Any,
    n_jobs: int,
    checkpoints: Any,
) -> list[tuple[str, Callable[[], list[Subject]]]]:
    """Return how the models of every kind are made, in the order of the kinds."""
    options = {"data_dir": data_dir, "cache_dir": cache_dir, "n_jobs": n_jobs, "seeds": seeds}
    groups: list[tuple[str, Callable[[], list[Subject]]]] = [
        ("language", partial(trained_subjects, "language", scale, **options)),
        ("mae", partial(trained_subjects, "mae", scale, **options)),
        ("sizes", lambda: [cifar_resnets(data_dir)]),
        ("sizes", lambda: [efficientnets(data_dir, n_inputs=n_inputs)]),
        ("heads", partial(trained_subjects, "classifier", scale, **options)),
        ("heads", lambda: [admet_members(data_dir)]),
        ("sentences", lambda: [sentence_encoders(data_dir, n_inputs=n_inputs)]),
    ]
    if scale == "paper":
        given = {"data_dir": data_dir, "n_inputs": n_inputs}
        # first, so that a folder that is missing is told before anything is trained
        groups[:0] = [
            (kind, partial(checkpoint_subjects, kind, checkpoints, **given))
            for kind in ("language", "mae")
        ]
    return groups


def _kept(warnings: Sequence[str]) -> list[str]:
    """Return the warnings of a comparison but those that here say nothing new.

    The order of rows is known without ids, and what is ambiguous is told by how many components
    replicate.
    """
    return [w for w in warnings if "ids" not in w and "ambiguous" not in w]
