import numpy as np
import pytest
from scipy import stats

from nearid import InputError, LatentICA
from nearid.datasets import independent_sources
from nearid.datasets.independent import SOURCES, orthonormal

#: Excess kurtosis of each distribution; Student's is 6 and far from its sample value.
KURTOSIS = {"laplace": 3, "uniform": -1.2, "exponential": 6, "logistic": 1.2, "gaussian": 0}
KURTOSIS["bimodal"] = -2 * 0.9**4


@pytest.mark.parametrize("name", SOURCES)
def test_sources_have_the_moments_that_are_said(name):
    n = 400_000
    drawn = independent_sources(n, sources=[name], mixing=None, random_state=0).data[:, 0]
    assert abs(drawn.mean()) < 5 / np.sqrt(n)
    assert abs(drawn.var() - 1) < 0.02
    if name == "student":
        assert stats.kstest(drawn[:5000] / np.sqrt(0.6), stats.t(5).cdf).pvalue > 0.01
    else:
        assert stats.kurtosis(drawn) == pytest.approx(KURTOSIS[name], abs=0.3)


@pytest.mark.parametrize("mixing", ["orthogonal", "linear", None])
def test_data_are_the_mixed_sources(mixing):
    found = independent_sources(50_000, mixing=mixing, condition=7, random_state=1)
    np.testing.assert_allclose(found.data, found.sources @ found.mixing.T)
    singular = np.linalg.svd(found.mixing, compute_uv=False)
    smallest = 1 / 7 if mixing == "linear" else 1
    np.testing.assert_allclose([singular[0], singular[-1]], [1, smallest])
    squares = found.sources**2
    for table in (found.sources, squares):  # independent, not only uncorrelated
        assert np.abs(np.corrcoef(table.T) - np.eye(4)).max() < 0.02


def test_ica_undoes_the_mixing():
    found = independent_sources(20_000, mixing="linear", random_state=2)
    unmixed = LatentICA(random_state=0).fit_transform(found.data)
    similar = np.abs(np.corrcoef(unmixed.T, found.sources.T)[:4, 4:])
    assert similar.max(axis=0).min() > 0.99
    mixed = np.abs(np.corrcoef(found.data.T, found.sources.T)[:4, 4:])
    assert mixed.max(axis=0).min() < 0.9


def test_draws_are_seeded_and_leave_the_global_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second, other = (independent_sources(9, random_state=seed).data for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_orthonormal_columns(rng):
    columns = orthonormal(7, 3, rng)
    np.testing.assert_allclose(columns.T @ columns, np.eye(3), atol=1e-14)
    signs = [np.linalg.det(orthonormal(2, 2, rng)) > 0 for _ in range(200)]
    assert 60 < sum(signs) < 140  # reflections as often as rotations


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be at least 1"),
        ({"sources": "laplace"}, "one a column"),
        ({"sources": ["cauchy"]}, "each one of laplace, uniform"),
        ({"sources": []}, "one a column"),
        ({"mixing": "rigid"}, "mixing must be"),
        ({"condition": 0.5}, "at least 1; got 0.5"),
        ({"condition": float("nan")}, "at least 1; got nan"),
    ],
)
def test_wrong_arguments_have_messages(arguments, message):
    with pytest.raises(InputError, match=message):
        independent_sources(**{"n": 5, **arguments})
