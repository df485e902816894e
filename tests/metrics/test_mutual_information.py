"""Estimates of information against their definitions, other implementations and closed forms."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import digamma
from scipy.stats import norm
from sklearn.metrics import mutual_info_score
from sklearn.neighbors import KDTree, NearestNeighbors
from sklearn.preprocessing import StandardScaler, scale

from nearid import InputError
from nearid.metrics.mutual_information import (
    binned_information,
    discrete_information,
    entropies,
    jittered,
    ross_information,
)

CASES = ["c01_shapes_signed_perm", "c02_shapes_rot45", "c03_shapes_dead_latents"]
CASES += ["c04_shapes_active_noise_latents", "c06_shapes_redundant", "c07_shapes_noisy"]
CASES += ["c08_shapes_dense_rotation", "c09_shapes_missing_factors"]
CASES += ["c13_isaac_18_latents", "c15_shapes_quantised_as_continuous", "c18_circular_factor"]
CASES += ["e01_one_factor", "e05_all_noise"]
#: Factors with rare values.
RARE = ["c11_mpi_imbalanced", "c16_tiny_rare_classes"]


def trees(label, code, *, k, grown=0.0):
    """Ross's estimate as scikit-learn and the authors compute it.

    But for values of 2 k members or fewer, where scikit-learn expands (x − y)² and loses digits;
    their radii grow here by any share.
    """
    code, radius = code[:, None], np.zeros(len(code))
    size, neighbours = np.zeros(len(code)), np.ones(len(code))
    for value in np.unique(label):
        mine = label == value
        size[mine] = mine.sum()
        if mine.sum() > 1:
            neighbours[mine] = min(k, mine.sum() - 1)
            search = NearestNeighbors(n_neighbors=min(k, mine.sum() - 1), algorithm="kd_tree")
            radius[mine] = np.nextafter(search.fit(code[mine]).kneighbors()[0][:, -1], 0)
            radius[mine] *= 1 + grown * (mine.sum() <= 2 * k + 1)
    kept = size > 1
    code, radius = code[kept], radius[kept]
    within = KDTree(code).query_radius(code, radius, count_only=True)
    terms = digamma(neighbours[kept]) - digamma(size[kept]) - digamma(within)
    return max(0.0, digamma(kept.sum()) + terms.mean())


def definition(label, code, *, k):
    """Every distance, sorted."""
    kept = np.bincount(label)[label] > 1
    label, code = label[kept], code[kept]
    distance = np.abs(code[:, None] - code[None])
    total = digamma(len(code))
    for i in range(len(code)):
        mine = np.sort(distance[i, label == label[i]])
        k_c = min(k, len(mine) - 1)
        within = (distance[i] <= np.nextafter(mine[k_c], 0)).sum()
        total += (digamma(k_c) - digamma(len(mine)) - digamma(within)) / len(code)
    return max(0.0, total)


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("levels", [2, 7, 30])
def test_sorting_finds_what_trees_find(k, levels):
    rng = np.random.default_rng(levels)
    label = rng.integers(levels, size=600)
    for code in (rng.normal(size=600), label + 0.5 * rng.normal(size=600), 1e6 + label):
        code = jittered(code[:, None], rng)
        found = ross_information(label, code, k=k)[0, 0]
        assert found == pytest.approx(trees(label, code[:, 0], k=k), abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 5))
def test_sorting_is_the_definition_with_ties_and_on_every_border(data, k):
    n = data.draw(st.integers(6, 40))
    label = np.array(data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))
    # Steps of a tenth put samples on the borders of others, up to rounding.
    step = st.one_of(st.integers(-9, 9).map(lambda i: i / 10), st.floats(-1e-15, 1e-15))
    code = np.array(data.draw(st.lists(step, min_size=n, max_size=n)))
    code = code + data.draw(st.sampled_from([0.0, 1 / 3, 1e4]))
    if np.bincount(label).max() < 2:
        return
    label = np.unique(label, return_inverse=True)[1]
    found = ross_information(label, code, k=k)[0, 0]
    assert found == pytest.approx(definition(label, code, k=k), abs=1e-12)


def by_sorting(label, code, *, k):
    return ross_information(label, code, k=k)[0, 0]


def replayed(factors, codes, *, k, of_codes=False, estimate=by_sorting):
    """Return NMI with the reference's draws of jitter, one for each pair."""
    rng, found = np.random.RandomState(0), np.empty((factors.shape[1], codes.shape[1]))
    pairs = [(i, j) for i in range(factors.shape[1]) for j in range(codes.shape[1])]
    for i, j in sorted(pairs, key=lambda pair: pair[::-1]) if of_codes else pairs:
        found[i, j] = estimate(factors[:, i], jittered(codes[:, [j]], rng)[:, 0], k=k)
    return found / entropies(factors)[:, None]


