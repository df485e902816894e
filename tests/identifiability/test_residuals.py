"""Residuals, diameters and resamples: against brute force."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from nearid import Rows
from nearid.identifiability.ladder import fit_rungs, native_frame, whitened_frame
from nearid.identifiability.residuals import BAGS, CANDIDATES, Bags, diameter, residual_norms
from nearid.moments import moments


def rng(seed=0):
    return np.random.default_rng(seed)


def own_frame(*runs):
    rows = [Rows(run) for run in runs]
    return rows, native_frame(moments(rows), ["identity", "rigid", "linear"])


def farthest(x):
    blocks = range(0, len(x), 2000)
    return max(cdist(x[i : i + 2000], x[j : j + 2000]).max() for i in blocks for j in blocks)


@pytest.mark.parametrize("n", [2, 3, 50, 1500, 3000])
@pytest.mark.parametrize("d", [1, 2, 20])
def test_the_diameter_is_exact(n, d, dtype):
    x = (rng().normal(size=(n, d)) + 5).astype(dtype)
    [rows], frame = own_frame(x)
    found = diameter(rows, frame, 0)
    expected = pdist(x.astype("f8")).max()
    assert found.value == pytest.approx(expected, rel=20 * float(np.finfo(dtype).eps))
    assert found.upper == found.value


def test_the_diameter_of_a_heavy_tail_is_exact_beyond_the_candidates():
    x = rng().standard_cauchy(size=(CANDIDATES + 3000, 3))
    [rows], frame = own_frame(x)
    found = diameter(rows, frame, 0)
    assert found.value == pytest.approx(farthest(x), rel=1e-12)
    assert found.upper == found.value


def test_the_diameter_is_bounded_where_too_many_rows_lie_far_out():
    x = rng().normal(size=(CANDIDATES + 3000, 30))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    [rows], frame = own_frame(x)
    found, truth = diameter(rows, frame, 0), farthest(x)
    assert found.value <= truth * (1 + 1e-12)
    assert truth <= found.upper
    assert found.upper > found.value > 0.9 * truth


def test_the_diameter_of_equal_rows_is_zero():
    [rows], frame = own_frame(np.ones((10, 2)))
    assert diameter(rows, frame, 0).value == 0


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_residuals_are_those_of_each_map(n_jobs, dtype):
    source = rng().normal(size=(3000, 4)).astype(dtype) + 3
    target = (source @ rng(1).normal(size=(4, 4)) + 0.1 * rng(2).normal(size=(3000, 4))).astype(
        dtype
    )
    rows, frame = own_frame(source, target)
    joint = moments(rows)
    fitted = list(fit_rungs(frame, joint, 0, 1))
    found = residual_norms(rows, frame, fitted, 0, 1, n_jobs)
    centred = [run.astype("f8") - run.astype("f8").mean(axis=0) for run in (source, target)]
    for rung, norms in zip(fitted, found.T, strict=True):
        if rung.group == "identity":
            expected = np.linalg.norm(target.astype("f8") - source, axis=1)
        else:
            expected = np.linalg.norm(centred[1] - centred[0] @ rung.matrix, axis=1)
        np.testing.assert_allclose(norms, expected, atol=100 * np.finfo(dtype).eps)


def test_a_rotated_rung_measures_in_the_same_space():
    runs = rng().normal(size=(2, 400, 3))
    rows = [Rows(run) for run in runs]
    joint = moments(rows)
    means = [run.mean(axis=0) for run in runs]
    frame = whitened_frame(means, [np.eye(3)] * 2, ica=[np.eye(3)] * 2, n_random=3, rng=rng())
    fitted = {rung.group: rung for rung in fit_rungs(frame, frame.moments(joint), 0, 1)}
    assert list(fitted) == ["random", "signed_permutation", "ica", "rigid", "linear"]
    # Rotated by nothing, the ICA rung is the permutation; and every rung but the last is rigid.
    np.testing.assert_array_equal(fitted["ica"].matrix, fitted["signed_permutation"].matrix)
    for name in ("random", "signed_permutation", "ica", "rigid"):
        matrix = fitted[name].matrix
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("n", [30, 500, BAGS + 1, 3 * BAGS])
def test_resampled_means_spread_like_the_mean_does(n):
    values = rng().exponential(size=(n, 2))
    drawn = Bags.draw(n, 4000, rng(1)).means(values)
    assert drawn.shape == (4000, 2)
    error = values.std(axis=0) / np.sqrt(n)
    np.testing.assert_allclose(drawn.mean(axis=0), values.mean(axis=0), atol=0.1 * error.max())
    np.testing.assert_allclose(drawn.std(axis=0), error, rtol=0.08)


def test_resamples_of_several_errors_are_paired():
    values = rng().exponential(size=(500, 1))
    drawn = Bags.draw(500, 100, rng(1)).means(np.column_stack([values, values + 1]))
    np.testing.assert_allclose(drawn[:, 1] - drawn[:, 0], 1)
