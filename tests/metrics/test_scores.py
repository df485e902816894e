"""Values that can be worked out by hand, and the traps of each metric."""

import numpy as np
import pytest

from nearid import InputError
from nearid.metrics import METRICS, Score
from nearid.metrics.compactness import compactness
from nearid.metrics.dci import dci
from nearid.metrics.factorvae_score import factorvae_score
from nearid.metrics.hoyer_sparsity import hoyer, hoyer_sparsity
from nearid.metrics.irs import irs
from nearid.metrics.mcc import mcc
from nearid.metrics.mig import mig
from nearid.metrics.modularity import modularity
from nearid.metrics.r2 import r2
from nearid.metrics.sap import sap


@pytest.fixture(scope="module")
def factors():
    return np.random.default_rng(0).integers(0, [10, 8, 4], size=(3000, 3))


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(1).normal(size=(3000, 5))


def test_a_gap_needs_a_second_code(factors):
    twice = np.hstack([factors, factors])
    assert mig(factors, factors, n_shuffles=0).value > 0.99
    assert mig(factors, twice, n_shuffles=0).value == 0
    assert sap(factors, 1.0 * twice, n_shuffles=0).value == pytest.approx(0, abs=1e-12)
    assert compactness(factors, twice, n_shuffles=0).value < 0.7


def test_more_classes_than_rows_for_them_are_no_warning(noise):
    assert 0 <= sap(np.arange(80)[:, None] // 2, noise[:80], n_shuffles=0).value <= 1


def test_modularity_counts_dead_codes_as_nothing(factors):
    with_dead = np.hstack([factors, np.zeros((3000, 3))])
    whole = modularity(factors, factors, n_shuffles=0).value
    assert modularity(factors, with_dead, n_shuffles=0).value == pytest.approx(whole / 2)


def test_only_crossfit_is_zero_at_chance(factors, noise):
    score = mcc(factors, noise, random_state=0)
    assert abs(score.parts["crossfit"]) < 0.02 < score.parts["matched"]
    assert score.chance == pytest.approx(score.value, abs=0.02)


def test_crossfit_of_noise_centres_on_zero(factors):
    values = [
        mcc(
            factors[:200],
            np.random.default_rng(seed).normal(size=(200, 4)),
            random_state=seed,
            n_shuffles=0,
        ).parts["crossfit"]
        for seed in range(200)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)


def test_coverage_counts_factors_without_a_code(factors):
    score = mcc(factors, factors[:, :2], n_shuffles=0)
    assert score.parts["matched"] == pytest.approx(1)
    assert score.parts["coverage"] == pytest.approx(2 / 3)
    assert score.parts["partner"].tolist() == [0, 1, -1]


def test_r2_is_held_out(factors):
    rng = np.random.default_rng(2)
    many = rng.normal(size=(60, 50))
    assert r2(factors[:60], many, random_state=0).value < 0
    assert r2(factors, factors @ rng.normal(size=(3, 3)) + 7, random_state=0).value > 1 - 1e-9


def test_irs_is_the_definition(factors, noise):
    codes = factors[:, :2] + 0.3 * noise[:, :2]
    expected = []
    for code in codes.T:
        largest = np.abs(code - code.mean()).max()
        by_factor = []
        for factor in factors.T:
            groups = [code[factor == value] for value in np.unique(factor)]
            spread = [np.percentile(np.abs(g - g.mean()), 99) for g in groups]
            by_factor.append(1 - np.mean(spread) / largest)
        expected.append((max(by_factor), largest))
    value = sum(v * w for v, w in expected) / sum(w for _, w in expected)
    assert irs(factors, codes, n_shuffles=0).value == pytest.approx(value, abs=1e-12)


def test_dci_names_its_learner_and_tells_codes_from_mixtures(factors):
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    centred = factors - factors.mean(axis=0)
    for learner in ("random_forest", "hist_gbt"):
        options = {"learner": learner, "n_shuffles": 0, "random_state": 0}
        score = dci(factors[:900], centred[:900], **options)
        mixed = dci(factors[:900], (centred @ turn)[:900], **options)
        assert score.name == f"dci({learner})"
        assert score.value > mixed.value + 0.2
    with pytest.raises(InputError, match="random_forest"):
        dci(factors, factors, learner="oak")


def test_factorvae_depends_on_scale_by_its_threshold(factors):
    numbers = {"n_train": 100, "n_eval": 100, "n_shuffles": 0, "random_state": 0}
    assert factorvae_score(factors, factors, **numbers).value == 1
    dead = factorvae_score(factors, 1e-3 * factors, **numbers)
    assert dead.value == 0
    assert not dead.parts["active"].any()


def test_hoyer_of_noise_is_not_zero(factors, noise):
    assert hoyer(np.ones(7)) == pytest.approx(0, abs=1e-12)
    score = hoyer_sparsity(factors, noise, random_state=0)
    assert 0.1 < score.chance < 0.9
    assert score.value == pytest.approx(score.chance, abs=0.3)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_one_factor_or_one_code_never_crashes(name, factors, noise):
    for s, z in ((factors[:400, :1], noise[:400]), (factors[:400], noise[:400, :1])):
        score = METRICS[name](s, z, random_state=0, n_shuffles=0)
        assert isinstance(score, Score)
        assert (score.value is None) <= (score.reason is not None)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_constant_codes_have_a_reason(name, factors):
    score = METRICS[name](factors[:400], np.full((400, 3), 0.1), random_state=0, n_shuffles=0)
    assert score.reason
    assert score.value is None or score.value <= 0.51
