"""What every group must be: a group, fitted exactly, blind to its own members, one in the next."""

from itertools import pairwise

import numpy as np
import pytest

from nearid import GROUPS, InputError, Transformation

LADDER = list(GROUPS)
STEPS = list(pairwise(LADDER))
#: Groups whose members keep all distances, so that errors stay as they are.
ISOMETRIES = ["identity", "signed_permutation", "rigid"]
WIDTHS = [(3, 5), (5, 3), (1, 4), (4, 1)]
every_group = pytest.mark.parametrize("name", LADDER)


def rng(seed=0):
    return np.random.default_rng(seed)


def sources(n=500, d=6, dtype="f8"):
    return (rng(1).laplace(size=(n, d)) * np.linspace(1, 2, d) + 3).astype(dtype)


def noisy(source, name, noise=0.3, seed=2):
    target = GROUPS[name].sample(source.shape[1], rng(seed)).transform(source)
    return target + noise * rng(seed + 1).normal(size=target.shape)


def error(name, source, target):
    return float(np.mean((GROUPS[name].fit(source, target).transform(source) - target) ** 2))


def compose(first, second):
    return Transformation(
        first.matrix @ second.matrix, first.offset @ second.matrix + second.offset
    )


def assert_same_map(found, expected, atol=1e-9):
    np.testing.assert_allclose(found.matrix, expected.matrix, atol=atol)
    np.testing.assert_allclose(found.offset, expected.offset, atol=atol)


@every_group
@pytest.mark.parametrize("d", [1, 2, 6, 40])
@pytest.mark.parametrize("seed", range(3))
def test_a_member_is_recovered_exactly(name, d, seed, dtype):
    member = GROUPS[name].sample(d, rng(seed))
    source = sources(n=20 * d, d=d, dtype=dtype)
    found = GROUPS[name].fit(source, member.transform(source))
    # The target was rounded to its type; what a fit can lose is that, once per column.
    assert_same_map(found, member, atol=30 * d * np.finfo(dtype).eps)


@every_group
def test_a_map_keeps_the_type_of_the_rows(name, dtype):
    source = sources(dtype=dtype)
    member = GROUPS[name].sample(6, rng())
    assert member.transform(source).dtype == dtype
    np.testing.assert_allclose(
        member.transform(source),
        source.astype("f8") @ member.matrix + member.offset,
        rtol=100 * np.finfo(dtype).eps,
        atol=100 * np.finfo(dtype).eps,
    )
    assert member.transform(np.ones((2, 6), int)).dtype == np.float64


@every_group
@pytest.mark.parametrize("d", [1, 2, 7])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_a_group(name, d, seed):
    group, draw = GROUPS[name], rng(seed)
    one, other = group.sample(d, draw), group.sample(d, draw)
    assert group.contains(one)
    assert group.contains(compose(one, other))
    assert group.contains(one.inverse())
    assert group.contains(Transformation(np.eye(d), np.zeros(d)))


@every_group
def test_the_inverse_leads_back(name, dtype):
    source = sources(dtype=dtype)
    member = GROUPS[name].sample(6, rng(4))
    back = member.inverse().transform(member.transform(source))
    np.testing.assert_allclose(back, source, atol=1000 * np.finfo(dtype).eps)
    assert_same_map(compose(member, member.inverse()), Transformation(np.eye(6), np.zeros(6)))


@pytest.mark.parametrize(("smaller", "larger"), STEPS)
@pytest.mark.parametrize("seed", range(5))
def test_each_group_contains_the_one_before_and_not_the_reverse(smaller, larger, seed):
    assert GROUPS[larger].contains(GROUPS[smaller].sample(5, rng(seed)))
    assert not GROUPS[smaller].contains(GROUPS[larger].sample(5, rng(seed)))


@pytest.mark.parametrize("name", LADDER)
def test_a_map_that_loses_a_dimension_is_in_no_group(name):
    lost = Transformation(np.diag([1.0, 0.0]), np.zeros(2))
    assert not GROUPS[name].contains(lost)
    with pytest.raises(InputError, match="singular and has no inverse"):
        lost.inverse()
    assert not GROUPS[name].contains(Transformation(np.full((2, 2), np.nan), np.zeros(2)))


@every_group
def test_membership_has_a_relative_tolerance(name):
    member = GROUPS[name].sample(4, rng())
    near = Transformation(member.matrix + 1e-6, member.offset)
    assert GROUPS[name].contains(near, tolerance=1e-4)
    assert GROUPS[name].contains(near) == (name == "linear")


@pytest.mark.parametrize("truth", LADDER)
def test_in_sample_error_decreases_along_the_ladder(truth):
    source = sources()
    target = noisy(source, truth)
    errors = [error(name, source, target) for name in LADDER]
    assert (np.diff(errors) <= 1e-9).all()
    # From the group of the truth on, nothing but the noise is left; before it, much more.
    place = LADDER.index(truth)
    assert max(errors[place:]) < 0.1
    if place:
        assert errors[place - 1] > 0.2


