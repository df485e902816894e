import numpy as np
import pytest

from nearid.ica import LatentICA
from nearid.ica.settings import Engine
from nearid.ica.starts import fobi_start, heavy_tailed
from nearid.ica.whitening import whitening
from nearid.moments import moments
from nearid.rows import Rows


def whitened(rows):
    known = moments([rows])
    return whitening(known.mean, known.cov, dtype=rows.dtype)


def test_the_axes_of_the_fourth_moment_are_sources_of_different_kurtosis(mixture, recovery):
    data = mixture("laplace", "uniform", "gaussian", n=200_000)
    rows = Rows(data.rows)
    white = whitened(rows)
    starts = [fobi_start(rows, white, Engine(n_jobs=n)) for n in (1, 2)]
    np.testing.assert_array_equal(*starts)
    assert recovery(data.gain(starts[0] @ white.matrix)) > 0.999


@pytest.mark.parametrize("kind", ["laplace", "uniform", "gaussian", "skewed"])
def test_common_tails_are_not_heavy(kind, mixture):
    rows = Rows(mixture(kind, kind, n=20_000, dtype="float32").rows)
    assert not heavy_tailed(rows, whitened(rows))


def test_heavy_tails_lead_to_the_best_optimum_from_one_start():
    """Cauchy sources, whose converged local optima are missed from random starts in 1 of 4."""
    right = n_heavy = 0
    for seed in range(20):
        rng = np.random.default_rng(100 + seed)
        sources, mixing = rng.standard_cauchy((20_000, 3)), rng.standard_normal((3, 3))
        rows = Rows(sources @ mixing.T)
        n_heavy += heavy_tailed(rows, whitened(rows))
        with pytest.warns(UserWarning, match="a few rows carry"):
            ica = LatentICA(replication=False, random_state=seed).fit(rows)
        found = np.abs(np.corrcoef(sources.T, ica.transform(rows).T)[:3, 3:])
        right += found.max(axis=1).min() > 0.999
    assert n_heavy == 20
    assert right >= 19


def test_restarts_stay_random(mixture):
    """Else every component would look stable where the start is not drawn at all."""
    noise = np.random.default_rng(0).standard_normal((2_000, 8))
    noise[0] *= 100
    assert heavy_tailed(Rows(noise), whitened(Rows(noise)))
    with pytest.warns(UserWarning, match="a few rows carry"):
        ica = LatentICA(replication=False, random_state=0).fit(noise)
    found = ica.stability(noise, n_runs=4, bootstrap=False, random_state=0)
    assert np.median(found) < 0.9
