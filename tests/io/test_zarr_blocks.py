"""Zarr that is read a chunk at a time: what NumPy would give, each chunk unpacked once a pass."""

import json
import pickle
import warnings

import numpy as np
import pytest
import zarr

from nearid import LatentICA, io
from nearid.errors import InputError
from nearid.io import zarr as reader
from nearid.rows import as_rows, from_table, map_chunks


@pytest.fixture
def table():
    return np.random.default_rng(0).laplace(size=(1000, 3)).astype("f")


@pytest.fixture(params=["chunks", "shards"])
def values(request, table, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "BLOCK_BYTES", 1)
    layout = {"chunks": (300, 2)} if request.param == "chunks" else {"chunks": (50, 3)}
    layout |= {"shards": (300, 3)} if request.param == "shards" else {}
    zarr.create_array(tmp_path / "x.zarr", data=table, **layout)
    [read] = io.read(tmp_path / "x.zarr")
    return read.values


INDICES = [slice(290, 310), slice(5, 5), slice(-20, None), [3, 3, 999], np.array([700, 20, 20])]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_reads_as_numpy_does(values, table, index):
    np.testing.assert_array_equal(values[index], table[index])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(values))[index], table[index])


def test_a_pass_unpacks_each_chunk_once(values, monkeypatch):
    found, load = [], values._blocks.load
    monkeypatch.setattr(values._blocks, "load", lambda i: (found.append(i), load(i))[1])
    list(map_chunks(len, from_table(io.Table(values, "run")), chunk_rows=64))
    assert found == [0, 1, 2, 3]


def test_chunks_that_would_not_fit_are_read_in_part(table, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "LARGEST_BLOCK", 1000)
    zarr.create_array(tmp_path / "x.zarr", data=table, chunks=(1000, 1))
    [read] = io.read(tmp_path / "x.zarr")
    assert read.values._blocks is None
    np.testing.assert_array_equal(read.values[290:310], table[290:310])


def test_an_open_zarr_array_is_read_chunk_by_chunk(table, tmp_path):
    array = zarr.create_array(tmp_path / "x.zarr", data=table, chunks=(300, 3))
    ica, expected = (LatentICA(random_state=0).fit(x) for x in (array, table))
    assert ica.components_.tobytes() == expected.components_.tobytes()


def test_a_chunk_that_is_written_anew_between_passes_is_noticed(tmp_path):
    values = np.random.default_rng(0).normal(size=(300, 3)).astype("f4")
    array = zarr.create_array(tmp_path / "run.zarr", data=values, chunks=(100, 3))
    rows = as_rows(tmp_path / "run.zarr")
    assert rows.read(0, 300).tolist() == values.tolist()
    array = zarr.open_array(tmp_path / "run.zarr", mode="r+")
    array[120:130] = 7
    with pytest.raises(InputError, match="was changed while it was read"):
        rows.read(0, 300)


def test_a_shape_that_few_bytes_claim_is_refused(tmp_path):
    zarr.create_array(tmp_path / "run.zarr", shape=(2**50, 3), chunks=(2**20, 3), dtype="f4")
    with pytest.raises(InputError, match="more than 200 times as many"):
        io.read(tmp_path / "run.zarr")


def test_many_chunks_of_which_next_to_none_is_stored_are_refused(tmp_path):
    group = zarr.open_group(tmp_path / "run.zarr", mode="w")
    group.create_array("z", shape=(2**25, 1), chunks=(1, 1), dtype="u1")
    with pytest.raises(InputError, match="33554432 chunks of z, but 1 files: next to none are"):
        io.read(tmp_path / "run.zarr")
    array = zarr.create_array(tmp_path / "x.zarr", shape=(20_000, 1), chunks=(1, 1), dtype="u1")
    array[:100] = 7
    [table] = io.read(tmp_path / "x.zarr")
    assert "19900 of 20000 chunks are not stored" in table.notices[0]


def test_a_file_of_many_chunks_counts_as_many(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "MANY_CHUNKS", 10)
    values = np.arange(500, dtype="u2")[:, None]
    zarr.create_array(tmp_path / "run.zarr", data=values, chunks=(1, 1), shards=(500, 1))
    np.testing.assert_array_equal(io.read(tmp_path / "run.zarr")[0].values[-2:], values[-2:])


def test_of_warnings_by_numpy_only_that_of_a_fill_value_is_hidden(tmp_path, monkeypatch):
    path = tmp_path / "run.zarr"
    zarr.create_array(path, shape=(4, 2), chunks=(2, 2), dtype="f4", zarr_format=2)
    told = json.loads((path / ".zarray").read_text())
    (path / ".zarray").write_text(json.dumps(told | {"fill_value": 1e308}))
    [table] = io.read(path)
    assert np.isposinf(table.values[:]).all()

    def opened(*arguments, **options):
        warnings.warn("divide by zero encountered", RuntimeWarning, stacklevel=2)
        return plain(*arguments, **options)

    plain = zarr.open
    monkeypatch.setattr(zarr, "open", opened)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        io.read(path)
