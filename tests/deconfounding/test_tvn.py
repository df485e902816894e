"""Typical variation normalisation: controls become alike, and nothing is guessed of a batch."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.utils.estimator_checks import parametrize_with_checks

from nearid.deconfounding import NuisanceProjection, TypicalVariationNormalizer
from nearid.errors import InputError


@parametrize_with_checks([TypicalVariationNormalizer(), NuisanceProjection()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture
def screen():
    """Three batches, each with its own shift and scale, and controls."""
    rng = np.random.default_rng(0)
    batch = np.repeat(list("pqr"), 400)
    X = rng.normal(size=(1200, 5)) @ rng.normal(size=(5, 5))
    for i, name in enumerate("pqr"):
        here = batch == name
        X[here] = X[here] @ (np.eye(5) + 0.2 * rng.normal(size=(5, 5))) + 3.0 * i
    return X, batch, np.arange(1200) % 3 > 0


def test_whitened_controls_have_unit_covariance(screen):
    X, batch, control = screen
    tvn = TypicalVariationNormalizer(0.0, align=False).fit(X, batch=batch, control=control)
    y = tvn.transform(X)[control]
    np.testing.assert_allclose(np.cov(y.T, ddof=0), np.eye(5), atol=1e-9)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-9)


def test_alignment_is_coral(screen):
    """Against the published formula, with SciPy's matrix square roots."""
    X, batch, control = screen
    tvn = TypicalVariationNormalizer(0.0).fit(X, batch=batch, control=control)
    white = (X - tvn.mean_) @ tvn.components_.T
    here = batch == "q"
    source = np.cov(white[here & control].T, ddof=0)
    s = max(0.0, _ledoit_wolf(white[here & control]))
    source, target = ((1 - s) * c + s * np.trace(c) / 5 * np.eye(5) for c in (source, tvn.target_))
    expected = (white[here] - white[here & control].mean(axis=0)) @ (
        np.linalg.inv(sqrtm(source)) @ sqrtm(target)
    )
    np.testing.assert_allclose(tvn.transform(X, batch=batch)[here], expected, atol=1e-8)


def _ledoit_wolf(rows):
    from sklearn.covariance import ledoit_wolf_shrinkage

    return ledoit_wolf_shrinkage(rows)


def test_controls_look_alike_on_every_batch(screen):
    X, batch, control = screen
    y = TypicalVariationNormalizer().fit(X, batch=batch, control=control).transform(X, batch=batch)
    covs = [np.cov(y[control & (batch == name)].T) for name in "pqr"]
    assert np.abs(covs[0] - covs[1]).max() < 0.15
    assert np.abs(y[control & (batch == "r")].mean(axis=0)).max() < 1e-9


def test_a_new_batch_is_aligned_by_its_own_controls(screen):
    X, batch, control = screen
    known = batch != "r"
    tvn = TypicalVariationNormalizer().fit(X[known], batch=batch[known], control=control[known])
    new = tvn.transform(X[~known], batch=batch[~known], control=control[~known])
    assert np.abs(new[control[~known]].mean(axis=0)).max() < 1e-9
    with pytest.raises(InputError, match=r"batch r was not there .* has 0 controls"):
        tvn.transform(X[~known], batch=batch[~known])
    assert np.isfinite(tvn.transform(X[~known])).all()  # whitened only


def test_shrinkage_is_as_asked(screen):
    X, batch, control = screen
    full = TypicalVariationNormalizer(1.0, align=False).fit(X, batch=batch, control=control)
    lengths = np.linalg.norm(full.components_, axis=1)
    np.testing.assert_allclose(lengths, lengths[0])  # it only scales
    assert 0 < TypicalVariationNormalizer().fit(X).shrinkage_ < 0.1


@pytest.mark.parametrize(
    ("settings", "change", "message"),
    [
        ({}, {"control": lambda c, b: c & (b != "q")}, "controls on every batch: q has fewer"),
        ({}, {"control": lambda c, b: c[:5]}, "true or false for each of the 1200 rows"),
        ({}, {"control": lambda c, b: c * 0.5}, "true or false"),
        ({"shrinkage": 2}, {}, "shrinkage must be a number from 0 to 1"),
        ({"shrinkage": "auto"}, {}, "shrinkage must be"),
        ({"n_components": 9}, {}, "from 1 to 5"),
    ],
)
def test_bad_input_is_named(screen, settings, change, message):
    X, batch, control = screen
    control = change.get("control", lambda c, b: c)(control, batch)
    with pytest.raises(InputError, match=message):
        TypicalVariationNormalizer(**settings).fit(X, batch=batch, control=control)


def test_constant_controls_are_refused():
    with pytest.raises(InputError, match="all the same"):
        TypicalVariationNormalizer(0.5).fit(np.ones((6, 2)))


def test_projection_equals_the_batches_means(screen, dtype):
    X, batch, _ = screen
    X = X.astype(dtype)
    projected = NuisanceProjection().fit_transform(X, batch)
    assert projected.dtype == dtype
    means = np.stack([projected[batch == name].mean(axis=0) for name in "pqr"])
    np.testing.assert_allclose(means, means[[0, 0, 0]], atol=1e-4)
    kept = np.linalg.matrix_rank(projected - projected.mean(axis=0), tol=1e-2)
    assert kept == 5 - 2
    with pytest.raises(InputError, match="from 1 to the number of batches less one, 2"):
        NuisanceProjection(3).fit(X, batch)
