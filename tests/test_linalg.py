"""Small linear algebra: scipy's answers, and tolerances that do not know units."""

import numpy as np
import pytest
from scipy import linalg, stats

from nearid.linalg import numerical_rank, polar_factor, random_orthogonal, symmetric_eigen


def rng(seed=0):
    return np.random.default_rng(seed)


def test_symmetric_eigen_is_a_descending_decomposition_with_fixed_signs():
    matrix = np.cov(rng().normal(size=(6, 40)))
    values, vectors = symmetric_eigen(matrix)
    assert (np.diff(values) < 0).all()
    np.testing.assert_allclose((vectors * values) @ vectors.T, matrix, atol=1e-12)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(6), atol=1e-12)
    assert (vectors[np.abs(vectors).argmax(axis=0), range(6)] > 0).all()


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6)])
def test_polar_factor_is_the_nearest_isometry(shape):
    matrix = rng().normal(size=shape)
    polar = polar_factor(matrix)
    tall = polar if shape[0] >= shape[1] else polar.T
    np.testing.assert_allclose(tall.T @ tall, np.eye(min(shape)), atol=1e-12)
    if shape[0] >= shape[1]:
        np.testing.assert_allclose(polar, linalg.polar(matrix)[0], atol=1e-12)
    distance = np.linalg.norm(matrix - polar)
    for seed in range(20):
        other = random_orthogonal(6, rng(seed))[: shape[0], : shape[1]]
        assert distance <= np.linalg.norm(matrix - other)


def test_polar_factor_is_found_where_divide_and_conquer_gives_up(monkeypatch):
    """As it does for the moments of 1,000 Laplace columns with the same in reverse order."""
    svd, drivers = linalg.svd, []

    def unlucky(*given, lapack_driver="gesdd", **options):
        drivers.append(lapack_driver)
        if lapack_driver == "gesdd":
            raise linalg.LinAlgError("SVD did not converge")
        return svd(*given, lapack_driver=lapack_driver, **options)

    matrix = rng().normal(size=(5, 5))
    monkeypatch.setattr(linalg, "svd", unlucky)
    np.testing.assert_allclose(polar_factor(matrix), linalg.polar(matrix)[0], atol=1e-12)
    assert drivers[:2] == ["gesdd", "gesvd"]


def test_random_orthogonal_is_uniform():
    draws = np.stack([random_orthogonal(3, rng(seed)) for seed in range(800)])
    np.testing.assert_allclose(
        draws @ draws.transpose(0, 2, 1), np.eye(3)[None] + 0 * draws, atol=1e-12
    )
    # Each entry of a uniform rotation of R^3 is uniform on [-1, 1] (Archimedes).
    for i, j in np.ndindex(3, 3):
        assert stats.kstest(draws[:, i, j], stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert abs((np.linalg.det(draws) > 0).mean() - 0.5) < 0.07


def test_random_orthogonal_follows_its_generator():
    np.testing.assert_array_equal(random_orthogonal(4, rng(3)), random_orthogonal(4, rng(3)))


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6, 1e12])
def test_rank_does_not_depend_on_units(dtype, scale):
    x = rng().normal(size=(500, 4)) @ rng(1).normal(size=(4, 9)) * np.sqrt(scale)
    x = x.astype(dtype).astype(np.float64)
    values = symmetric_eigen(np.cov(x.T))[0]
    assert numerical_rank(values, mean=np.zeros(len(values)), dtype=dtype) == 4


def test_rank_of_nothing_and_of_zeros_is_zero():
    assert numerical_rank(np.array([]), mean=np.array([]), dtype=np.dtype("f8")) == 0
    assert numerical_rank(np.zeros(3), mean=np.zeros(3), dtype=np.dtype("f8")) == 0


def test_rank_of_whole_numbers_is_that_of_float64():
    assert (
        numerical_rank(np.array([1.0, 1e-14, 1e-17]), mean=np.zeros(3), dtype=np.dtype("i4")) == 2
    )


@pytest.mark.parametrize("offset", [0.0, 100.0, -3000.0])
def test_rounding_of_an_offset_is_no_dimension(offset):
    rng = np.random.default_rng(0)
    table = rng.standard_normal((5_000, 4)) @ rng.standard_normal((4, 9)) + offset
    table = table.astype(np.float32).astype(np.float64)
    values, _ = symmetric_eigen(np.cov(table.T))
    assert numerical_rank(values, mean=table.mean(axis=0), dtype=np.dtype("f4")) == 4
