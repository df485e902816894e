import json
import math

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from nearid.decoder import procrustes_bound
from nearid.errors import InputError
from nearid.linalg import random_orthogonal


def centred(x):
    return x - x.mean(axis=0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_both_sides_are_those_of_the_paper(rng):
    x = rng.normal(size=(60, 3)) + 5
    y = x @ random_orthogonal(3, rng) + 0.01 * rng.normal(size=(60, 3)) - 2
    found = procrustes_bound(x, y)
    x, y = centred(x), centred(y)
    error = np.linalg.norm(y - x @ orthogonal_procrustes(x, y)[0])
    e2 = np.linalg.norm(y @ y.T - x @ x.T)
    pinv = np.linalg.norm(np.linalg.pinv(x), 2)
    assert found.error == pytest.approx(error)
    assert found.premise == pytest.approx(pinv * math.sqrt(e2))
    assert found.bound == pytest.approx((1 + math.sqrt(2)) * pinv * e2)
    assert found.premise_holds
    assert found.tightness == pytest.approx(found.bound / found.error)


@pytest.mark.parametrize("noise", [1e-6, 1e-3, 1e-2, 1e-1])
def test_the_bound_is_never_violated_where_its_premise_holds(rng, noise):
    for _ in range(50):
        x = rng.normal(size=(30, 4)) * rng.uniform(0.3, 3, size=4)
        y = x @ random_orthogonal(4, rng) + noise * rng.normal(size=x.shape)
        found = procrustes_bound(x, y)
        assert found.error <= found.bound
        assert (found.bound == math.inf) == (not found.premise_holds)


def test_runs_apart_by_a_rigid_map_have_both_sides_zero(rng):
    x = rng.normal(size=(100, 5))
    found = procrustes_bound(x, x @ random_orthogonal(5, rng) + 3)
    assert found.error < 1e-12
    assert found.bound < 1e-12


def test_independent_runs_have_no_bound(rng):
    found = procrustes_bound(rng.normal(size=(100, 5)), rng.normal(size=(100, 5)))
    assert not found.premise_holds
    assert found.vacuous
    assert "no bound" in found.summary()
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["bound"] is None


def test_many_rows_are_read_in_chunks(rng, monkeypatch):
    x = rng.normal(size=(1000, 3))
    y = x + 0.01 * rng.normal(size=x.shape)
    whole = procrustes_bound(x, y)
    monkeypatch.setattr("nearid.rows.CHUNK_BYTES", 2000)
    parts = procrustes_bound(x, y)
    assert parts.error == pytest.approx(whole.error, rel=1e-12)
    assert parts.bound == pytest.approx(whole.bound, rel=1e-10)


def test_the_story_says_how_tight_it_is(rng):
    x = rng.normal(size=(100, 3))
    assert "times the error" in procrustes_bound(x, x + 1e-3 * rng.normal(size=x.shape)).summary()


def test_wrong_inputs_have_messages(rng):
    x = rng.normal(size=(20, 3))
    with pytest.raises(InputError, match=r"one shape; got \(20, 3\) and \(19, 3\)"):
        procrustes_bound(x, x[:19])
    with pytest.raises(InputError, match="has the rank 2 in 3 dimensions"):
        procrustes_bound(x * [1, 1, 0], x)
    with pytest.raises(InputError, match="has the rank 0 in 3 dimensions"):
        procrustes_bound(x[:1], x[:1])
    with pytest.raises(InputError, match="NaN"):
        procrustes_bound(x, np.where(x > 2, np.nan, x) + np.nan)
