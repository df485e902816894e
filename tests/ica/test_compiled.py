import numpy as np
import pytest

from nearid.ica import LatentICA
from nearid.ica.compiled import fused_logcosh
from nearid.ica.contrasts import CONTRASTS


@pytest.mark.parametrize("n", [1, 64, 777])
def test_the_compiled_sweep_agrees_with_numpy(n):
    rng = np.random.default_rng(n)
    products = (3 * rng.standard_normal((n, 5))).astype(np.float32)
    products[0] = [0.0, 100.0, -100.0, 8.0, 1e-4]
    offset = rng.standard_normal(5).astype(np.float32)
    y, g = products.copy(), np.empty_like(products)
    value, curvature = np.zeros(5), np.zeros(5)
    fused_logcosh()(y, offset, g, value, curvature)
    exact = (products - offset).astype(np.float64)
    np.testing.assert_array_equal(y, products - offset)
    np.testing.assert_allclose(g, np.tanh(exact), atol=4e-7)
    np.testing.assert_allclose(value, CONTRASTS["logcosh"].value(exact).sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(curvature, (1 - np.tanh(exact) ** 2).sum(axis=0), atol=1e-6 * n)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_nothing_is_left_to_compile_in_the_main_thread(offset, mixture):
    """Ctrl-C within the compiler would be lost."""
    fused_logcosh.cache_clear()
    compiled = fused_logcosh()
    before = list(compiled.signatures)
    assert len(before) == 1
    rows = mixture("laplace", "uniform", n=3_000).rows + offset
    for dtype in ("float32", "float64"):
        LatentICA(compiled=True, replication=False, random_state=0).fit(rows.astype(dtype))
    assert fused_logcosh() is compiled
    assert compiled.signatures == before
