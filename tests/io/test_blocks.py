"""Parquet and Zarr that are read a block at a time: what NumPy would give, and few blocks held."""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nearid import InputError, LatentICA, io, statistical_identifiability
from nearid.io import blocks, parquet
from nearid.io.parquet_values import ParquetValues
from nearid.rows import from_table, map_chunks


@pytest.fixture
def table():
    return np.random.default_rng(0).laplace(size=(1000, 3)).astype("f")


@pytest.fixture
def values(table, tmp_path, monkeypatch):
    """The same table in two files of row groups, too large to be read at once."""
    monkeypatch.setattr(parquet, "WHOLE_BYTES", 1000)
    for name, part in (("a", table[:550]), ("b", table[550:])):
        frame = pa.table({f"f{j}": part[:, j] for j in range(3)})
        pq.write_table(frame, tmp_path / f"{name}.parquet", row_group_size=100)
    [read] = io.read(tmp_path)
    assert isinstance(read.values, ParquetValues)
    return read.values


@pytest.fixture
def loads(values, monkeypatch):
    """Which row groups were decoded, in order."""
    found, load = [], values._blocks.load
    monkeypatch.setattr(values._blocks, "load", lambda i: (found.append(i), load(i))[1])
    return found


INDICES = [
    slice(0, 3),
    slice(95, 305),
    slice(540, 560),
    slice(990, 2000),
    slice(5, 5),
    slice(8, 2),
    slice(None, None, 7),
    slice(-20, None),
    [3, 3, 999],
    np.array([-1, 0]),
    np.arange(1000) % 3 == 0,
    [],
    (slice(0, 4), [2, 0]),
    ([700, 20, 300, 999, 0], slice(None)),
    5,
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_reads_as_numpy_does(values, table, index):
    np.testing.assert_array_equal(values[index], table[index])


def test_only_the_row_groups_that_are_needed_are_decoded(values, table, loads):
    assert values.shape == (1000, 3)
    values[150:160], values[160:250], values[199:201]
    assert loads == [1, 2]
    values[[0, 999]]
    assert loads == [1, 2, 0, 10]
    assert len(values._blocks._held) == blocks.HELD


def test_a_pass_decodes_each_row_group_once(values, loads):
    rows = from_table(io.Table(values, "run"))
    list(map_chunks(len, rows, chunk_rows=64))
    assert loads == list(range(11))


def test_scattered_rows_come_from_an_unpacked_copy(values, table, loads):
    order = np.random.default_rng(0).permutation(1000)
    for _ in range(3):
        np.testing.assert_array_equal(values[order], table[order])
    assert not loads  # unpacked once, past the blocks
    assert np.sort(order).tolist() == list(range(1000))


def test_no_room_for_the_copy_is_said(values, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("", (), {"free": 10}))
    with pytest.raises(InputError, match="no room for its 12000 bytes; set TMPDIR"):
        values[[999, 500, 0]]


def test_a_missing_row_is_an_index_error(values):
    for index in ([1000], [-1001], np.zeros(3, bool)):
        with pytest.raises(IndexError):
            values[index]


def test_travels_by_name(values, table):
    values[:]
    parcel = pickle.dumps(values)
    assert len(parcel) < 10_000
    np.testing.assert_array_equal(pickle.loads(parcel)[540:560], table[540:560])


def test_a_fit_and_a_comparison_are_those_of_the_array(values, table):
    ica, expected = (LatentICA(random_state=0).fit(x) for x in (values, table))
    assert ica.components_.tobytes() == expected.components_.tobytes()
    quick = {"n_bootstrap": 5, "n_null": 1, "n_random": 1, "random_state": 0}
    found, known = (
        statistical_identifiability({"a": x, "b": table[:, ::-1]}, **quick) for x in (values, table)
    )
    assert found.to_dict() == known.to_dict()


def test_a_file_that_changed_is_named(values, tmp_path):
    (tmp_path / "b.parquet").write_bytes(b"PAR1 something else")
    with pytest.raises(InputError, match=r"b\.parquet cannot be read as a Parquet file"):
        values[900:]


def test_a_column_of_integers_and_nulls_keeps_its_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "WHOLE_BYTES", 1)
    frame = pa.table({"a": pa.array([1, None, 3], pa.int64()), "b": [0.5, 1.5, 2.5]})
    pq.write_table(frame, tmp_path / "x.parquet", row_group_size=2)
    [read] = io.read(tmp_path / "x.parquet")
    np.testing.assert_array_equal(read.values[:], [[1, 0.5], [np.nan, 1.5], [3, 2.5]])
    assert read.values.dtype == np.float64