@every_group
@pytest.mark.parametrize("seed", range(3))
def test_a_member_applied_to_the_target_moves_the_fit_along(name, seed):
    source = sources()
    target = noisy(source, "linear")
    member = GROUPS[name].sample(6, rng(seed + 10))
    before = GROUPS[name].fit(source, target)
    after = GROUPS[name].fit(source, member.transform(target))
    assert_same_map(after, compose(before, member))
    if name in ISOMETRIES:
        moved = error(name, source, member.transform(target))
        assert moved == pytest.approx(error(name, source, target), rel=1e-9)


@every_group
@pytest.mark.parametrize("seed", range(3))
def test_a_member_applied_to_the_source_changes_no_prediction(name, seed):
    source = sources()
    target = noisy(source, "linear")
    moved = GROUPS[name].sample(6, rng(seed + 20)).transform(source)
    np.testing.assert_allclose(
        GROUPS[name].fit(moved, target).transform(moved),
        GROUPS[name].fit(source, target).transform(source),
        atol=1e-8,
    )


@every_group
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
def test_units_do_not_matter(name, scale):
    source = sources()
    target = noisy(source, "rigid")
    plain = GROUPS[name].fit(source, target)
    scaled = GROUPS[name].fit(source * scale, target * scale)
    np.testing.assert_allclose(scaled.matrix, plain.matrix, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(scaled.offset / scale, plain.offset, rtol=1e-7, atol=1e-8)
    exact = GROUPS[name].sample(6, rng(5))
    image = Transformation(exact.matrix, exact.offset * scale).transform(source * scale)
    assert_same_map(
        GROUPS[name].fit(source * scale, image),
        Transformation(exact.matrix, exact.offset * scale),
        atol=1e-9 * max(1, scale),
    )


@every_group
def test_a_fit_is_immutable(name):
    matrix = np.eye(3)
    made = Transformation(matrix, np.zeros(3))
    matrix[0, 0] = 7
    assert made.matrix[0, 0] == 1
    fitted = GROUPS[name].fit(sources(), sources())
    with pytest.raises(ValueError, match="read-only"):
        fitted.matrix[0, 0] = 2
    with pytest.raises(ValueError, match="read-only"):
        fitted.offset[0] = 2
    with pytest.raises(AttributeError):
        fitted.matrix = np.eye(6)


@every_group
def test_a_fit_leaves_the_data_alone(name):
    source, target = sources(), noisy(sources(), "rigid")
    before = source.copy(), target.copy()
    GROUPS[name].fit(source, target)
    np.testing.assert_array_equal(source, before[0])
    np.testing.assert_array_equal(target, before[1])


@every_group
def test_samples_follow_their_generator(name):
    assert_same_map(GROUPS[name].sample(5, rng(3)), GROUPS[name].sample(5, rng(3)), atol=0)


@every_group
@pytest.mark.parametrize(("d_source", "d_target"), WIDTHS)
def test_widths_may_differ(name, d_source, d_target):
    source = sources(d=d_source)
    target = source @ rng().normal(size=(d_source, d_target)) + rng(1).normal(size=(500, d_target))
    fitted = GROUPS[name].fit(source, target)
    assert fitted.matrix.shape == (d_source, d_target)
    assert fitted.transform(source).shape == target.shape
    assert GROUPS[name].contains(fitted)
    with pytest.raises(InputError, match=f"from {d_source} to {d_target} dimensions"):
        fitted.inverse()


@pytest.mark.parametrize(("smaller", "larger"), STEPS)
@pytest.mark.parametrize(("d_source", "d_target"), WIDTHS)
def test_each_group_contains_the_one_before_between_widths(smaller, larger, d_source, d_target):
    source, target = sources(d=d_source), sources(d=5)[:, :d_target] ** 2
    assert GROUPS[larger].contains(GROUPS[smaller].fit(source, target))


@pytest.mark.parametrize(("d_source", "d_target"), [(3, 5), (1, 4)])
def test_errors_decrease_along_the_ladder_from_narrow_to_wide(d_source, d_target):
    source = sources(d=d_source)
    target = np.pad(source, ((0, 0), (0, d_target - d_source))) @ rng().normal(size=(d_target,) * 2)
    errors = [error(name, source, target) for name in LADDER]
    assert (np.diff(errors) <= 1e-9).all()


@every_group
def test_a_wrong_width_is_refused_with_both_numbers(name):
    with pytest.raises(InputError, match=r"rows of 6 columns, got an array of shape \(2, 5\)"):
        GROUPS[name].fit(sources(), sources()).transform(np.zeros((2, 5)))


@every_group
def test_different_lengths_and_bad_values_are_refused(name):
    with pytest.raises(InputError, match="source has 500 rows, target has 499"):
        GROUPS[name].fit(sources(), sources()[1:])
    broken = sources()
    broken[41, 2] = np.nan
    with pytest.raises(InputError, match=r"target has 1 NaN .* row 41, column 2"):
        GROUPS[name].fit(sources(), broken)


@every_group
def test_a_constant_column_spoils_nothing(name):
    source = sources()
    source[:, 2] = 0.1
    fitted = GROUPS[name].fit(source, source)
    np.testing.assert_allclose(fitted.transform(source), source, atol=1e-9)
