"""The constants that are said, against Jacobians by central differences."""

import numpy as np
import pytest

from nearid.datasets.manifolds import leaky_stack, scaled_embedding, swiss_roll, torus
from nearid.errors import InputError

CASES = [
    lambda n: scaled_embedding(n, scale=0.3, random_state=0),
    lambda n: scaled_embedding(n, scale=4, sources=["uniform"] * 6, n_features=6, random_state=0),
    lambda n: swiss_roll(n, random_state=0),
    lambda n: swiss_roll(n, turns=(0.1, 3), height=1, random_state=0),
    lambda n: leaky_stack(n, random_state=0),
    lambda n: leaky_stack(n, slope=0.1, n_features=3, random_state=1),
    lambda n: leaky_stack(n, slope=1, random_state=0),
    lambda n: leaky_stack(n, n_activations=0, random_state=0),
    lambda n: torus(n, random_state=0),
    lambda n: torus(n, radii=[0.7], random_state=0),
    lambda n: torus(n, radii=[3, 1, 0.2], random_state=0),
]


def singular_values(manifold, step=1e-6):
    """Of the Jacobian at each latent, shape (n, n_latents), by central differences."""
    columns = [
        (manifold.decode(manifold.latents + shift) - manifold.decode(manifold.latents - shift))
        / (2 * step)
        for shift in step * np.eye(manifold.latents.shape[1])
    ]
    return np.linalg.svd(np.stack(columns, axis=2), compute_uv=False)


@pytest.mark.parametrize("make", CASES)
def test_constants_are_those_of_the_jacobian(make):
    manifold = make(300)
    np.testing.assert_array_equal(manifold.decode(manifold.latents), manifold.data)
    found = singular_values(manifold)
    smallest, largest = found[:, -1], found[:, 0]
    assert smallest.min() > manifold.lower * (1 - 1e-6)
    assert largest.max() < manifold.upper * (1 + 1e-6)
    if manifold.tight:
        np.testing.assert_allclose(smallest, manifold.lower, rtol=1e-6)
        np.testing.assert_allclose(largest, manifold.upper, rtol=1e-6)
    constant = max(largest.max(), 1 / smallest.min())
    assert constant <= manifold.constant * (1 + 1e-6)


@pytest.mark.parametrize("make", CASES)
def test_no_distance_grows_by_more_than_the_upper_constant(make):
    manifold = make(60)
    before, after = (
        np.linalg.norm(rows[:, None] - rows, axis=2) for rows in (manifold.latents, manifold.data)
    )
    assert (after <= manifold.upper * before + 1e-12).all()


def test_the_activations_do_bend_the_stack():
    straight, bent = leaky_stack(500, slope=1, random_state=0), leaky_stack(500, random_state=0)
    assert singular_values(bent)[:, -1].std() > 0.01
    assert singular_values(straight)[:, -1].std() < 1e-8
    assert not bent.tight
    line = leaky_stack(50, sources=["laplace"], n_features=1, n_activations=1, random_state=0)
    found = singular_values(line)  # one unit: the bound is met wherever it is below 0
    np.testing.assert_allclose([found.min(), found.max()], [line.lower, line.upper])


def test_the_usual_roll_would_fail_the_test_of_isometry():
    roll = swiss_roll(300, random_state=0)

    def by_angle(at):
        t = at[:, 0]
        return np.stack([t * np.cos(t), at[:, 1], t * np.sin(t)], axis=1)

    usual = type(roll)(roll.latents, by_angle(roll.latents), 1.0, 1.0, True, by_angle)
    assert singular_values(usual).max() > 2


def test_the_ends_of_a_circle_meet_though_their_latents_do_not():
    manifold = torus(1000, radii=[1.0], random_state=0)
    ends = np.argsort(manifold.latents[:, 0])[[0, -1]]
    assert np.ptp(manifold.latents[ends]) > 6
    assert np.linalg.norm(np.diff(manifold.data[ends], axis=0)) < 0.1


@pytest.mark.parametrize("make", [scaled_embedding, swiss_roll, leaky_stack, torus])
def test_draws_are_seeded(make):
    same, again, other = (make(20, random_state=seed).data for seed in (5, 5, 6))
    np.testing.assert_array_equal(same, again)
    assert (same != other).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: torus(0), "n must be at least 1"),
        (lambda: swiss_roll(0), "n must be at least 1"),
        (lambda: scaled_embedding(0), "n must be at least 1"),
        (lambda: scaled_embedding(5, scale=0), "scale must be positive"),
        (lambda: scaled_embedding(5, n_features=2), "n_features must be at least 3"),
        (lambda: leaky_stack(5, slope=0), "slope must be more than 0"),
        (lambda: leaky_stack(5, n_activations=-1), "n_activations must be at least 0"),
        (lambda: swiss_roll(5, turns=(2, 1)), "0 < first < last"),
        (lambda: swiss_roll(5, height=float("nan")), "height must be positive"),
        (lambda: torus(5, radii=[1, -1]), "radii must be positive"),
        (lambda: torus(5, radii=[]), "one a circle"),
    ],
)
def test_wrong_arguments_have_messages(call, message):
    with pytest.raises(InputError, match=message):
        call()
