from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from picard import picard
from sklearn.decomposition import FastICA

from nearid.ica import solve, whitening
from nearid.ica.contrasts import CONTRASTS
from nearid.ica.objective import Objective
from nearid.ica.passes import contrast_sums
from nearid.ica.saddles import hidden_pairs, saddle_pairs
from nearid.ica.seeding import as_generator
from nearid.ica.settings import Engine, Settings
from nearid.ica.warmstart import levels, warm_start
from nearid.linalg import polar_factor, random_orthogonal
from nearid.moments import moments
from nearid.rows import Rows

#: Every way to compute a pass that this environment offers.
ENGINES = [Engine(), Engine(n_jobs=2)]
ENGINES += [Engine(compiled=True)] if find_spec("numba") else []
ENGINES += [Engine(device="cpu")] if find_spec("torch") else []
KINDS = ("laplace",) * 4 + ("uniform",) * 4


def whitened(rows):
    known = moments([rows])
    return whitening(known.mean, known.cov, dtype=rows.dtype)


def fitted(table, **options):
    rows = Rows(table)
    white = whitened(rows)
    rotation = solve(rows, white, **{"random_state": 0, **options})
    return rotation, rotation.matrix @ white.matrix


def agreement(first, second, table):
    """Smallest absolute correlation of matched components."""
    k = len(first)
    both = np.concatenate([first, second]) @ np.cov(table.astype(float).T) @ first.T
    scale = np.sqrt(np.einsum("ij,jk,ik->i", second, np.cov(table.astype(float).T), second))
    correlations = np.abs(both[k:] / scale[:, None])
    assert len(set(correlations.argmax(axis=1))) == k
    return correlations.max(axis=1).min()


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_sources_are_recovered_from_a_noiseless_mixture(contrast, mixture, recovery):
    data = mixture(*KINDS, n=20_000)
    rotation, unmixing = fitted(data.rows, contrast=contrast)
    assert rotation.converged
    assert rotation.angle <= 0.01
    assert recovery(data.gain(unmixing)) > 0.998


def test_a_large_noiseless_mixture_is_recovered_to_sampling_error(mixture, recovery):
    data = mixture("laplace", "uniform", "skewed", n=300_000)
    _, unmixing = fitted(data.rows)
    assert recovery(data.gain(unmixing)) > 0.99998


def test_the_rotation_is_orthogonal(mixture):
    rotation, _ = fitted(mixture(*KINDS, n=5_000).rows)
    np.testing.assert_allclose(rotation.matrix @ rotation.matrix.T, np.eye(8), atol=1e-12)


def test_the_optimum_is_picards(mixture):
    table = mixture(*KINDS, n=10_000, seed=1).rows
    rotation, unmixing = fitted(table, tolerance=1e-5)
    whitener, rotation_of_picard, _ = picard(
        table.T, ortho=True, extended=True, tol=1e-9, max_iter=500, random_state=0
    )
    assert rotation.converged
    assert agreement(unmixing, rotation_of_picard @ whitener, table) > 1 - 1e-8


def test_the_optimum_is_that_of_symmetric_fastica(mixture):
    table = mixture(*KINDS, n=10_000, seed=2).rows
    _, unmixing = fitted(table, tolerance=1e-5)
    peer = FastICA(whiten="unit-variance", tol=1e-12, max_iter=500, random_state=0).fit(table)
    assert agreement(unmixing, peer.components_, table) > 1 - 1e-8


@pytest.mark.parametrize("kinds", [("laplace",) * 3, ("laplace", "laplace", "uniform", "uniform")])
@pytest.mark.parametrize("seed", range(3))
def test_picards_published_cases(kinds, seed, mixture, recovery):
    """Three Laplace sources, 1,000 samples; two Laplace and two uniform ones, 2,000."""
    data = mixture(*kinds, n=1_000 if len(kinds) == 3 else 2_000, seed=seed)
    rotation, unmixing = fitted(data.rows)
    assert rotation.converged
    assert recovery(data.gain(unmixing)) > 0.99


def test_a_random_float32_start_does_no_harm(mixture, recovery):
    """Picard is silently wrong from a badly conditioned float32 start; ours is orthogonal."""
    for seed in range(5):
        data = mixture(*KINDS, n=10_000, dtype="float32")
        rotation, unmixing = fitted(data.rows, random_state=seed)
        assert rotation.converged
        assert recovery(data.gain(unmixing)) > 0.998


def test_sums_do_not_depend_on_the_number_of_workers(mixture):
    rows = Rows(mixture(*KINDS, n=50_000, dtype="float32").rows)
    white, matrix = whitened(rows), random_orthogonal(8, np.random.default_rng(0))
    one, three = (
        contrast_sums(rows, white, matrix, CONTRASTS["logcosh"], Engine(n_jobs=n), powers=True)
        for n in (1, 3)
    )
    for name in ("cross", "curvature", "value", "powers"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))


