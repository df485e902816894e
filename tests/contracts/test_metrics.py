"""What every structural metric must be: bounded, beside its chance, blind to order and signs."""

import json

import numpy as np
import pytest

from nearid import InputError
from nearid.metrics import METRICS, Score, all_metrics

#: Sampled votes and trees are cut short; what is asked of them does not depend on how many.
QUICK = {
    "dci": {"learner": "random_forest"},
    "factorvae_score": {"n_train": 200, "n_eval": 100},
    "betavae_score": {"n_train": 200, "n_eval": 100},
}
#: These draw rows (to hold out, or to vote), so that another order gives them other ones.
DRAWN = {"sap", "explicitness", "dci", "factorvae_score", "betavae_score", "r2"}
#: None of the metrics minds the order or the sign of codes; trees look at them in random order.
BLIND = {name: 0.1 if name == "dci" else 0.02 for name in METRICS}
#: These penalise weights, or compare or average over codes by their size.
OF_SCALE = {"sap", "betavae_score", "factorvae_score", "irs"}
every_metric = pytest.mark.parametrize("name", METRICS)


@pytest.fixture(scope="module")
def factors():
    return np.random.default_rng(0).integers(0, [4, 3, 5], size=(400, 3))


@pytest.fixture(scope="module")
def codes(factors):
    rng = np.random.default_rng(1)
    mixed = factors / factors.std(axis=0) @ (np.eye(3, 4) + 0.2 * rng.normal(size=(3, 4)))
    return mixed + 0.2 * rng.normal(size=mixed.shape)


def score(name, factors, codes, **options):
    given = {"n_shuffles": 0, "random_state": 0} | QUICK.get(name, {}) | options
    return METRICS[name](factors, codes, **given)


@every_metric
def test_it_is_a_bounded_number_beside_a_lower_chance(name, factors, codes):
    found = score(name, factors, codes, n_shuffles=2)
    assert isinstance(found, Score)
    assert found.name.partition("(")[0] == name
    assert found.bounds[0] <= found.chance < found.value <= found.bounds[1]
    assert found.higher_is_better
    assert found.reason is None
    json.dumps(found.to_dict(), allow_nan=False)
    assert score(name, factors, codes).chance is None


@every_metric
def test_noise_scores_at_chance(name, factors):
    noise = np.random.default_rng(2).normal(size=(400, 4))
    found = score(name, factors, noise, n_shuffles=3)
    if found.value is None:  # the stand-alone InfoM, where a code tells of nothing at all
        assert found.reason
    else:
        assert found.value == pytest.approx(found.chance, abs=0.2)


@every_metric
def test_a_seed_fixes_it_and_leaves_the_global_generator_alone(name, factors, codes):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (score(name, factors, codes, n_shuffles=1, random_state=3) for _ in range(2))
    assert first.to_dict() == second.to_dict()
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    by_generator = score(name, factors, codes, random_state=np.random.default_rng(3))
    assert by_generator.value == pytest.approx(first.value, abs=1e-12)


@every_metric
def test_the_order_of_rows_does_not_matter(name, factors, codes):
    rows = np.random.default_rng(4).permutation(len(codes))
    found = score(name, factors[rows], codes[rows]).value
    expected = score(name, factors, codes).value
    assert found == pytest.approx(expected, abs=0.15 if name in DRAWN else 1e-6)


@every_metric
def test_signs_and_order_of_codes_do_not_matter(name, factors, codes):
    found = score(name, factors, (codes * [1, -1, -1, 1])[:, [2, 0, 3, 1]]).value
    assert found == pytest.approx(score(name, factors, codes).value, abs=BLIND[name])


@pytest.mark.parametrize("name", sorted(set(METRICS) - OF_SCALE))
def test_units_of_codes_do_not_matter(name, factors, codes):
    # infomec prunes codes of less than a twentieth of the largest range: these stay within that.
    found = score(name, factors, 8.0 * codes * [1, 0.25, 4, 1] - 16).value
    assert found == pytest.approx(score(name, factors, codes).value, abs=0.01)


@every_metric
def test_the_type_of_number_does_not_matter(name, factors, codes):
    single = codes.astype("f4")
    found = score(name, factors.astype("f4"), single).value
    assert found == pytest.approx(score(name, factors, single.astype("f8")).value, abs=1e-9)
    assert found == pytest.approx(score(name, factors, codes).value, abs=0.02)


@every_metric
def test_constant_codes_know_nothing_and_say_so(name, factors):
    found = score(name, factors, np.ones((400, 3)), n_shuffles=1)
    assert found.reason
    assert found.value is None or found.value <= 0.5
    json.dumps(found.to_dict(), allow_nan=False)


@every_metric
def test_one_factor_or_one_code_is_scored_or_said_to_be_undefined(name, factors, codes):
    for given in ((factors[:, 0], codes), (factors, codes[:, 0]), (factors[:, 0], codes[:, 0])):
        found = score(name, *given)
        assert (found.value is not None and np.isfinite(found.value)) or found.reason


@every_metric
def test_input_is_left_as_it_was(name, factors, codes):
    given = factors.copy(), codes.copy()
    for table in given:
        table.setflags(write=False)
    score(name, *given)


@every_metric
def test_bad_input_is_named(name, factors, codes):
    holed = codes.copy()
    holed[7, 2] = np.nan
    still = factors.copy()
    still[:, 1] = 2
    bad = {
        "factors have 400 rows, codes have 399": (factors, codes[1:]),
        "codes hold 1 values that are missing or infinite": (factors, holed),
        "factor 1 is constant": (still, codes),
        "codes must be a table": (factors, codes[None]),
        "factors must be numbers": (np.char.add(factors.astype(str), "a"), codes),
    }
    for message, given in bad.items():
        with pytest.raises(InputError, match=message):
            score(name, *given)


def test_all_at_once_are_the_same_as_one_by_one(factors, codes):
    found = all_metrics(factors, codes, random_state=5, settings=QUICK)
    assert list(found) == list(METRICS)
    for name, together in found.items():
        alone = score(name, factors, codes, n_shuffles=1, random_state=5)
        assert together.to_dict() == alone.to_dict()


def test_some_at_once_with_settings_of_their_own(factors, codes):
    options = {"mig": {"n_bins": 5}, "infomec": {"variant": "training"}}
    found = all_metrics(
        factors, codes, names=["modularity", "mig", "infomec"], random_state=0, settings=options
    )
    assert list(found) == ["modularity", "mig", "infomec"]
    assert found["infomec"].name == "infomec(training)"
    assert found["mig"].value == score("mig", factors, codes, n_bins=5).value
    assert found["modularity"].value == score("modularity", factors, codes).value
    seeds = [all_metrics(factors, codes, names=["r2"], random_state=np.random.default_rng(0))]
    seeds += [all_metrics(factors, codes, names=["r2"], random_state=np.random.default_rng(0))]
    assert seeds[0]["r2"].value == seeds[1]["r2"].value
    with pytest.raises(InputError, match="there is no metric 'best'"):
        all_metrics(factors, codes, names=["best"])
