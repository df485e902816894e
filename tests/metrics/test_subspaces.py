"""Components that span a circle are found without a factor; nothing is found where nothing is."""

import numpy as np
import pytest

from nearid.errors import InputError
from nearid.metrics import subspace_infom, subspaces
from nearid.metrics.mutual_information import entropies, jittered, ross_information
from nearid.metrics.subspaces import energy_information


def circles(n, n_circles, n_lines, *, noise=0.1, seed=0):
    """Return coordinates of circles, each turned by an angle of its own, then of intervals."""
    rng = np.random.default_rng(seed)
    angles = 2 * np.pi * rng.uniform(size=(n, n_circles)) + rng.uniform(size=n_circles)
    lines = rng.uniform(-1.7, 1.7, size=(n, n_lines))
    table = np.concatenate([2**0.5 * np.cos(angles), 2**0.5 * np.sin(angles), lines], axis=1)
    return table + noise * rng.standard_normal(table.shape)


@pytest.mark.parametrize("seed", range(5))
def test_circles_are_pairs_and_intervals_are_alone(seed, dtype):
    table = circles(4000, 3, 3, seed=seed).astype(dtype)
    order = np.random.default_rng(seed).permutation(9)
    found = subspaces(table[:, order])
    named = sorted(sorted(int(order[k]) for k in group) for group in found)
    assert named == [[0, 3], [1, 4], [2, 5], [6], [7], [8]]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["uniform", "laplace", "normal", "labels"])
def test_independent_codes_are_never_paired(seed, kind):
    rng = np.random.default_rng(seed)
    draw = {
        "uniform": lambda: rng.uniform(size=(3000, 8)),
        "laplace": lambda: rng.laplace(size=(3000, 8)),
        "normal": lambda: rng.standard_normal((3000, 8)),
        "labels": lambda: rng.integers(0, 5, size=(3000, 8)).astype(float),
    }[kind]
    assert subspaces(draw()) == [[k] for k in range(8)]


def test_a_rotation_within_the_circle_changes_little():
    table, turn = circles(20_000, 1, 1), np.eye(3)
    turn[:2, :2] = [[0.6, -0.8], [0.8, 0.6]]
    before, after = energy_information(table), energy_information(table @ turn)
    assert before[0, 1] == pytest.approx(after[0, 1], rel=0.05)
    assert before[0, 1] > 0.8
    assert max(before[0, 2], before[1, 2]) < 0.01


def test_signs_are_not_seen():
    rng = np.random.default_rng(1)
    half = rng.uniform(1, 2, size=(2000, 1)) * rng.choice([-1.0, 1.0], size=(2000, 2))
    found = energy_information(np.concatenate([half, -half]))  # of mean 0
    assert found[0, 1] == pytest.approx(np.log(8) - 49 / 8000, abs=1e-3)
    np.testing.assert_array_equal(found, found.T)


def test_a_sphere_is_one_subspace_of_three():
    rng = np.random.default_rng(0)
    ball = rng.standard_normal((20_000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    table = np.concatenate([ball, rng.uniform(size=(20_000, 2))], axis=1)
    assert subspaces(table, least=0.05) == [[0, 1, 2], [3], [4]]


def test_of_single_codes_it_is_the_usual_information():
    rng = np.random.default_rng(2)
    factors = rng.integers(0, 6, size=(800, 2))
    codes = factors @ rng.normal(size=(2, 3)) + 0.3 * rng.normal(size=(800, 3))
    unit = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    noisy = jittered(unit, np.random.default_rng(0))
    expected = ross_information(factors, noisy, k=10) / entropies(factors)[:, None]
    score = subspace_infom(factors, codes, groups=[[0], [1], [2]], random_state=0)
    np.testing.assert_allclose(score.parts["nmi"], expected, atol=1e-12)


def test_together_a_circle_is_one_code():
    rng = np.random.default_rng(3)
    factors = rng.integers(0, 10, size=(3000, 3))
    angles = 2 * np.pi * factors[:, :2] / 10
    codes = np.concatenate([np.cos(angles), np.sin(angles), factors[:, 2:] / 3], axis=1)
    codes += 0.05 * rng.standard_normal(codes.shape)
    score = subspace_infom(factors, codes, random_state=0)
    assert score.parts["groups"] == [[0, 2], [1, 3], [4]]
    assert score.value > 0.95 > 0.9 > score.chance
    # one coordinate of a circle of ten points leaves half of the points in doubt
    np.testing.assert_allclose(np.diag(score.parts["nmi"]), 1, atol=0.02)
    wrong = subspace_infom(factors, codes, groups=[[0, 1], [2, 3], [4]], random_state=0)
    assert wrong.value < 0.5


def test_undefined_and_wrong_input():
    rng = np.random.default_rng(4)
    factors, codes = rng.integers(0, 3, size=(200, 2)), rng.normal(size=(200, 3))
    alone = subspace_infom(factors[:, :1], codes, random_state=0)
    assert alone.value is None
    assert "one factor" in alone.reason
    for groups in ([], [[0], []], [[0, 3]], [[0, 1], [1]]):
        with pytest.raises(InputError, match="columns of the codes, 0 to 2"):
            subspace_infom(factors, codes, groups=groups)
    with pytest.raises(InputError, match="neighbours"):
        subspace_infom(factors, codes, k=0)
    with pytest.raises(InputError, match="nats, above 0"):
        subspaces(codes, least=0)
    with pytest.raises(InputError, match="missing or infinite"):
        subspaces(np.full((4, 2), np.nan))