@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_every_way_to_compute_a_pass_gives_the_same_sums(contrast, dtype, offset, mixture):
    table = (mixture(*KINDS, n=5_000).rows + offset).astype(dtype)
    rows = Rows(table)
    white, matrix = whitened(rows), random_orthogonal(8, np.random.default_rng(0))
    y = (table - white.mean) @ white.matrix.T @ matrix.T
    g, slope, _ = CONTRASTS[contrast].derivatives(y)
    tolerance = 2e-3 if dtype == "float32" else 1e-9
    for engine in ENGINES:
        sums = contrast_sums(rows, white, matrix, CONTRASTS[contrast], engine)
        np.testing.assert_allclose(sums.cross, g.T @ y / 5_000, atol=tolerance)
        np.testing.assert_allclose(sums.curvature, slope.mean(axis=0), atol=tolerance)
        np.testing.assert_allclose(
            sums.value, CONTRASTS[contrast].value(y).mean(axis=0), atol=tolerance
        )


def test_what_is_not_converged_says_so(mixture):
    rotation, _ = fitted(mixture(*KINDS, n=5_000).rows, max_passes=3)
    assert not rotation.converged
    assert rotation.n_passes == 3
    assert rotation.angle > 0.01


def test_converged_means_close_to_the_optimum_on_a_flat_landscape():
    """Outputs of a random ReLU network: dependent components, where Newton's angle is blind."""
    rng = np.random.default_rng(0)
    hidden = np.maximum(rng.laplace(size=(10_000, 16)) @ rng.standard_normal((16, 32)) / 4, 0)
    table = np.maximum(hidden @ rng.standard_normal((32, 16)) / 5 + 0.2, 0)
    rotation, unmixing = fitted(table, max_passes=1_000)
    assert rotation.converged
    rows = Rows(table)
    white = whitened(rows)
    better = solve(rows, white, start=rotation.matrix, tolerance=1e-4, max_passes=1_000)
    assert agreement(unmixing, better.matrix @ white.matrix, table) > 0.998


def described(data, angle):
    """The point at which the first two sources are mixed by an angle."""
    rows, white = Rows(data.sources), whitened(Rows(data.sources))
    turn = np.eye(data.sources.shape[1])
    turn[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    matrix = polar_factor(turn @ white.inverse)  # w → sources, up to sampling error
    return Objective(rows, white, CONTRASTS["logcosh"], Engine(), budget=1).describe(matrix)


def test_two_equal_sources_half_and_half_are_seen_as_a_saddle(mixture):
    data = mixture("laplace", "laplace", "uniform", n=20_000)
    assert saddle_pairs(described(data, np.pi / 4)) == [(0, 1)]
    assert saddle_pairs(described(data, 0.0)) == []


def test_two_opposite_sources_that_look_gaussian_when_mixed_are_seen(mixture):
    data = mixture("laplace", "uniform", "laplace", n=20_000)
    mixed = described(data, 0.69)  # where both kurtoses vanish
    mixed = replace(mixed, gaussian=np.array([True, True, False]))
    assert hidden_pairs(mixed, CONTRASTS["logcosh"]) == [(0, 1)]
    assert hidden_pairs(described(data, 0.0), CONTRASTS["logcosh"]) == []


def test_gaussian_sources_hide_nothing(mixture):
    for seed in range(20):
        point = described(mixture(*("gaussian",) * 10, n=20_000, seed=seed), 0.3)
        assert point.gaussian.all()
        assert hidden_pairs(point, CONTRASTS["logcosh"]) == []


@pytest.mark.parametrize("seed", range(3))
def test_many_sources_of_both_kinds_emerge(seed, mixture, recovery):
    data = mixture(*("laplace",) * 48, *("uniform",) * 48, n=15_000, seed=seed, dtype="float32")
    rotation, unmixing = fitted(data.rows, random_state=seed)
    assert rotation.converged
    assert recovery(data.gain(unmixing)) > 0.99


def test_a_warm_start_pays_only_on_large_data():
    assert levels(20_000, 64, row_bytes=256, memory_limit=2**28) == []
    assert levels(10_000_000, 64, row_bytes=256, memory_limit=2**28) == [131_072, 524_288]
    assert levels(10_000_000, 64, row_bytes=256, memory_limit=2**26) == [131_072]


def test_a_warm_start_is_near_the_optimum(mixture):
    rows = Rows(mixture(*KINDS, n=200_000, dtype="float32").rows)
    white = whitened(rows)
    start = warm_start(rows, white, Settings(), np.random.default_rng(0))
    rotation = solve(rows, white, start=start)
    assert rotation.n_passes <= 5
    angles = np.arccos(np.clip(np.abs(start @ rotation.matrix.T).max(axis=1), 0, 1))
    assert angles.max() < 0.1


def test_every_kind_of_seed_gives_a_generator_and_leaves_the_global_seed():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for seed in (None, 3, np.int64(3), np.random.default_rng(0), np.random.RandomState(0)):
        assert isinstance(as_generator(seed), np.random.Generator)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    with pytest.raises(ValueError, match="random_state must be None"):
        as_generator("zero")
