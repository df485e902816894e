"""Chunks that are made again for each pass: the same fit as of the array, and loud where not so."""

import tracemalloc

import numpy as np
import pytest

import nearid
from nearid import Chunks, InputError, LatentICA, Rows, as_rows, fold


@pytest.fixture
def table():
    return np.random.default_rng(0).laplace(size=(3001, 4))


def made_of(table, step=700):
    """A factory over pieces of a table, and how often it was asked."""
    asked = []

    def factory():
        asked.append(None)
        return (table[start : start + step] for start in range(0, len(table), step))

    return factory, asked


def second_moment(x):
    return (x.sum(axis=0, dtype=np.float64), x.T @ x)


@pytest.mark.parametrize("step", [1, 64, 700, 5000])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_the_sums_do_not_depend_on_how_chunks_are_cut(table, step, n_jobs):
    factory, asked = made_of(table, step)
    rows = as_rows(Chunks(factory, *table.shape, table.dtype))
    found = fold(second_moment, rows, chunk_rows=100, n_jobs=n_jobs)
    for one, other in zip(found, fold(second_moment, Rows(table), chunk_rows=100), strict=True):
        assert one.tobytes() == other.tobytes()
    assert len(asked) == 1


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_fit_is_that_of_the_array(table, n_jobs):
    factory, asked = made_of(table)
    chunks = Chunks(factory, *table.shape, table.dtype)
    settings = {"random_state": 0, "n_jobs": n_jobs}
    ica, expected = (LatentICA(**settings).fit(x) for x in (chunks, Rows(table)))
    assert ica.components_.tobytes() == expected.components_.tobytes()
    replicated = [fit.components_report_["replication"] for fit in (ica, expected)]
    np.testing.assert_array_equal(*replicated)
    assert len(asked) > ica.n_passes_
    assert ica.transform(chunks).tobytes() == expected.transform(Rows(table)).tobytes()


def test_numbers_become_the_type_that_was_promised(table):
    factory, _ = made_of(table)
    rows = as_rows(Chunks(factory, *table.shape))
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows.read(690, 710), table[690:710].astype("f"))


def test_rows_in_ascending_order_take_one_pass(table):
    factory, asked = made_of(table)
    rows = as_rows(Chunks(factory, *table.shape, table.dtype))
    for index in ([0, 1, 2, 2, 2, 699], [699, 700, 701], [1500, 2999, 3000, 3000]):
        np.testing.assert_array_equal(rows.take(index).read(0, len(index)), table[index])
    assert len(asked) == 1
    np.testing.assert_array_equal(rows.read(5, 8), table[5:8])  # earlier: begins again
    assert len(asked) == 2


def test_any_other_order_is_refused_and_says_why(table):
    factory, _ = made_of(table)
    chunks = Chunks(factory, *table.shape, table.dtype)
    with pytest.raises(InputError, match=r"one after the other.*shuffle.*write the rows to a file"):
        as_rows(chunks).take([5, 4]).read(0, 2)
    with pytest.raises(InputError, match="cannot be read in another order"):
        nearid.statistical_identifiability([chunks, table], random_state=0)


def test_nan_is_found_where_it_is(table):
    table[2222, 3] = np.nan
    factory, _ = made_of(table)
    with pytest.raises(InputError, match=r"1 NaN or infinite.*row 2222, column 3"):
        LatentICA().fit(Chunks(factory, *table.shape, table.dtype))


def test_a_second_pass_of_another_length_is_refused(table):
    lengths = iter([3001, 2000])
    chunks = Chunks(lambda: iter([table[: next(lengths)]]), *table.shape, table.dtype)
    fold(second_moment, as_rows(chunks))
    with pytest.raises(InputError, match="pass 2 over the chunks ended after 2000 of 3001 rows"):
        fold(second_moment, as_rows(chunks))


def test_more_rows_than_promised_are_refused(table):
    for step in (700, 5000):
        factory, _ = made_of(table, step)
        with pytest.raises(InputError, match="more than the 3000 rows that were promised"):
            fold(second_moment, as_rows(Chunks(factory, 3000, 4)))


def test_an_iterator_that_is_used_up_is_refused(table):
    once = iter([table])
    chunks = as_rows(Chunks(lambda: once, *table.shape))
    fold(second_moment, chunks)
    with pytest.raises(InputError, match="same iterator again: it must return a fresh one"):
        fold(second_moment, chunks)


def test_chunks_that_are_drawn_anew_are_refused():
    rng = np.random.default_rng(0)
    chunks = as_rows(Chunks(lambda: iter([rng.random((10, 2))]), 10, 2))
    fold(second_moment, chunks)
    with pytest.raises(InputError, match=r"another row than the first pass.*seed what it draws"):
        fold(second_moment, chunks)


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (np.zeros((5, 3)), r"shape \(any, 2\), got one of shape \(5, 3\) after 0 rows of pass 1"),
        (np.zeros(2), r"got one of shape \(2,\)"),
        (np.array([["a", "b"]]), "chunks of real numbers, got the type <U1"),
    ],
)
def test_a_chunk_that_is_no_table_is_refused(chunk, message):
    with pytest.raises(InputError, match=message):
        as_rows(Chunks(lambda: iter([chunk]), 5, 2)).read(0, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((iter([]), 5, 2), "factory must be callable.*got a list_iterator"),
        ((list, 0, 2), "n_rows must be a whole number from 1, got 0"),
        ((list, 5, 2.5), "n_columns must be a whole number from 1, got 2.5"),
        ((list, 5, 2, "U1"), "expected real numbers, got the type <U1"),
    ],
)
def test_what_describes_chunks_is_checked(arguments, message):
    with pytest.raises(InputError, match=message):
        Chunks(*arguments)


def test_chosen_rows_do_not_hold_their_chunks():
    made = (np.zeros((1000, 100), "f") for _ in range(100))  # 40 MB in all
    rows = Chunks(lambda: made, 100_000, 100)
    tracemalloc.start()
    rows[np.arange(0, 100_000, 1000)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6
