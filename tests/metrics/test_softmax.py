"""The quick logistic regression against scikit-learn's, step for step."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from nearid.metrics.fitting import quiet
from nearid.metrics.softmax import balanced_scores


def problem(n, k, p, *, noise, seed):
    rng = np.random.default_rng(seed)
    target = rng.choice(k, size=n, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    x = rng.normal(size=(k, p))[target] + noise * rng.normal(size=(n, p))
    return (x - x.mean(axis=0)) / x.std(axis=0), target


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [3, 8])
def test_it_is_where_scikit_learn_stops(seed, k):
    x, target = problem(900, k, 5, noise=1.5, seed=seed)
    model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=20, tol=1e-4)
    with quiet():
        model.fit(x, target)
    found = balanced_scores(x, target, max_iter=20)
    np.testing.assert_allclose(found, model.decision_function(x), atol=1e-4)


def test_at_the_optimum_every_class_is_expected_as_often_as_it_weighs():
    x, target = problem(900, 4, 3, noise=2.0, seed=5)
    scores = balanced_scores(x, target, max_iter=5000, tol=1e-9)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    weight = 1 / np.bincount(target)[target]
    np.testing.assert_allclose(weight @ p, 1, atol=1e-5)
    held = weight[:, None] * (p - np.eye(4)[target])
    np.testing.assert_allclose(x.T @ held, 0, atol=1e-5)


def test_classes_that_are_apart_are_told_without_overflow():
    target = np.repeat(np.arange(3), 50)
    x = target[:, None] + np.random.default_rng(0).uniform(0, 0.1, size=(150, 1))
    scores = balanced_scores(1e3 * x, target)
    assert np.isfinite(scores).all()
    assert (scores.argmax(axis=1) == target).all()
