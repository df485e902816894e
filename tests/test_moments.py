"""Joint moments: numpy's, at every offset, in one pass, and an address for each bad value."""

import tracemalloc

import numpy as np
import pytest

from nearid import InputError, Rows, as_rows
from nearid.moments import moments


@pytest.fixture
def runs():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(2000, 3))
    return [z, z @ rng.normal(size=(3, 5)) + 4, rng.normal(size=(2000, 2)) * 1e-3]


def joint(runs, **options):
    return moments([as_rows(run, name=f"run {i}") for i, run in enumerate(runs)], **options)


def test_moments_are_those_of_numpy(runs):
    found = joint(runs)
    together = np.concatenate(runs, axis=1)
    np.testing.assert_allclose(found.mean, together.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.cov, np.cov(together.T, ddof=0), rtol=1e-9, atol=1e-13)
    assert (found.n, found.widths) == (2000, (3, 5, 2))


def test_a_pair_is_cut_from_the_joint_moments(runs):
    pair = joint(runs).pair(1, 0)
    centred = [run - run.mean(axis=0) for run in runs]
    np.testing.assert_allclose(pair.cross_cov, centred[1].T @ centred[0] / 2000, atol=1e-12)
    np.testing.assert_allclose(pair.source_cov, np.cov(runs[1].T, ddof=0), atol=1e-12)
    np.testing.assert_allclose(pair.target_mean, runs[0].mean(axis=0), atol=1e-12)


@pytest.mark.parametrize("n_jobs", [2, 4])
def test_workers_change_nothing(runs, n_jobs):
    tall = [np.tile(run, (40, 1)) for run in runs]
    assert joint(tall).cov.tobytes() == joint(tall, n_jobs=n_jobs).cov.tobytes()


@pytest.mark.parametrize("offset", [1e3, 1e6, -1e6])
def test_an_offset_costs_no_more_digits_than_it_costs_the_data(runs, offset):
    moved = [run + offset for run in runs]
    truth = np.cov(np.concatenate([run - offset for run in moved], axis=1).T, ddof=0)
    np.testing.assert_allclose(joint(moved).cov, truth, rtol=1e-9, atol=1e-12)


def test_float32_is_summed_in_float64():
    data = (np.random.default_rng(0).normal(size=(200_000, 2)) + 100).astype(np.float32)
    found = joint([data])
    assert found.cov.dtype == np.float64
    np.testing.assert_allclose(found.mean, data.mean(axis=0, dtype=np.float64), rtol=1e-13)
    truth = np.cov(data.T.astype(np.float64), ddof=0)
    np.testing.assert_allclose(found.cov, truth, rtol=1e-10, atol=1e-12)


def test_moments_of_mapped_runs_are_mapped_moments(runs):
    rng = np.random.default_rng(1)
    matrices = [rng.normal(size=(run.shape[1], k)) for run, k in zip(runs, (3, 2, 4), strict=True)]
    offsets = [rng.normal(size=k) for k in (3, 2, 4)]
    images = [r @ m + t for r, m, t in zip(runs, matrices, offsets, strict=True)]
    found, truth = joint(runs).mapped(matrices, offsets), joint(images)
    np.testing.assert_allclose(found.mean, truth.mean, atol=1e-11)
    np.testing.assert_allclose(found.cov, truth.cov, atol=1e-11)
    assert found.widths == truth.widths


def test_subset_keeps_the_asked_runs_in_the_asked_order(runs):
    found, truth = joint(runs).subset([2, 0]), joint([runs[2], runs[0]])
    np.testing.assert_allclose(found.cov, truth.cov, atol=1e-14)
    np.testing.assert_allclose(found.mean, truth.mean, atol=1e-14)
    assert found.widths == (2, 3)


def test_bad_values_are_counted_and_located(runs):
    runs[1][1500, 2] = np.nan
    runs[1][1500, 4] = np.inf
    runs[1][7, 3] = -np.inf
    message = (
        r"run 1 has 3 NaN or infinite values, in 2 of its 2000 rows \(the first in row 7, "
        r"column 3\); drop those rows from every run, or impute them"
    )
    with pytest.raises(InputError, match=message):
        joint(runs)


def test_a_bad_value_is_named_by_its_column_and_id(runs):
    runs[0][3, 1] = np.nan
    names = ("first", "second", "third")
    ids = np.array([f"well {i}" for i in range(2000)])
    with pytest.raises(InputError, match=r"row 3 \(id 'well 3'\), column second"):
        moments([Rows(runs[0], columns=names, ids=ids)])


def test_a_bad_value_is_located_in_the_table_that_the_user_has(runs):
    runs[0][900, 1] = np.nan
    picked = as_rows(runs[0], name="mine").take([3, 900, 4])
    with pytest.raises(InputError, match="the first in row 900, column 1"):
        moments([picked])


def test_values_too_large_to_square_are_named():
    with pytest.raises(InputError, match="too large to be squared"):
        joint([np.array([[1e200], [-1e200]])])


def test_no_rows_and_different_lengths_are_refused(runs):
    with pytest.raises(InputError, match="run 0 has no rows"):
        joint([np.zeros((0, 2))])
    with pytest.raises(InputError, match="run 0 has 2000 rows, run 1 has 1999"):
        joint([runs[0], runs[1][1:]])


def test_a_memory_mapped_file_is_never_in_memory_as_a_whole(tmp_path):
    path = tmp_path / "large.npy"
    shape = (200_000, 250)  # 200 MB of float32
    np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)[::1000] = 1
    run = as_rows(np.load(path, mmap_mode="r"))
    tracemalloc.start()
    try:
        found = moments([run])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * 2**20
    np.testing.assert_allclose(found.mean, 0.001)
