"""Rows and fold: the same sums for every number of workers, and one clear line when they fail."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from nearid import InputError, Rows, as_rows, fold
from nearid.rows import CHUNK_BYTES, map_chunks


def second_moment(x):
    return (x.sum(axis=0, dtype=np.float64), x.T @ x)


@pytest.fixture
def table():
    return np.random.default_rng(0).normal(size=(1003, 7))


@pytest.mark.parametrize("n_jobs", [2, 3, 8])
def test_fold_does_not_depend_on_the_number_of_workers(table, n_jobs):
    alone = fold(second_moment, Rows(table), chunk_rows=10)
    shared = fold(second_moment, Rows(table), chunk_rows=10, n_jobs=n_jobs)
    for one, other in zip(alone, shared, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("chunk_rows", [1, 2, 100, 1003, 5000])
def test_fold_does_not_depend_on_the_chunks_but_for_rounding(table, chunk_rows):
    total, gram = fold(second_moment, Rows(table), chunk_rows=chunk_rows)
    np.testing.assert_allclose(total, table.sum(axis=0), atol=1e-11)
    np.testing.assert_allclose(gram, table.T @ table, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("n_jobs", [1, 4])
def test_chunks_come_in_order_and_hold_every_row_once(table, n_jobs):
    chunks = list(map_chunks(np.copy, Rows(table), chunk_rows=64, n_jobs=n_jobs))
    assert {len(chunk) for chunk in chunks[:-1]} == {64}
    np.testing.assert_array_equal(np.concatenate(chunks), table)


def test_chunks_fill_their_budget_together():
    wide, narrow = Rows(np.zeros((3000, 500))), Rows(np.zeros((3000, 12)))
    sizes = list(map_chunks(lambda a, b: a.nbytes + b.nbytes, wide, narrow))
    assert max(sizes) <= CHUNK_BYTES < 2 * max(sizes)


def test_fold_reads_several_tables_together(table):
    [cross] = fold(lambda a, b: (a.T @ b,), Rows(table), Rows(table[:, :2] + 1), chunk_rows=17)
    np.testing.assert_allclose(cross, table.T @ (table[:, :2] + 1), atol=1e-11)


def test_fold_adds_to_its_own_arrays(table):
    kept = np.zeros(1)
    for _ in range(2):
        [total] = fold(lambda x: (kept,), Rows(table), chunk_rows=100)
        total += 1
    assert kept == 0


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_an_error_inside_a_worker_reaches_the_caller(table, n_jobs):
    def kernel(x):
        raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fold(kernel, Rows(table), n_jobs=n_jobs, chunk_rows=10)


def test_a_memory_map_is_read_where_it_lies(table, tmp_path):
    np.save(tmp_path / "table.npy", table)
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r")
    rows = as_rows(mapped)
    assert rows.source is mapped
    for one, other in zip(rows.fold(second_moment), fold(second_moment, Rows(table)), strict=True):
        assert one.tobytes() == other.tobytes()


def test_take_is_a_view_that_follows_order_ids_and_metadata(table):
    rows = Rows(table, ids=np.arange(1003) * 2, metadata={"plate": np.arange(1003) % 5})
    picked = rows.take([5, 900, 5]).take([2, 1])
    assert picked.source is table
    assert (picked.ids.tolist(), picked.metadata["plate"].tolist()) == ([10, 1800], [0, 0])
    np.testing.assert_array_equal(picked.read(0, 2), table[[5, 900]])
    assert len(rows) == 1003  # and the original is as it was


def test_different_lengths_are_refused_with_both_numbers(table):
    with pytest.raises(InputError, match=r"a has 1003 rows, b has 998.*id column.*shared rows"):
        fold(second_moment, Rows(table, name="a"), Rows(table[5:], name="b"))


def test_no_rows_are_refused():
    with pytest.raises(InputError, match="empty has no rows"):
        fold(second_moment, Rows(np.zeros((0, 3)), name="empty"))


def test_a_source_that_shrank_is_named(table):
    class Shrunk:
        shape, dtype = (1003, 7), table.dtype

        def __getitem__(self, rows):
            return table[:500][rows]

    with pytest.raises(InputError, match=r"expected 100 rows of 7 from row 500.*\(0, 7\).*changed"):
        fold(second_moment, Rows(Shrunk(), name="file"), chunk_rows=100)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros(3), r"\(rows, columns\), got an array of shape \(3,\); add an axis$"),
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\); flatten it, or pool"),
        (pd.Series([1.0, 2.0]), r"got an array of shape \(2,\); add an axis$"),
        (np.float64(1), r"got an array of shape \(\)"),
        (np.zeros((3, 0)), r"at least one column, got shape \(3, 0\)"),
        (np.array([["a"]]), r"expected real numbers, got the type <U1; convert it"),
        (np.array([[None]]), "got the type object"),
        (np.zeros((2, 2), complex), "got the type complex128"),
        ([[1.0], [1.0, 2.0]], "run is not a table of numbers"),
        (pd.DataFrame({"x": [1.0], "s": ["a"]}), "columns s are not numeric; select"),
    ],
)
def test_what_is_not_a_table_of_numbers_is_refused(data, message):
    with pytest.raises(InputError, match=message):
        as_rows(data)


def test_ids_must_be_as_many_as_rows():
    with pytest.raises(InputError, match="run has 2 rows, but 3 ids"):
        as_rows(np.zeros((2, 1)), ids=[1, 2, 3])


def test_an_anndata_object_is_asked_for_its_representation():
    with pytest.raises(InputError, match=r"name the representation, as in adata.obsm"):
        as_rows(SimpleNamespace(obsm={}))


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int8", "uint16", "bool"])
def test_every_real_type_is_taken_without_a_copy(kind):
    data = np.ones((3, 2), kind)
    rows = as_rows(data)
    assert rows.source is data
    assert rows.dtype == data.dtype


def test_the_index_of_a_frame_becomes_ids_unless_it_counts():
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    assert as_rows(frame).ids is None
    named = as_rows(frame.set_axis(["a", "b"]), name="f")
    assert (named.ids.tolist(), named.columns, named.name) == (["a", "b"], ("x", "y"), "f")


def test_a_path_is_opened_and_must_hold_one_table(tmp_path):
    np.savez(tmp_path / "two.npz", a=np.zeros((2, 1)), b=np.ones((2, 1)))
    with pytest.raises(InputError, match=r"holds 2 tables \(a, b\): name one, as in FILE::KEY"):
        as_rows(tmp_path / "two.npz")
    assert as_rows(f"{tmp_path / 'two.npz'}::b").read(0, 2).tolist() == [[1.0], [1.0]]


def test_what_was_left_out_of_a_file_is_logged(tmp_path, caplog):
    (tmp_path / "run.csv").write_text("a,b,kind\n1,2,x\n3,4,y\n")
    rows = as_rows(tmp_path / "run.csv")
    assert rows.columns == ("a", "b")
    assert "run.csv: " in caplog.text
    assert "kind" in caplog.text