@pytest.mark.parametrize("name", CASES)
def test_the_authors_standalone_program(name, case, reference):
    factors, codes = case(name)
    scaled = scale(StandardScaler().fit_transform(codes), with_mean=False)
    expected = reference[name]["lq_infomec"]["value"]["nmi"]
    found = replayed(factors, scaled, k=10)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("name", [*CASES, "e03_all_latents_constant"])
def test_the_authors_training_program(name, case, reference):
    factors, codes = case(name)
    expected = reference[name]["lq_paper_k3_port"]["value"]["nmi_latents_by_sources"]
    found = replayed(factors, scale(codes, with_mean=False), k=3, of_codes=True)
    np.testing.assert_allclose(found.T, expected, atol=1e-9)


@pytest.mark.parametrize("name", RARE)
def test_radii_of_rare_values_are_exact_where_the_reference_rounds_them(name, case, reference):
    """Its radii are wrong in about the eighth digit: the neighbour on the border counts or not."""
    factors, codes = case(name)
    scaled = scale(StandardScaler().fit_transform(codes), with_mean=False)
    stored = np.array(reference[name]["lq_infomec"]["value"]["nmi"])
    ours = replayed(factors, scaled, k=10)
    np.testing.assert_allclose(ours, replayed(factors, scaled, k=10, estimate=trees), atol=1e-9)
    without_border = ours + 1e-9
    with_border = replayed(factors, scaled, k=10, estimate=partial(trees, grown=1e-6)) - 1e-9
    assert ((with_border <= stored) & (stored <= without_border)).all()
    assert 1e-4 < np.abs(ours - stored).max() < 5e-3


def test_discrete_codes_by_counting(case, reference):
    name = "c14_shapes_quantised_discrete"
    factors, codes = case(name)
    found = discrete_information(factors, codes) / entropies(factors)[:, None]
    np.testing.assert_allclose(found, reference[name]["lq_infomec"]["value"]["nmi"], atol=1e-12)
    assert found[1, 2] * entropies(factors)[1] == pytest.approx(
        mutual_info_score(factors[:, 1], codes[:, 2]), abs=1e-12
    )


def test_a_shift_of_a_normal_has_a_known_information():
    shift, n = 1.5, 20000

    def density(x):
        p, q = norm.pdf(x), norm.pdf(x, shift)
        return 0.5 * (p * np.log(p) + q * np.log(q)) - (p + q) / 2 * np.log((p + q) / 2)

    true = quad(density, -8, 10)[0]
    rng = np.random.default_rng(0)
    label = rng.integers(2, size=n)
    found = ross_information(label, shift * label + rng.normal(size=n), k=10)[0, 0]
    assert found == pytest.approx(true, abs=0.01)


def test_information_does_not_depend_on_scale_offset_or_sign(dtype):
    rng = np.random.default_rng(0)
    label = rng.integers(5, size=(400, 2))
    code = (label + 0.5 * rng.normal(size=(400, 2))).astype(dtype)
    same = {"atol": 1e-5 if dtype == "f4" else 1e-9}
    for estimate in (ross_information, binned_information):
        base = estimate(label, code)
        np.testing.assert_allclose(estimate(label, -4 * code + 8), base, **same)
        np.testing.assert_allclose(estimate(label[:, ::-1], code), base[::-1], atol=0)


def test_values_that_occur_once_are_left_out():
    rng = np.random.default_rng(0)
    label, code = rng.integers(4, size=200), rng.normal(size=200)
    lonely = np.r_[label, 10, 11], np.r_[code, 0.0, 0.1]
    expected = ross_information(label, code)
    np.testing.assert_allclose(ross_information(*lonely), expected, atol=1e-12)
    assert ross_information([0, 1, 2], [0.1, 0.2, 0.3]).tolist() == [[0.0]]


def test_bins_are_those_of_a_histogram():
    rng = np.random.default_rng(0)
    label, code = rng.integers(3, size=500), rng.normal(size=500)
    bins = np.digitize(code, np.histogram(code, 20)[1][:-1])
    expected = mutual_info_score(label, bins)
    assert binned_information(label, code)[0, 0] == pytest.approx(expected, abs=1e-12)
    assert binned_information(label, code, n_bins=1)[0, 0] == 0
    assert binned_information(label, np.full(500, 3.0))[0, 0] == 0


def test_entropy_of_labels():
    assert entropies([[0, 1], [0, 2], [0, 3], [0, 4]]) == pytest.approx([0, np.log(4)])


def test_wrong_parameters_say_so():
    label, code = np.arange(10) % 2, np.arange(10.0)
    with pytest.raises(InputError, match="k, the number of neighbours"):
        ross_information(label, code, k=0)
    with pytest.raises(InputError, match="n_bins must be 1 or more"):
        binned_information(label, code, n_bins=0)
    with pytest.raises(InputError, match="factor 0 has 200 different values"):
        ross_information(np.arange(200.0), np.arange(200.0))
