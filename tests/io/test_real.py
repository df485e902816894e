"""Real files, as their users have them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nearid import io
from nearid.rows import as_rows

DATA = Path(os.environ.get("NEARID_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.mark.parametrize(
    ("name", "shape", "batches", "n_metadata"),
    [
        ("t2d_lipocyte", (530, 2898), 9, 8),
        ("pediatric_cancer_atlas", (358, 2833), 6, 8),
        ("targeted_fibrosis", (1992, 473), 4, 7),
    ],
)
def test_profiles(name, shape, batches, n_metadata):
    [table] = io.read(DATA / "profiles" / f"{name}.parquet")
    assert table.name == name
    assert table.values.shape == shape
    assert table.values.dtype == np.float32
    assert len(table.metadata) == n_metadata
    assert len(np.unique(table.metadata["Metadata_batch"])) == batches
    assert len(table.columns) == shape[1]
    assert table.notices == ()


def test_treated_against_untreated_wells():
    [table] = io.read(DATA / "profiles" / "t2d_lipocyte.parquet", features="Cells_AreaShape_*")
    treated = np.unique(table.metadata["Metadata_ffa"], return_counts=True)[1]
    assert sorted(treated) == [264, 266]
    assert all(name.startswith("Cells_AreaShape_") for name in table.columns)
    assert table.notices == (f"{2898 - len(table.columns)} of 2898 features were not chosen",)


def test_parquet_is_read_as_pandas_reads_it():
    path = DATA / "profiles" / "targeted_fibrosis.parquet"
    frame = pd.read_parquet(path)
    [table] = io.read(path)
    np.testing.assert_array_equal(table.values, frame[list(table.columns)].to_numpy())
    for name, column in table.metadata.items():
        assert column.tolist() == frame[name].tolist()


def test_five_trainings():
    path = DATA / "representations" / "admet_members.npz"
    tables = io.read(f"{path}::member_*", id_column="molecule")
    assert [table.name for table in tables] == [f"member_{i}" for i in range(5)]
    assert {table.values.shape for table in tables} == {(2845, 300)}
    assert all((table.ids == tables[0].ids).all() for table in tables)
    assert len(io.read(path)) == 10  # with the outputs
    with np.load(path) as held:
        np.testing.assert_array_equal(tables[3].values, held["member_3"])
    assert as_rows(f"{path}::member_2").name == "member_2"


def test_three_networks():
    tables = io.read(DATA / "representations" / "cifar_resnets.npz")
    assert [table.name for table in tables] == ["resnet20", "resnet32", "resnet44"]
    assert {table.values.shape for table in tables} == {(6000, 64)}
    assert set(tables[0].metadata) == {"label", "image"}


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".parquet", ".csv.gz"])
def test_real_profiles_survive_every_format(suffix, tmp_path):
    [table] = io.read(DATA / "profiles" / "targeted_fibrosis.parquet")
    io.write(tmp_path / f"x{suffix}", table)
    [again] = io.read(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(again.values, table.values)
    assert again.columns == table.columns
    assert set(again.metadata) == set(table.metadata)
