"""Every group's fit against somebody else's: numpy, scipy, and a search through all members."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy import linalg, spatial

from nearid import Linear, Rigid, SignedPermutation, Similarity


def pair(d_source=4, d_target=4, seed=0, n=300):
    rng = np.random.default_rng(seed)
    source = rng.laplace(size=(n, d_source)) + 2
    mixed = source @ rng.normal(size=(d_source, d_target))
    return source, mixed + rng.normal(size=(n, d_target)) - 7


def centred(x):
    return x - x.mean(axis=0)


def squared_error(source, target, matrix):
    return float(np.sum((centred(target) - centred(source) @ matrix) ** 2))


@pytest.mark.parametrize("seed", range(5))
def test_rigid_is_scipys_orthogonal_procrustes(seed):
    source, target = pair(seed=seed)
    expected, _ = linalg.orthogonal_procrustes(centred(source), centred(target))
    np.testing.assert_allclose(Rigid().fit(source, target).matrix, expected, atol=1e-10)


@pytest.mark.parametrize(("d_source", "d_target"), [(3, 6), (6, 3)])
def test_rigid_between_widths_is_procrustes_after_padding_with_zeros(d_source, d_target):
    source, target = pair(d_source, d_target)
    wide = max(d_source, d_target)
    padded = [np.pad(centred(x), ((0, 0), (0, wide - x.shape[1]))) for x in (source, target)]
    expected, _ = linalg.orthogonal_procrustes(*padded)
    found = Rigid().fit(source, target).matrix
    np.testing.assert_allclose(found, expected[:d_source, :d_target], atol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_similarity_is_scipys_procrustes(seed):
    source, target = pair(seed=seed)
    # scipy brings both to unit norm, rotates and scales the second, and returns what is left.
    _, _, disparity = spatial.procrustes(target, source)
    fitted = Similarity().fit(source, target)
    left = np.sum((target - fitted.transform(source)) ** 2) / np.sum(centred(target) ** 2)
    assert left == pytest.approx(disparity, rel=1e-10)


@pytest.mark.parametrize(("d_source", "d_target"), [(4, 4), (3, 6), (6, 3)])
def test_linear_is_least_squares_with_an_intercept(d_source, d_target):
    source, target = pair(d_source, d_target)
    design = np.column_stack([source, np.ones(len(source))])
    expected, *_ = np.linalg.lstsq(design, target, rcond=None)
    fitted = Linear().fit(source, target)
    np.testing.assert_allclose(fitted.matrix, expected[:-1], atol=1e-9)
    np.testing.assert_allclose(fitted.offset, expected[-1], atol=1e-8)


def test_linear_has_the_least_norm_where_the_source_has_lost_dimensions():
    source, target = pair()
    doubled = np.column_stack([source, source])
    expected, *_ = np.linalg.lstsq(centred(doubled), centred(target), rcond=None)
    np.testing.assert_allclose(Linear().fit(doubled, target).matrix, expected, atol=1e-9)


def test_linear_finds_columns_of_very_different_units():
    source, target = pair()
    units = np.array([1e-6, 1.0, 1e3, 1e6])
    fitted = Linear().fit(source * units, target)
    expected = Linear().fit(source, target)
    np.testing.assert_allclose(fitted.matrix * units[:, None], expected.matrix, rtol=1e-7)


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(3))
def test_signed_permutation_is_the_best_of_all(d, seed):
    source, target = pair(d, d, seed=seed)
    best = min(
        squared_error(source, target, np.eye(d)[list(order)].T * signs)
        for order in permutations(range(d))
        for signs in product([-1.0, 1.0], repeat=d)
    )
    found = SignedPermutation().fit(source, target).matrix
    assert squared_error(source, target, found) == pytest.approx(best, rel=1e-10)


@pytest.mark.parametrize(("d_source", "d_target"), [(2, 4), (3, 5)])
def test_signed_matching_between_widths_is_the_best_of_all(d_source, d_target):
    source, target = pair(d_source, d_target)
    members = (
        np.eye(d_target)[list(order)] * np.array(signs)[:, None]
        for order in permutations(range(d_target), d_source)
        for signs in product([-1.0, 1.0], repeat=d_source)
    )
    best = min(squared_error(source, target, member) for member in members)
    found = SignedPermutation().fit(source, target).matrix
    assert squared_error(source, target, found) == pytest.approx(best, rel=1e-10)


@pytest.mark.parametrize("name", ["uniform", "signs"])
@pytest.mark.parametrize("seed", range(3))
def test_sources_with_an_offset_are_matched_on_every_axis(name, seed):
    # Matching on corr(|x|, |y|), as a peer does, finds half of the axes, and none of ±1 sources.
    rng = np.random.default_rng(seed)
    draws = {
        "uniform": rng.uniform(size=(2000, 8)),
        "signs": rng.choice([-1.0, 1.0], size=(2000, 8)),
    }
    source = draws[name]
    truth = SignedPermutation().sample(8, rng)
    found = SignedPermutation().fit(source, truth.transform(source) + 5)
    np.testing.assert_array_equal(found.matrix, truth.matrix)
    np.testing.assert_allclose(found.offset, truth.offset + 5, atol=1e-12)
