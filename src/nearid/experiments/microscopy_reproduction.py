"""Biology apart from batch: real tables, drawn plates and given embeddings, as one result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pandas as pd

from nearid.deconfounding import Deconfounding
from nearid.errors import InputError
from nearid.experiments.jobs import Progress
from nearid.experiments.microscopy import Protocol
from nearid.experiments.microscopy_encoders import Encoder
from nearid.experiments.microscopy_given import load_embeddings
from nearid.experiments.microscopy_nuclei import NUCLEI, Nuclei, nuclei_profiles, read_nuclei
from nearid.experiments.microscopy_profiles import (
    TABLES,
    Study,
    measure_table,
    read_table,
    shuffled_verdicts,
)
from nearid.experiments.microscopy_verdict import bars, verdict
from nearid.experiments.microscopy_worlds import Measured, Worlds, measure_worlds
from nearid.experiments.scales import NOT_TRAINED, scale_named
from nearid.models.runs import kept_in
from nearid.plain import plain, records
from nearid.report.microscopy import microscopy_page
from nearid.report.page import Page

__all__ = ["SCALES", "Microscopy", "Tables", "reproduce_microscopy"]


@dataclass(frozen=True)
class Tables:
    """How real tables are measured.

    Parameters
    ----------
    names : tuple of str
        Of :data:`nearid.experiments.microscopy_profiles.TABLES`, and "nuclei".
    classifiers : tuple of str
    n_repeats, n_shuffles : int
        Rotations, and shuffles of the labels of the first table.
    nuclei : Nuclei
        How embeddings of real nuclei are measured.
    """

    names: tuple[str, ...] = (*TABLES, "nuclei")
    classifiers: tuple[str, ...] = ("l1", "l2", "top3")
    n_repeats: int = 3
    n_shuffles: int = 20
    nuclei: Nuclei = field(default_factory=Nuclei)


SCALES = {
    "ci": (
        Worlds(
            1, 1, n_plates=6, n_perturbations=2, n_wells=2, n_controls=5, n_cells=5, size=16,
            protocol=Protocol(8, budget=4, n_random=1, levels=("well",)),
            encoder=Encoder(4, 24, 1, epochs=1, batch=32), harmony=False,
        ),
        Tables(
            ("targeted_fibrosis", "nuclei"), ("l2", "top3"), n_repeats=1, n_shuffles=0,
            nuclei=Nuclei(per_batch=20, least=1000),
        ),
    ),
    "cpu": (Worlds(5, 3), Tables()),
    "paper": (
        Worlds(
            10, 5, n_plates=60, n_cells=16, size=40, encoder=Encoder(8, 128, 6, 100, 256)
        ),
        Tables(classifiers=("l1", "l2", "forest", "top1", "top3"), n_repeats=5, n_shuffles=100),
    ),
}  # fmt: skip

MEANS = ["kind", "level", "classifier", "method"]


@dataclass(frozen=True, eq=False)
class Microscopy:
    """Scores on held-out plates, real and drawn, and whether the bars were met.

    Parameters
    ----------
    measured : Measured
        From :func:`nearid.experiments.microscopy_worlds.measure_worlds`.
    tables : mapping of str to Deconfounding
        Of real profiles and given embeddings.
    shuffled : tuple of str
        Verdicts on shuffled labels.
    settings : mapping
    """

    measured: Measured
    tables: dict[str, Deconfounding]
    shuffled: tuple[str, ...]
    settings: dict[str, Any]

    @property
    def bars(self) -> pd.DataFrame:
        """Every bar, with what was found."""
        return bars(self.measured.scores, self.measured.drops)

    @property
    def verdict(self) -> str:
        """What the bars say together."""
        sizes = {name: self.settings[name] for name in ("n_worlds", "n_encoders", "n_plates")}
        return verdict(self.bars, sizes | {"epochs": self.settings["encoder"]["epochs"]})

    @property
    def means(self) -> pd.DataFrame:
        """Means over worlds, plates and perturbations; all encoders are one kind."""
        measures = ["auroc", "average_precision", "hoyer", "batch_accuracy"]
        return _means(self.measured.scores, MEANS, measures)

    @property
    def purity(self) -> pd.DataFrame:
        """How far components are of biology or of technique alone, and on plates not fitted."""
        return _means(self.measured.purities, ["kind", "method"], ["seen", "unseen", "explained"])

    @property
    def dropped(self) -> pd.DataFrame:
        """What drops and projections leave of biology, and of old and new plates."""
        measures = ["auroc", "n_kept", "batch_accuracy", "new_batch_auroc"]
        return _means(self.measured.drops, ["method", "classifier"], measures)

    @property
    def profiles(self) -> pd.DataFrame:
        """Summaries of all real tables, one below the other."""
        parts = [found.summary().assign(table=name) for name, found in self.tables.items()]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"table": []})

    @property
    def left_of_batches(self) -> pd.DataFrame:
        """What is left of the batch in real tables, beside what is kept of the label."""
        parts = [found.batch_scores().assign(table=name) for name, found in self.tables.items()]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"table": []})

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before trusting the numbers."""
        told = ["drawn cells are simpler than real ones: encoders of real images may do otherwise"]
        if self.settings["scale"] == "ci":
            told.append(NOT_TRAINED)
        for name, found in self.tables.items():
            told += [f"{name}: {warning}" for warning in found.warnings]
        helped = sum(said.startswith("ICA helps") for said in self.shuffled)
        if self.shuffled:
            told.append(f"on {len(self.shuffled)} shuffles of the labels ICA helped {helped} times")
        return tuple(told)

    def to_frame(self) -> pd.DataFrame:
        """Return a row per world, kind, plate, perturbation, version, level and classifier."""
        return self.measured.scores.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return everything but single plates as plain values, ready for JSON."""
        return {
            "verdict": self.verdict,
            "settings": plain(self.settings),
            "warnings": list(self.warnings),
            "bars": records(self.bars),
            "means": records(self.means),
            "dropped": records(self.dropped),
            "purity": records(self.purity),
            "tables": {name: found.to_dict() for name, found in self.tables.items()},
            "shuffled": list(self.shuffled),
        }

    def summary(self) -> str:
        """Return the bars, the verdicts on tables and the warnings as text for a terminal."""
        said = [f"{name}: {found.verdict}" for name, found in self.tables.items()]
        shown = self.bars.round(3).fillna("").to_string(index=False)
        lines = [shown, "", self.verdict, "", *said, "", *(f"warning: {w}" for w in self.warnings)]
        return "\n".join(lines)

    def page(self, *, command: str = "") -> Page:
        """Return the report as a page.

        Parameters
        ----------
        command : str, default ""
            What made it.
        """
        return microscopy_page(
            self.bars,
            self.means,
            self.dropped,
            self.purity,
            self.profiles,
            self.left_of_batches,
            verdict=self.verdict,
            said={name: found.verdict for name, found in self.tables.items()},
            warnings=self.warnings,
            command=command,
            settings=self.settings,
        )


def _means(frame: pd.DataFrame, keys: list[str], measures: list[str]) -> pd.DataFrame:
    """Return means by keys; all encoders are one kind."""
    kind = frame["kind"].str.replace(r"encoder \d+", "encoder", regex=True)
    return frame.assign(kind=kind).groupby(keys, sort=False)[measures].mean().reset_index()


def reproduce_microscopy(
    *,
    scale: str = "cpu",
    cache_dir: str | os.PathLike[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    n_jobs: int = 1,
    n_seeds: int | None = None,
    first_seed: int = 0,
    tables: Sequence[str] | None = None,
    embeddings: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Microscopy:
    """Tell perturbations apart on plates that were held out, by four versions of an embedding.

    Parameters
    ----------
    scale : {"ci", "cpu", "paper"}
    cache_dir : path, optional
        Where trainings are kept: a killed one goes on, a finished one is read.
    data_dir : path, optional
        The folder that holds ``profiles``; the environment variable NEARID_DATA if not given.
    n_jobs : int, default 1
    n_seeds : int, optional
        Worlds; as the scale has it if not given.
    first_seed : int, default 0
        Of the worlds, which follow each other. What is fixed here was chosen on 0 and 1.
    tables : sequence of str, optional
        Of ``t2d_lipocyte, pediatric_cancer_atlas, targeted_fibrosis, nuclei``; as the scale has it
        if not given.
    embeddings : path, optional
        A Parquet file, as :func:`nearid.experiments.microscopy_given.load_embeddings` describes
        it. Perturbations are told from each other, with experiments held out.
    progress : callable, optional
        Called with how many kinds of worlds are done, of how many, and which was the last.

    Returns
    -------
    Microscopy

    Raises
    ------
    InputError
        If an argument is not as described, or a file is not there.
    MissingExtraError
        If torch or transformers is not installed.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, section on cell microscopy.
    """
    worlds, asked = scale_named(scale, SCALES)
    names = tuple(tables) if tables is not None else asked.names
    unknown = [name for name in names if name not in (*TABLES, "nuclei")]
    if unknown:
        raise InputError(f"tables must be some of {', '.join(TABLES)}, nuclei; got {unknown[0]!r}")
    if n_seeds is not None:
        worlds = replace(worlds, n_worlds=n_seeds)
    # files first, so that one that is missing is told before anything is trained
    frames = {name: read_table(name, data_dir) for name in names if name in TABLES}
    studies = {name: TABLES[name] for name in frames}
    nuclei = read_nuclei(data_dir, asked.nuclei) if "nuclei" in names else None
    if embeddings is not None:
        frames["embeddings"] = load_embeddings(embeddings)
        studies["embeddings"] = Study("Given", "Metadata_Perturbation", "Metadata_Batch")
    told: dict[str, Any] = {"classifiers": asked.classifiers, "n_repeats": asked.n_repeats}
    shuffled: list[str] = []
    if studies and asked.n_shuffles:
        name = next(iter(studies))
        shuffled = shuffled_verdicts(frames[name], studies[name], n=asked.n_shuffles)
    with kept_in(cache_dir) as place:
        if nuclei is not None:
            profiles = nuclei_profiles(*nuclei, worlds.encoder, cache_dir=place)
            for name, study in NUCLEI.items():
                label = [column for column in profiles if str(column).startswith("Metadata_")]
                frames[name] = profiles.drop(columns=set(label) - {study.batch, study.label})
                studies[name] = study
        found = {name: measure_table(frames[name], studies[name], **told) for name in frames}
        measured = measure_worlds(
            worlds, cache_dir=place, n_jobs=n_jobs, first_seed=first_seed, progress=progress
        )
    settings = {"scale": scale, "tables": list(names), "first_seed": first_seed}
    return Microscopy(measured, found, tuple(shuffled), settings | asdict(worlds))
