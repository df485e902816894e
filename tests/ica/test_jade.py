import numpy as np
import pytest

from nearid.errors import InputError
from nearid.ica import LatentICA
from nearid.ica.fitting import Settings, fit_rows
from nearid.ica.jade import MAX_COMPONENTS, cumulant_matrices, joint_diagonaliser
from nearid.ica.whitening import whitening
from nearid.linalg import random_orthogonal
from nearid.moments import moments
from nearid.rows import Rows

KINDS = ("laplace",) * 4 + ("uniform",) * 4 + ("skewed",)


def jade(rows, **options):
    return LatentICA(solver="jade", **{"replication": False, "random_state": 0, **options}).fit(
        rows
    )


def whitened(rows):
    known = moments([rows])
    return whitening(known.mean, known.cov, dtype=rows.dtype)


def test_sources_whose_sample_is_independent_are_recovered_exactly():
    """On a full grid the sample's cumulants are those of independent sources, to rounding."""
    first, second = np.array([-1.0, 1.0]), np.array([-2.0, -1.0, 0.0, 0.5, 4.0])
    heavy = np.array([-6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    grid = np.stack(np.meshgrid(first, second, heavy, indexing="ij"), axis=-1).reshape(-1, 3)
    mixing = np.random.default_rng(0).standard_normal((3, 3))
    ica = jade(grid @ mixing)
    share = np.abs(ica.components_ @ mixing.T)
    share /= np.linalg.norm(share, axis=1, keepdims=True)
    assert ica.converged_
    assert sorted(share.argmax(axis=1)) == [0, 1, 2]
    np.testing.assert_allclose(share.max(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_sub_and_super_gaussian_sources_are_recovered(seed, mixture, recovery):
    data = mixture(*KINDS, n=20_000, seed=seed, dtype="float32")
    ica = jade(data.rows, random_state=seed)
    assert ica.converged_
    assert ica.n_passes_ == 2
    assert recovery(data.gain(ica.components_)) > 0.995


@pytest.mark.parametrize("n_levels", [2, 8, 15])
def test_discrete_factors_are_recovered(n_levels, recovery):
    rng = np.random.default_rng(n_levels)
    mixing = rng.standard_normal((9, 9))
    factors = rng.integers(0, n_levels, (5_000, 9)) / (n_levels - 1)
    ica = jade((factors + 0.01 * rng.standard_normal(factors.shape)) @ mixing.T)
    assert recovery(ica.components_ @ mixing) > 0.998
    assert ica.identifiable_.all()


def test_the_two_solvers_agree_on_many_rows(mixture):
    rows = mixture(*KINDS, n=300_000, dtype="float32").rows
    ours, other = jade(rows), LatentICA(replication=False, random_state=0).fit(rows)
    correlation = np.abs(ours.components_ @ np.cov(rows.T.astype(float)) @ other.components_.T)
    assert correlation.max(axis=1).min() > 0.9998


def test_order_dtype_workers_seed_and_a_linear_map_do_not_matter(mixture):
    data = mixture(*KINDS, n=6_000)
    rows, rng = data.rows, np.random.default_rng(1)
    ica, mapped = jade(rows), rng.standard_normal((9, 9))
    for other in (
        jade(rows[rng.permutation(len(rows))]),
        jade(rows.astype("float32")),
        jade(rows, n_jobs=3),
        jade(rows, random_state=7),
    ):
        np.testing.assert_allclose(other.components_, ica.components_, atol=2e-4)
    elsewhere = jade(rows @ mapped)
    found = elsewhere.transform(rows @ mapped)
    np.testing.assert_allclose(found, ica.transform(rows), atol=1e-6)


def test_the_cumulants_are_those_of_the_definition(mixture):
    rows = Rows(mixture("laplace", "uniform", "skewed", n=500).rows)
    white = whitened(rows)
    w = (rows.source - white.mean) @ white.matrix.T
    eye = np.eye(3)
    expected = np.einsum("ni,nj,nk,nl->ijkl", w, w, w, w) / len(w)
    for pairing in ("ij,kl->ijkl", "ik,jl->ijkl", "il,jk->ijkl"):
        expected -= np.einsum(pairing, eye, eye)
    matrices = cumulant_matrices(rows, white)
    found = np.einsum("rij,rkl->ijkl", matrices, matrices)
    np.testing.assert_allclose(found, np.einsum("ijab,abkl->ijkl", expected, expected), atol=1e-8)


def test_matrices_with_common_axes_become_diagonal():
    rng = np.random.default_rng(0)
    axes = random_orthogonal(6, rng)
    turn, angles = joint_diagonaliser(
        axes.T @ (rng.standard_normal((4, 6))[:, None] * np.eye(6)) @ axes
    )
    np.testing.assert_allclose(turn @ turn.T, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(np.abs(turn @ axes.T).max(axis=1), 1, atol=1e-12)
    assert (angles == 0).all()


def test_gaussian_sources_are_flagged(mixture):
    ica = jade(mixture(*("laplace",) * 3, *("gaussian",) * 4, n=10_000).rows)
    assert ica.identifiable_.sum() == 3
    assert [len(block) for block in ica.blocks_] == [4]


@pytest.mark.parametrize("kinds", [("laplace",) * 6, ("uniform",) * 6, KINDS[1:7]])
def test_the_cube_predicts_its_leakage_within_20_percent(kinds, mixture):
    measured = predicted = 0.0
    off = ~np.eye(6, dtype=bool)
    for seed in range(25):
        data = mixture(*kinds, n=20_000, seed=seed)
        settings = Settings(solver="jade", contrast="cube")
        fit, _ = fit_rows(Rows(data.rows), settings, n_components=None, random_state=seed)
        gain = data.gain(fit.unmixing)
        gain = gain[:, np.abs(gain).argmax(axis=1)]
        measured += (gain[off] ** 2).mean()
        predicted += (fit.components.leakage[off] ** 2).mean()
    assert np.sqrt(measured / predicted) == pytest.approx(1, abs=0.2)


def test_replication_runs_the_same_solver(mixture):
    ica = jade(mixture(*KINDS, n=10_000).rows, replication=True)
    assert (ica.components_report_["replication"] > 0.97).all()


def test_too_many_components_are_refused_with_the_way_out():
    rows = np.random.default_rng(0).standard_normal((200, MAX_COMPONENTS + 1))
    with pytest.raises(InputError, match=r'takes up to 32 components.*got 33.*solver="nearid"'):
        jade(rows)


def test_one_component_needs_no_rotation():
    rows = np.random.default_rng(0).laplace(size=(100, 1))
    np.testing.assert_allclose(np.abs(jade(rows).components_), 1 / rows.std(), atol=1e-12)
