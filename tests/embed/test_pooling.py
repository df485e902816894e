"""Pooling: against the definition, for NumPy and torch alike, and nothing of the padding."""

import numpy as np
import pytest
import torch

from nearid.embed.pooling import POOLS, pooled, why_not
from nearid.errors import InputError

MASK = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)


@pytest.fixture(params=[np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def kind(request):
    return request.param


@pytest.fixture
def tokens():
    return np.random.default_rng(0).normal(size=(3, 4, 5))


def test_mean_is_over_tokens_that_are_no_padding(kind, tokens):
    tokens[~MASK] = np.nan  # what a model computes of padding does not matter
    found = np.asarray(pooled(kind(tokens), "mean", mask=MASK).values)
    expected = [row[keep].mean(axis=0) for row, keep in zip(tokens, MASK, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_padding_counts_where_no_mask_says_so(kind, tokens):
    with_mask = pooled(kind(tokens), "mean", mask=MASK).values
    without = pooled(kind(tokens), "mean").values
    assert not np.allclose(with_mask, without)


def test_mean_of_a_map_is_over_space(kind):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    np.testing.assert_allclose(pooled(kind(x), "mean").values, x.mean(axis=(2, 3)))


def test_tokens_are_the_rows_that_the_mask_keeps(kind, tokens):
    found = pooled(kind(tokens), "tokens", mask=MASK)
    np.testing.assert_array_equal(found.values, tokens[MASK])
    np.testing.assert_array_equal(found.kept, MASK)


def test_tokens_of_a_map_are_its_places_in_the_order_of_reading(kind):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    found = pooled(kind(x), "tokens")
    np.testing.assert_array_equal(found.values[5 * 2 + 1], x[0, :, 2, 1])
    assert found.kept.shape == (2, 20)


def test_first_and_flat(kind, tokens):
    np.testing.assert_array_equal(pooled(kind(tokens), "cls", mask=MASK).values, tokens[:, 0])
    np.testing.assert_array_equal(pooled(kind(tokens), "flatten").values, tokens.reshape(3, -1))
    with pytest.raises(InputError, match="different lengths"):
        pooled(kind(tokens), "flatten", mask=MASK)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5), (3, 4, 5, 6)])
def test_rows_are_copies(kind, pool, shape):
    x = kind(np.ones(shape))
    if not why_not(shape, pool, n=3, mask=None):
        found = pooled(x, pool)
        x[:] = 7
        assert float(found.values.max()) == 1


def test_half_precision_is_summed_in_single(kind):
    x = kind(np.full((1, 100, 1), 60_000, dtype=np.float16))
    found = pooled(x, "mean").values
    assert str(found.dtype).endswith("float16")
    assert float(found[0, 0]) == 60_000


@pytest.mark.parametrize(
    ("shape", "pool", "said"),
    [
        ((1, 4, 5), "mean", "does not begin with the batch"),
        ((), "mean", "does not begin with the batch"),
        ((3,), "mean", "does not begin with the batch"),
        ((3, 0), "mean", "returned nothing"),
        ((3, 4), "tokens", "has no tokens"),
        ((3, 4, 5, 6), "cls", "has no first token"),
        ((3, 7, 5), "mean", "which the mask of (3, 4) tokens does not fit"),
        ((3, 4, 5, 6), "mean", "which the mask of (3, 4) tokens does not fit"),
    ],
)
def test_what_cannot_be_pooled_is_said(shape, pool, said):
    assert said in why_not(shape, pool, n=3, mask=MASK)


@pytest.mark.parametrize("pool", ["mean", "tokens"])
def test_a_mask_without_padding_fits_any_layer(pool):
    assert why_not((3, 7, 5), pool, n=3, mask=np.ones((3, 4), dtype=bool)) == ""
