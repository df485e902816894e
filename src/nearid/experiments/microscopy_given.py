"""Embeddings of real screens that others computed: a Parquet file by its path."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from nearid.errors import InputError
from nearid.io.location import DAMAGED, parsing
from nearid.io.parquet import footer_limits

__all__ = ["SCHEMAS", "load_embeddings"]

#: What columns of published screens are called here: those of RxRx3-core with the embeddings of
#: OpenPhenom, and those of JUMP.
SCHEMAS = {
    "rxrx3-core": {
        "experiment_name": "Metadata_Batch",
        "plate": "Metadata_Plate",
        "address": "Metadata_Well",
        "treatment": "Metadata_Perturbation",
    },
    "jump": {
        "Metadata_Source": "Metadata_Batch",
        "Metadata_Plate": "Metadata_Plate",
        "Metadata_Well": "Metadata_Well",
        "Metadata_JCP2022": "Metadata_Perturbation",
    },
}
#: A file beside the embeddings of RxRx3-core, in which wells are described.
METADATA = "metadata_rxrx3_core.csv"
KEY = "well_id"


def load_embeddings(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read embeddings of wells, and name what describes them as everywhere here.

    A row per well; numeric columns ``feature_0``, ``feature_1``, … are the embedding. Wells are
    described by the columns of one of :data:`SCHEMAS`: ``experiment_name, plate, address,
    treatment`` (RxRx3-core) or ``Metadata_Source, Metadata_Plate, Metadata_Well,
    Metadata_JCP2022`` (JUMP). Where a file has ``well_id`` instead, they are taken by it from
    ``metadata_rxrx3_core.csv`` in the same folder.

    Parameters
    ----------
    path : path
        Of a Parquet file.

    Returns
    -------
    DataFrame
        ``Metadata_Batch``, ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Perturbation`` and
        the features. Plates are named with their batch, as numbers come again in every experiment.

    Raises
    ------
    InputError
        If a file is not there, wells are described twice or not at all, or there is no feature.
    """
    place = Path(path)
    if not place.is_file():
        raise InputError(
            f"there are no embeddings at {place}: download them (such as "
            f"OpenPhenom_rxrx3_core_embeddings.parquet, with {METADATA} beside it), put them "
            f"there, and name the file by --embeddings"
        )
    import pyarrow as pa
    import pyarrow.parquet as pq

    with parsing(place, "a Parquet file", pa.ArrowException, *DAMAGED):
        read = pq.read_table(place, **footer_limits(place))
        read.validate(full=True)  # of damaged text, pandas would read what is not there
        table = read.to_pandas()
    if KEY in table and not any(set(names) <= set(table) for names in SCHEMAS.values()):
        table = _described(table, place)
    for names in SCHEMAS.values():
        if set(names) <= set(table):
            return _renamed(table, names, place)
    wanted = " or ".join(", ".join(names) for names in SCHEMAS.values())
    raise InputError(f"{place} has no columns {wanted}, by which wells are known")


def _described(table: pd.DataFrame, place: Path) -> pd.DataFrame:
    beside = place.parent / METADATA
    if not beside.is_file():
        raise InputError(
            f"{place} names its wells by {KEY} alone: put {METADATA}, which describes them, into "
            f"{place.parent}"
        )
    with parsing(beside, "a .csv file", *DAMAGED):
        # of 1e999589934592, what pandas otherwise makes numbers with ends the process
        wells = pd.read_csv(beside, float_precision="round_trip")
    for name, held in ((beside, wells), (place, table)):
        if KEY not in held or held[KEY].duplicated().any():
            raise InputError(f"{name} must have one row for each {KEY}, and one row only")
    if (table[KEY].dtype.kind == "O") != (wells[KEY].dtype.kind == "O"):
        raise InputError(f"{KEY} is text in one of {place} and {beside}, and numbers in the other")
    merged = table.merge(wells, on=KEY, how="left", indicator=True)
    lost = merged["_merge"] != "both"
    if lost.any():
        raise InputError(
            f"{int(lost.sum())} of {len(table)} wells of {place} are not in {beside}, first "
            f"{merged.loc[lost, KEY].iloc[0]}"
        )
    return merged


def _renamed(table: pd.DataFrame, names: dict[str, str], place: Path) -> pd.DataFrame:
    features = [str(name) for name in table.columns if str(name).startswith("feature_")]
    if not features:
        raise InputError(f"{place} has no columns feature_0, feature_1, …, which are the embedding")
    found = table[[*names, *features]].rename(columns=names)
    plate = found["Metadata_Batch"].astype(str) + "/" + found["Metadata_Plate"].astype(str)
    return found.assign(Metadata_Plate=plate)
