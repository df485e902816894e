import numpy as np
import pytest

from nearid.ica.components import describe
from nearid.ica.contrasts import CONTRASTS
from nearid.ica.fitting import Settings, fit_rows
from nearid.ica.passes import contrast_sums
from nearid.ica.separability import blocks
from nearid.ica.whitening import whitening
from nearid.rows import Rows


def fit(data, seed=0):
    return fit_rows(Rows(data.rows), Settings(), n_components=None, random_state=seed)[0]


@pytest.mark.parametrize("kinds", ["laplace", "uniform", "mixed"])
@pytest.mark.parametrize(("n", "repeats"), [(2_000, 60), (20_000, 20), (200_000, 8)])
def test_predicted_leakage_is_within_20_percent_of_the_measured_one(kinds, n, repeats, mixture):
    names = {"laplace": ("laplace",) * 6, "uniform": ("uniform",) * 6}
    measured = predicted = 0.0
    for seed in range(repeats):
        data = mixture(*names.get(kinds, ("laplace",) * 3 + ("uniform",) * 3), n=n, seed=seed)
        found = fit(data)
        gain = data.gain(found.unmixing)
        order = np.abs(gain).argmax(axis=1)
        off = ~np.eye(6, dtype=bool)
        measured += (gain[:, order][off] ** 2).mean()
        predicted += (found.components.leakage[off] ** 2).mean()
    assert np.sqrt(measured / predicted) == pytest.approx(1, abs=0.2)


def test_exactly_the_gaussian_block_is_flagged_in_95_of_100_seeds(mixture):
    exact = false = 0
    kinds = ("laplace",) * 3 + ("uniform",) * 3 + ("gaussian",) * 6
    for seed in range(100):
        data = mixture(*kinds, n=5_000, seed=seed, dtype="float32")
        found = fit(data, seed)
        from_gaussian = (data.gain(found.unmixing)[:, data.gaussian] ** 2).sum(axis=1) > 0.5
        flagged = ~found.components.identifiable
        exact += (flagged == from_gaussian).all() and len(found.components.blocks) == 1
        false += (flagged & ~from_gaussian).any()
    assert exact >= 95
    assert false <= 5


def test_pure_gaussian_noise_is_one_block(mixture):
    found = fit(mixture(*("gaussian",) * 8, n=10_000))
    assert found.components.gaussian.all()
    assert [block.tolist() for block in found.components.blocks] == [list(range(8))]


def test_a_single_gaussian_component_is_flagged_gaussian_but_identifiable(mixture):
    found = fit(mixture("laplace", "uniform", "gaussian", n=20_000)).components
    assert found.gaussian.tolist() == [False, False, True]
    assert found.identifiable.all()


def test_the_standard_error_of_tau_is_the_scatter_over_samples(mixture):
    estimates, errors = [], []
    for seed in range(150):
        y = mixture("skewed", "laplace", n=1_000, seed=seed).sources
        y = y - y.mean(axis=0)
        rows, cov = Rows(y), np.diag(y.var(axis=0))
        white = whitening(np.zeros(2), cov, dtype=np.dtype("float64"))
        contrast = CONTRASTS["logcosh"]
        rotation = np.abs(white.matrix) > 0  # the whitening orders by variance: undo that
        sums = contrast_sums(rows, white, rotation.T.astype(float), contrast, powers=True)
        found = describe(sums, contrast)
        estimates.append(found.alpha)
        errors.append(found.tau_error)
    np.testing.assert_allclose(np.mean(errors, axis=0), np.std(estimates, axis=0), rtol=0.15)


def test_kinds_order_and_signs_follow_the_convention(mixture):
    found = fit(mixture("skewed", "laplace", "uniform", "gaussian", n=50_000)).components
    assert (np.diff(found.negentropy) <= 0).all()
    assert (found.skewness >= 0).all()
    assert found.skewness[0] == pytest.approx(2, rel=0.1)  # the exponential's
    assert sorted(found.super_gaussian[:3].tolist()) == [False, True, True]


def test_blocks_are_connected_components():
    apart = np.ones((5, 5), bool)
    apart[0, 3] = apart[3, 0] = apart[3, 4] = apart[4, 3] = False
    assert [block.tolist() for block in blocks(apart)] == [[0, 3, 4]]
