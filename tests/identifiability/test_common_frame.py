"""One frame for many runs: monotone, optimal where that can be proved, and equal to oracles."""

import numpy as np
import pytest
from scipy import linalg

from nearid.ica.whitening import whitening
from nearid.identifiability.common_frame import canonical_frame, mean_covariance, procrustes_frame
from nearid.linalg import random_orthogonal
from nearid.moments import moments
from nearid.rows import Rows


def rng(seed=0):
    return np.random.default_rng(seed)


def joint_of(*runs):
    return moments([Rows(run) for run in runs])


def noisy(n_runs=4, d=6, noise=0.5, n=500):
    z = rng().normal(size=(n, d)) * np.linspace(1, 3, d)
    turns = [random_orthogonal(d, rng(m)) for m in range(n_runs)]
    return [z @ q + noise * rng(50 + m).normal(size=z.shape) for m, q in enumerate(turns)]


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0])
def test_rounds_never_lose_and_no_frame_is_better(noise):
    found = procrustes_frame(joint_of(*noisy(noise=noise)))
    assert found.converged
    assert (np.diff(found.rounds) >= -1e-9 * found.rounds[-1]).all()
    assert 0 <= found.gap < 1e-5  # the dual bound proves that this is the optimum


def test_a_stop_before_the_end_is_seen():
    found = procrustes_frame(joint_of(*rng(1).normal(size=(4, 200, 6))), max_rounds=1)
    assert not found.converged
    assert found.gap > 1e-3


def test_two_runs_are_orthogonal_procrustes():
    a, b = noisy(2)
    found = procrustes_frame(joint_of(a, b))
    oracle, _ = linalg.orthogonal_procrustes(a - a.mean(axis=0), b - b.mean(axis=0))
    np.testing.assert_allclose(found.maps[0] @ found.maps[1].T, oracle, atol=1e-6)


def test_maps_are_isometries_into_the_widest_run():
    runs = noisy(3)
    runs[1] = runs[1][:, :4]
    found = procrustes_frame(joint_of(*runs))
    for run, matrix in zip(runs, found.maps, strict=True):
        assert matrix.shape == (run.shape[1], 6)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-9)


def test_the_criterion_is_the_variance_of_the_mean():
    joint = joint_of(*noisy())
    found = procrustes_frame(joint)
    assert found.rounds[-1] == pytest.approx(16 * found.variance.sum())
    covariance = mean_covariance(joint, found.maps)
    np.testing.assert_allclose(covariance, np.diag(found.variance), atol=1e-8)


def test_turning_runs_changes_nothing():
    runs = noisy()
    turned = [run @ random_orthogonal(6, rng(9 + m)) + m for m, run in enumerate(runs)]
    first, second = (procrustes_frame(joint_of(*those)) for those in (runs, turned))
    np.testing.assert_allclose(first.variance, second.variance, rtol=1e-6)
    for run, again, p, q in zip(runs, turned, first.maps, second.maps, strict=True):
        one, other = (run - run.mean(axis=0)) @ p, (again - again.mean(axis=0)) @ q
        signs = np.sign((one * other).sum(axis=0))
        np.testing.assert_allclose(one, other * signs, atol=1e-3)


def test_identical_runs_share_all_and_unrelated_ones_little():
    z = noisy(1)[0]
    assert procrustes_frame(joint_of(z, z @ random_orthogonal(6, rng(3)))).shared > 1 - 1e-9
    assert procrustes_frame(joint_of(*rng(1).normal(size=(3, 2000, 6)))).shared < 0.1


def canonical(*runs):
    joint = joint_of(*runs)
    blocks = [joint.block(m) for m in range(len(runs))]
    parts = [whitening(joint.mean[b], joint.cov[b, b], dtype=runs[0].dtype) for b in blocks]
    return canonical_frame(joint, parts, size=min(run.shape[1] for run in runs))


def test_two_runs_up_to_linear_maps_are_canonical_correlation():
    a, b = noisy(2)
    found = canonical(a, b @ rng(4).normal(size=(6, 6)))
    left, right = (linalg.qr(x - x.mean(axis=0), mode="economic")[0] for x in (a, b))
    u, correlations, _ = linalg.svd(left.T @ right)
    np.testing.assert_allclose(2 * np.sqrt(found.variance) - 1, correlations, atol=1e-9)
    variates = (a - a.mean(axis=0)) @ found.maps[0]
    along = np.abs(np.corrcoef(variates.T, (left @ u).T)[:6, 6:])
    np.testing.assert_allclose(np.diag(along), 1, atol=1e-9)


def test_a_map_is_the_regression_of_the_variates_on_its_run():
    runs = noisy(3)
    found = canonical(*runs)
    centred = [run - run.mean(axis=0) for run in runs]
    mean = sum(x @ p for x, p in zip(centred, found.maps, strict=True)) / 3
    variates = mean / np.sqrt(found.variance)
    np.testing.assert_allclose(variates.T @ variates / len(mean), np.eye(6), atol=1e-9)
    for x, matrix in zip(centred, found.maps, strict=True):
        np.testing.assert_allclose(linalg.lstsq(x, variates)[0], matrix, atol=1e-9)
