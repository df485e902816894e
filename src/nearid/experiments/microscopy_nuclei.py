"""Real nuclei: an auto-encoder of their pictures, and shapes told apart in other acquisitions."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.experiments.given import Folder, given_file, told
from nearid.experiments.microscopy_encoders import Encoder, embed_crops, encoder
from nearid.experiments.microscopy_profiles import Study
from nearid.io.npz import open_arrays

__all__ = ["NUCLEI", "Nuclei", "nuclei_profiles", "read_nuclei"]

CROPS, DESCRIBED = "dsb2018_nuclei_crops40.npz", "dsb2018_nuclei_meta.parquet"

#: What is asked of embeddings of nuclei: shapes that were measured on masks drawn by hand, against
#: the median of the same acquisition, so that each has as many of both.
NUCLEI = {
    "nuclei, large": Study("Nuclei above the median area of their acquisition", "Metadata_large"),
    "nuclei, wide": Study("Nuclei above the median aspect of theirs", "Metadata_wide"),
}


@dataclass(frozen=True)
class Nuclei:
    """How nuclei are measured.

    Parameters
    ----------
    per_batch : int
        Nuclei of an acquisition, drawn at random; acquisitions of fewer than ``least`` are left
        out.
    least : int
    """

    per_batch: int = 200
    least: int = 40


def read_nuclei(
    folder: Folder, settings: Nuclei, *, seed: int = 0
) -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """Read crops of nuclei of the 2018 Data Science Bowl, and what is known of each.

    Parameters
    ----------
    folder : path or None
        The folder that holds ``images``; the environment variable NEARID_DATA if None.
    settings : Nuclei
    seed : int, default 0

    Returns
    -------
    crops : ndarray of uint8, shape (n, 1, 40, 40)
    table : DataFrame, n rows
        ``Metadata_batch``, ``Metadata_large`` and ``Metadata_wide``.

    Raises
    ------
    InputError
        If the files are not there, or are not of the same nuclei.
    """
    pictures, described = (_nuclei_file(name, folder) for name in (CROPS, DESCRIBED))
    with open_arrays(pictures) as entries:
        crops = np.asarray(entries["x"].load(), dtype=np.uint8)
    known = pd.read_parquet(described)
    if len(known) != len(crops):
        raise InputError(
            f"{pictures.parent} has {len(crops)} crops, and describes {len(known)} nuclei"
        )
    groups = known.groupby("batch")
    table = pd.DataFrame({"Metadata_batch": known["batch"].astype(str)})
    for label, shape in (("large", "area"), ("wide", "aspect")):
        above = known[shape] > groups[shape].transform("median")
        table[f"Metadata_{label}"] = np.where(above, label, f"not {label}")
    chosen = _chosen(table["Metadata_batch"], settings, np.random.default_rng(seed))
    return crops[chosen, None], table.iloc[chosen].reset_index(drop=True)


def _nuclei_file(name: str, folder: Folder) -> Path:
    path = given_file(folder, f"images/{name}")
    if path is None:
        raise InputError(
            f"the nuclei {name} are not in {told(folder)}: put them into a folder images in it, "
            f"and name the folder by --data"
        )
    return path


def _chosen(batch: pd.Series[str], settings: Nuclei, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw the nuclei of each acquisition, in the order of the file."""
    parts = []
    for name in sorted(batch.unique()):
        rows = np.flatnonzero(batch == name)
        if len(rows) >= settings.least:
            parts.append(rng.permutation(rows)[: settings.per_batch])
    return np.sort(np.concatenate(parts))


def nuclei_profiles(
    crops: NDArray[np.uint8],
    table: pd.DataFrame,
    sizes: Encoder,
    *,
    seed: int = 0,
    cache_dir: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Train a masked auto-encoder on the crops, without any label, and embed them.

    Parameters
    ----------
    crops, table
        From :func:`read_nuclei`.
    sizes : Encoder
    seed : int, default 0
    cache_dir : path, optional

    Returns
    -------
    DataFrame
        The table with the embedding, ``feature_0``, ``feature_1``, … in front.
    """
    model = encoder(crops, sizes, seed=seed, cache_dir=cache_dir)
    features = pd.DataFrame(embed_crops(model, crops)).add_prefix("feature_")
    return pd.concat([features, table], axis=1)
