"""Dask: one graph a pass, the same bits for any number of workers, and none counted twice."""

import os
import signal
import time
from pathlib import Path

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

from nearid import InputError, LatentICA, Rows, as_rows, fold, statistical_identifiability
from nearid.deconfounding import attribute_components
from nearid.ica.views import halves
from nearid.io import Table, write
from nearid.moments import moments
from nearid.rows import map_chunks
from nearid.sources.dask import spread

# distributed's own: sockets and loops that are closed when the interpreter comes to it
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

CHUNKS = (700, 1, 650, 1200, 449)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    return (rng.laplace(size=(3000, 5)) @ rng.normal(size=(5, 5))).astype("f")


@pytest.fixture
def array(table):
    return da.from_array(table, chunks=(CHUNKS, 2))


@pytest.fixture(scope="module")
def client():
    """Two processes of one thread each."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 10}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def second_moment(x):
    return (x.sum(axis=0, dtype=np.float64), x.T.astype(np.float64) @ x)


def same(found, expected):
    return all(a.tobytes() == b.tobytes() for a, b in zip(found, expected, strict=True))


def test_sums_are_those_of_the_rows_in_memory(array, table):
    for one, other in zip(
        fold(second_moment, as_rows(array), chunk_rows=100),
        fold(second_moment, Rows(table)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-9)


def test_the_bits_do_not_depend_on_workers(array, client):
    alone = fold(second_moment, as_rows(array), chunk_rows=100)
    assert same(fold(second_moment, as_rows(array), chunk_rows=100, n_jobs=4), alone)
    with dask.config.set(scheduler="synchronous"):
        assert same(fold(second_moment, as_rows(array), chunk_rows=100), alone)
    with client.as_current(), dask.config.set(scheduler=client):
        assert same(fold(second_moment, as_rows(array), chunk_rows=100), alone)


def test_many_partitions_are_added_in_a_tree(table):
    rows = as_rows(da.from_array(table, chunks=(37, -1)))
    [total] = fold(lambda x: (np.array([len(x), 1]),), rows, chunk_rows=10)
    assert total[0] == 3000
    assert total[1] == sum(-(-n // 10) for n in np.diff(rows.edges))


def views(rows):
    rng = np.random.default_rng(0)
    kept = np.sort(rng.permutation(3000)[:1700])
    return {
        "all": rows,
        "some": rows.take(kept),
        "repeated": rows.take(np.sort(rng.integers(0, 3000, 3000))),
        "shuffled": rows.take(rng.permutation(3000)),
        "half": halves(rows, np.random.default_rng(1))[0],
        "other half": halves(rows, np.random.default_rng(1))[1],
        "half of some": halves(rows.take(kept), np.random.default_rng(1))[1],
        "some of half": halves(rows, np.random.default_rng(1))[1].take(np.arange(900)[::-1]),
    }


@pytest.mark.parametrize("kind", list(views(Rows(np.zeros((3000, 1))))))
@pytest.mark.parametrize("step", [64, 701, 5000])
def test_chunks_of_every_view_are_those_of_the_array(array, table, kind, step):
    lazy, held = views(as_rows(array))[kind], views(Rows(table))[kind]
    assert lazy.edges[0] == 0
    assert lazy.edges[-1] == len(held)
    parts, expected = (list(map_chunks(np.copy, rows, chunk_rows=step)) for rows in (lazy, held))
    for part, other in zip(parts, expected, strict=True):
        np.testing.assert_array_equal(part, other)
    found, known = (fold(second_moment, rows) for rows in (lazy, held))
    np.testing.assert_allclose(found[1], known[1], rtol=1e-10, atol=1e-8)


def test_joint_moments_of_runs_that_are_cut_in_other_ways(array, table):
    other = da.from_array(table[:, ::-1], chunks=(512, -1))
    runs = [as_rows(array), as_rows(other), as_rows(table)]
    found, expected = moments(runs), moments([Rows(table), Rows(table[:, ::-1]), Rows(table)])
    np.testing.assert_allclose(found.cov, expected.cov, atol=1e-12)


def test_a_pass_is_one_graph(array):
    calls = []

    class Counting(dask.callbacks.Callback):
        def _start(self, graph):
            calls.append(graph)

    rows = as_rows(array)
    with Counting():
        fold(second_moment, rows)
    assert len(calls) == 1


def test_unknown_lengths_are_computed_once(array, table):
    positive = array[array[:, 0] > 0]
    assert np.isnan(positive.shape[0])
    rows = as_rows(positive)
    np.testing.assert_array_equal(rows.read(0, len(rows)), table[table[:, 0] > 0])


@pytest.mark.parametrize("n_components", [None, "stable"])
def test_a_fit_is_that_of_the_rows_in_memory(array, table, n_components):
    ica, expected = (LatentICA(n_components, random_state=0).fit(x) for x in (array, Rows(table)))
    cosines = np.einsum("kd,kd->k", ica.mixing_.T, expected.components_)
    assert np.arccos(np.clip(cosines, -1, 1)).max() < 1e-3
    assert ica.n_passes_ == expected.n_passes_
    out = ica.transform(array)
    assert isinstance(out, da.Array)
    assert out.dtype == np.float32
    assert out.chunks[0] == CHUNKS
    np.testing.assert_allclose(out.compute(), expected.transform(Rows(table)), atol=1e-4)
    if n_components is None:
        back = ica.inverse_transform(out)
        np.testing.assert_allclose(back.compute(), table, atol=1e-4)


def test_on_processes_the_fit_is_the_same_to_the_bit(array, client):
    alone = LatentICA(random_state=0, replication=False).fit(array)
    with dask.config.set(scheduler=client):
        shared = LatentICA(random_state=0, replication=False).fit(array)
    assert shared.components_.tobytes() == alone.components_.tobytes()
    assert shared.n_passes_ == alone.n_passes_


def test_a_worker_that_is_killed_mid_pass_loses_nothing(table, client, tmp_path):
    expected = fold(second_moment, Rows(table), chunk_rows=100)
    target, marks = client.run(os.getpid), tmp_path / "marks"
    victim = next(iter(target.values()))

    def kernel(x):
        time.sleep(0.02)
        if os.getpid() == victim and len(list(tmp_path.iterdir())) == 2:
            Path(f"{marks}.killed").write_text("x")
            os.kill(victim, signal.SIGKILL)
        if os.getpid() == victim:
            Path(f"{marks}.{time.monotonic_ns()}").write_text("x")
        return second_moment(x)

    rows = as_rows(da.from_array(table, chunks=(100, -1)))
    alone = fold(second_moment, rows, chunk_rows=50)
    with dask.config.set(scheduler=client):
        found = fold(kernel, rows, chunk_rows=50)
    assert Path(f"{marks}.killed").exists()
    assert same(found, alone)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-9)


def test_runs_are_compared_as_in_memory(table):
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0].astype("f")
    held = {"a": table, "b": table @ turn}
    lazy = {
        "a": da.from_array(table, chunks=(CHUNKS, -1)),
        "b": da.from_array(table @ turn, chunks=(1000, 2)),
    }
    quick = {"n_bootstrap": 5, "n_null": 1, "n_random": 1, "random_state": 0}
    found, expected = (statistical_identifiability(runs, **quick) for runs in (lazy, held))
    assert (found.verdict, found.verdict_whitened) == (expected.verdict, expected.verdict_whitened)
    numbers = [result.pairs.select_dtypes("number").to_numpy() for result in (found, expected)]
    np.testing.assert_allclose(*numbers, rtol=1e-3, atol=1e-5)


@pytest.fixture
def frame(table):
    return pd.DataFrame(table, columns=list("abcde"))


@pytest.mark.parametrize(
    ("index", "ids"),
    [
        (range(3000), None),
        (list(range(1500)) * 2, None),
        ([f"cell {i:04}" for i in range(3000)], "cell 0007"),
    ],
)
def test_a_frame_keeps_names_and_ids(frame, table, index, ids):
    parts = [frame.set_axis(index).iloc[:1500], frame.set_axis(index).iloc[1500:]]
    rows = as_rows(dd.from_map(lambda i: parts[i], [0, 1]), name="cells")
    assert (rows.columns, rows.name, rows.edges) == (tuple("abcde"), "cells", (0, 1500, 3000))
    assert (None if rows.ids is None else rows.ids[7]) == ids
    np.testing.assert_array_equal(rows.read(1490, 1510), table[1490:1510])


def test_a_frame_is_fitted_with_its_names(frame):
    lazy = dd.from_pandas(frame, npartitions=3)
    ica = LatentICA(random_state=0, replication=False).fit(lazy)
    assert ica.feature_names_in_.tolist() == list("abcde")
    assert ica.transform(lazy).shape == (3000, 5)


def test_components_are_attributed_as_in_memory(frame):
    rng = np.random.default_rng(0)
    frame = frame.assign(Metadata_Plate=rng.choice(list("pqrs"), 3000))
    frame["a"] += 3 * (frame["Metadata_Plate"] < "r")
    frame["Metadata_Drug"] = rng.choice(list("xyz"), 3000)
    ica = LatentICA(random_state=0, replication=False).fit(frame[list("abcde")].to_numpy())
    asked = {"batch": "Metadata_Plate", "label": "Metadata_Drug", "n_permutations": 9}
    lazy = dd.from_pandas(frame, npartitions=4)
    found, expected = (attribute_components(ica, x, **asked).to_frame() for x in (lazy, frame))
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("form", ["npy", "parquet", "npz"])
def test_files_are_cut_into_partitions(table, tmp_path, form, client):
    path = tmp_path / f"x.{form}"
    write(path, Table(table, "x"))
    rows = spread(as_rows(path), partition_bytes=20_000)
    assert len(rows.edges) == 4
    np.testing.assert_array_equal(rows.take([2999, 0, 5]).read(0, 3), table[[2999, 0, 5]])
    np.testing.assert_array_equal(rows.read(990, 1010), table[990:1010])
    half, known = (halves(x, np.random.default_rng(1))[0] for x in (rows, Rows(table)))
    np.testing.assert_array_equal(half.read(400, 600), known.read(400, 600))
    with dask.config.set(scheduler=client):
        found = fold(second_moment, rows)
    np.testing.assert_allclose(found[1], second_moment(table)[1], rtol=1e-10)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: da.zeros(5), r"table of shape \(rows, columns\), got an array of shape \(5,\)"),
        (lambda: da.zeros((5, 2), dtype=complex), "expected real numbers, got the type complex128"),
        (lambda: dd.from_pandas(pd.DataFrame({"a": ["x"]})), "columns a are not numeric"),
        (lambda: dd.from_pandas(pd.Series([1.0], name="a")), "one column: expected a frame"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(data, message):
    with pytest.raises(InputError, match=message):
        as_rows(data())


def test_nan_is_found_where_it_is(table):
    table = table.copy()
    table[2222, 3] = np.nan
    array = da.from_array(table, chunks=(CHUNKS, -1))
    with pytest.raises(InputError, match=r"1 NaN or infinite.*row 2222, column 3"):
        LatentICA().fit(array)
    ica = LatentICA(random_state=0, replication=False).fit(table[:2000])
    with pytest.raises(InputError, match="has NaN or infinite values"):
        ica.transform(array).compute()


def test_no_rows_are_refused():
    with pytest.raises(InputError, match="run has no rows"):
        fold(second_moment, as_rows(da.zeros((0, 3))))
