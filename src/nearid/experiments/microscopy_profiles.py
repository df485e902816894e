"""Real tables of profiles: whether biology carries over to batches that were held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nearid.deconfounding import Deconfounding, evaluate
from nearid.errors import InputError
from nearid.experiments.given import Folder, given_file, told

__all__ = ["TABLES", "Study", "measure_table", "read_table", "shuffled_verdicts"]

METHODS = ("base", "pca", "pca_random", "pca_ica", "nap")
#: Fixed before any label was seen, for all tables.
N_COMPONENTS = 16


@dataclass(frozen=True)
class Study:
    """A table of profiles, and what is asked of it.

    Parameters
    ----------
    title : str
    label, batch : str
        Columns.
    """

    title: str
    label: str
    batch: str = "Metadata_batch"


TABLES = {
    "t2d_lipocyte": Study("Fat cells, fatty acid against none, 9 plates", "Metadata_ffa"),
    "pediatric_cancer_atlas": Study("Tumour lines, one on every plate, 6 plates", "Metadata_pert"),
    "targeted_fibrosis": Study("Heart cells, without a plate effect, 4 plates", "Metadata_pert"),
}


def read_table(name: str, folder: Folder) -> pd.DataFrame:
    """Read a table of profiles from the folder of data.

    Parameters
    ----------
    name : str
        Of :data:`TABLES`.
    folder : path or None
        The folder that holds ``profiles``; the environment variable NEARID_DATA if None.

    Raises
    ------
    InputError
        If the table is not there.
    """
    path = given_file(folder, f"profiles/{name}.parquet")
    if path is None:
        raise InputError(
            f"the profiles {name}.parquet are not in {told(folder)}: "
            f"put them into a folder profiles in it, and name the folder by --data"
        )
    return pd.read_parquet(path)


def measure_table(
    frame: pd.DataFrame,
    study: Study,
    *,
    classifiers: tuple[str, ...],
    n_repeats: int,
    seed: int = 0,
) -> Deconfounding:
    """Hold out each batch in turn: every feature scaled by the training batches, 16 components.

    Parameters
    ----------
    frame : DataFrame
    study : Study
    classifiers : tuple of str
        Of :data:`nearid.deconfounding.CLASSIFIERS`; the first decides.
    n_repeats : int
    seed : int, default 0
    """
    return evaluate(
        frame,
        batch=study.batch,
        label=study.label,
        methods=METHODS,
        classifiers=classifiers,
        n_components=N_COMPONENTS,
        scaling="standard",
        n_repeats=n_repeats,
        random_state=seed,
    )


def shuffled_verdicts(frame: pd.DataFrame, study: Study, *, n: int, seed: int = 0) -> list[str]:
    """Return the verdicts when labels are shuffled within batches: none may say that ICA helps.

    Parameters
    ----------
    frame : DataFrame
    study : Study
    n : int
        Shuffles.
    seed : int, default 0
    """
    rng = np.random.default_rng(seed)
    said = []
    for _ in range(n):
        labels = frame.groupby(study.batch)[study.label].transform(
            lambda part: rng.permutation(part.to_numpy())
        )
        found: Any = evaluate(
            frame.assign(**{study.label: labels}),
            batch=study.batch,
            label=study.label,
            methods=("pca", "pca_random", "pca_ica"),
            classifiers=("l1",),
            n_components=N_COMPONENTS,
            scaling="standard",
            n_repeats=1,
            random_state=int(rng.integers(2**31)),
        )
        said.append(found.verdict)
    return said
