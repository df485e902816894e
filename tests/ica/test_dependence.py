"""Design effects: known ones, by theory and by simulation."""

import numpy as np
import pytest

from nearid.ica.contrasts import CONTRASTS
from nearid.ica.dependence import design_effect, discounted
from nearid.ica.fitting import fit_rows
from nearid.ica.settings import Settings
from nearid.rows import Rows


def fitted(x):
    rows = Rows(x)
    fit, _ = fit_rows(rows, Settings(), n_components=None, random_state=0)
    return fit, rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_independent_rows_have_none(dtype):
    rng = np.random.default_rng(0)
    fit, rows = fitted(rng.laplace(size=(6000, 3)).astype(dtype))
    found = design_effect(fit, rows, rng.integers(300, size=6000), CONTRASTS["logcosh"])
    np.testing.assert_allclose(found, 1.0, atol=0.35)  # 300 bags: a standard error of .08


def test_repeated_rows_have_that_of_their_number():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.laplace(size=(2000, 3)), 7, axis=0)
    fit, rows = fitted(x)
    found = design_effect(fit, rows, np.arange(14_000) // 7, CONTRASTS["logcosh"])
    np.testing.assert_allclose(found, 7.0, rtol=0.02)


def test_a_fit_to_repeated_rows_is_described_as_that_to_single_ones():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.laplace(size=1500), rng.normal(size=(1500, 2))])
    alone, _ = fitted(x)
    many, rows = fitted(np.repeat(x, 8, axis=0))
    found = discounted(many, rows, np.arange(12_000) // 8, Settings())
    assert alone.components.gaussian.sum() == 2
    assert many.components.gaussian.sum() < 2  # as if there were 12,000
    np.testing.assert_array_equal(found.components.gaussian, alone.components.gaussian)
    np.testing.assert_allclose(found.components.tau_error, alone.components.tau_error, rtol=0.05)
    assert [block.tolist() for block in found.components.blocks] == [
        block.tolist() for block in alone.components.blocks
    ]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_order_and_workers_do_not_matter(n_jobs):
    rng = np.random.default_rng(0)
    well = np.repeat(np.arange(100), 30)
    x = rng.normal(size=(100, 2))[well] + rng.laplace(size=(3000, 2))
    fit, rows = fitted(x)
    found = design_effect(fit, rows, well, CONTRASTS["cube"], n_jobs=n_jobs)
    order = rng.permutation(3000)
    again = design_effect(fit, rows.take(order), well[order], CONTRASTS["cube"])
    np.testing.assert_allclose(found, again, rtol=1e-6)
    assert (found > 1.5).all()
