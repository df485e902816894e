import numpy as np
import pytest

from nearid.errors import InputError
from nearid.ica.contrasts import CONTRASTS, contrast_named

GRID = np.linspace(-4, 4, 81)


@pytest.mark.parametrize("name", CONTRASTS)
def test_derivatives_are_the_derivatives_of_the_value(name):
    contrast, h = CONTRASTS[name], 1e-5
    g, slope, bend = contrast.derivatives(GRID)

    def difference(f):
        return (f(GRID + h) - f(GRID - h)) / (2 * h)

    np.testing.assert_allclose(g, difference(contrast.value), atol=1e-6)
    np.testing.assert_allclose(slope, difference(lambda y: contrast.derivatives(y)[0]), atol=1e-5)
    np.testing.assert_allclose(bend, difference(lambda y: contrast.derivatives(y)[1]), atol=1e-5)


@pytest.mark.parametrize("name", CONTRASTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
def test_sums_are_the_sums_of_the_elements(name, dtype, n):
    contrast = CONTRASTS[name]
    y = np.random.default_rng(n).standard_normal((n, 3)).astype(dtype)
    g, scratch = np.empty_like(y), np.empty_like(y)
    value, curvature = contrast.sums(y, g, scratch)
    exact = y.astype(np.float64)
    expected_g, slope, _ = contrast.derivatives(exact)
    rtol = 2e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(g, expected_g, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(value, contrast.value(exact).sum(axis=0), rtol=20 * rtol)
    np.testing.assert_allclose(curvature, slope.sum(axis=0), rtol=20 * rtol, atol=20 * n * rtol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_cosh_neither_overflows_nor_cancels(dtype):
    y = np.array([[1e-3], [20.0], [1e4], [-1e4]], dtype)
    g, scratch = np.empty_like(y), np.empty_like(y)
    value, _ = CONTRASTS["logcosh"].sums(y, g, scratch)
    expected = np.abs(y.astype(float)) + np.log1p(np.exp(-2 * np.abs(y.astype(float)))) - np.log(2)
    assert value[0] == pytest.approx(expected.sum(), rel=1e-6)
    assert np.isfinite(g).all()


@pytest.mark.parametrize("name", CONTRASTS)
def test_gaussian_constants_agree_with_a_large_sample(name):
    contrast = CONTRASTS[name]
    nu = np.random.default_rng(0).standard_normal((400, 2000))
    nu = (nu - nu.mean(axis=1, keepdims=True)) / nu.std(axis=1, keepdims=True)
    g, slope, _ = contrast.derivatives(nu)
    alpha, value = (nu * g - slope).mean(axis=1), contrast.value(nu).mean(axis=1)
    root_n = np.sqrt(nu.shape[1])
    assert value.mean() == pytest.approx(contrast.gaussian.value, rel=5e-3)
    assert alpha.std() * root_n == pytest.approx(contrast.gaussian.alpha_scale, rel=0.15)
    assert value.std() * root_n == pytest.approx(contrast.gaussian.value_scale, rel=0.15)


def test_an_unknown_contrast_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="one of logcosh, exp, cube; got 'sigmoid'"):
        contrast_named("sigmoid")
