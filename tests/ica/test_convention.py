import numpy as np
import pytest

from nearid.ica import LatentICA
from nearid.ica.convention import conventional_order, conventional_signs


def test_skewness_decides_the_sign_where_there_is_any():
    assert conventional_signs(np.array([0.5, -0.5]), -np.eye(2)).tolist() == [1.0, -1.0]


def test_rounding_of_no_skewness_decides_nothing():
    signs = [conventional_signs(np.array([skew]), np.array([[-2.0]])) for skew in (1e-9, -1e-9)]
    assert signs[0].tolist() == signs[1].tolist() == [-1.0]


def test_the_order_is_by_negentropy_and_of_equals_by_column_and_weight():
    mixing = np.array([[0.0, 1.0, 2.0, 0.0], [1.0, 0.0, 0.0, 3.0]])
    negentropy = np.array([0.3, 0.3, 0.3 - 1e-12, 0.7])
    assert conventional_order(negentropy, mixing).tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_full_grid_of_factors_gives_the_same_components_in_every_order(dtype):
    """No skewness, and equal negentropies: only rounding tells the factors apart."""
    levels = np.arange(8.0)
    grid = np.stack(np.meshgrid(levels, levels, levels, levels[:4], indexing="ij"), axis=-1)
    mixing = np.random.default_rng(0).standard_normal((4, 4))
    rows = (grid.reshape(-1, 4) @ mixing).astype(dtype)
    first, *others = (
        LatentICA(replication=False, random_state=0).fit(
            rows[np.random.default_rng(seed).permutation(len(rows))]
        )
        for seed in range(6)
    )
    for other in others:
        np.testing.assert_allclose(other.components_, first.components_, atol=1e-3)
