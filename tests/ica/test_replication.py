import numpy as np
import pytest

from nearid.errors import InputError
from nearid.ica import LatentICA
from nearid.ica.replication import component_correlations, match
from nearid.ica.stability import quality
from nearid.rows import Rows

KINDS = ("laplace",) * 4 + ("gaussian",) * 8


@pytest.fixture(scope="module")
def half_gaussian(mixture):
    return mixture(*KINDS, n=8_000, seed=3)


def test_the_sources_replicate_and_the_gaussian_block_does_not(half_gaussian):
    ica = LatentICA(random_state=0).fit(half_gaussian.rows)
    replication = ica.components_report_["replication"].to_numpy()
    assert ica.identifiable_.sum() == 4
    assert (replication[ica.identifiable_] > 0.97).all()
    assert np.median(replication[~ica.identifiable_]) < 0.8


def test_too_few_rows_for_two_halves_is_no_error():
    rows = np.random.default_rng(0).laplace(size=(9, 5))
    with pytest.warns(UserWarning, match="9 rows for 5 components"):
        ica = LatentICA(random_state=0).fit(rows)
    assert ica.components_report_["replication"].isna().all()


class Cut:
    """Rows whose file is cut after some reads."""

    def __init__(self, table, n_reads):
        self.table, self.left = table, n_reads
        self.shape, self.dtype = table.shape, table.dtype

    def __getitem__(self, picked):
        self.left -= 1
        return self.table[picked if self.left >= 0 else slice(0)]


def test_a_file_that_is_cut_during_any_pass_is_an_error(half_gaussian):
    whole = Cut(half_gaussian.rows, 10**6)
    LatentICA(random_state=0).fit(Rows(whole))
    n_reads = 10**6 - whole.left
    for allowed in (n_reads // 10, n_reads // 2, n_reads - 1):
        with pytest.raises(InputError, match="was the file changed while it was read"):
            LatentICA(random_state=0).fit(Rows(Cut(half_gaussian.rows, allowed)))


def test_replication_can_be_left_out(half_gaussian):
    ica = LatentICA(random_state=0, replication=False).fit(half_gaussian.rows)
    assert ica.components_report_["replication"].isna().all()


def test_stable_keeps_the_components_that_replicate(half_gaussian, recovery):
    ica = LatentICA("stable", random_state=0).fit(half_gaussian.rows)
    assert ica.n_components_ == 4
    assert (ica.components_report_["replication"] >= 0.9).all()
    gain = half_gaussian.gain(ica.components_)
    assert recovery(gain) > 0.99
    assert set(np.abs(gain).argmax(axis=1)) == {0, 1, 2, 3}


def test_nothing_stable_is_an_error():
    noise = np.random.default_rng(0).standard_normal((500, 12))
    with pytest.raises(InputError, match="no component of its 500 rows replicates"):
        LatentICA("stable", random_state=0).fit(noise)


@pytest.mark.parametrize("bootstrap", [True, False])
def test_stability_tells_sources_from_an_arbitrary_block(bootstrap, half_gaussian):
    ica = LatentICA(random_state=0, replication=False).fit(half_gaussian.rows)
    found = ica.stability(half_gaussian.rows, n_runs=5, bootstrap=bootstrap, random_state=0)
    assert (found[ica.identifiable_] > 0.9).all()
    assert np.median(found[~ica.identifiable_]) < 0.85  # one sample's optima are not so many


def test_stability_needs_two_runs(half_gaussian):
    ica = LatentICA(random_state=0, replication=False).fit(half_gaussian.rows)
    with pytest.raises(InputError, match="n_runs must be at least 2"):
        ica.stability(half_gaussian.rows, n_runs=1)


def test_correlations_are_those_of_the_transformed_rows():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((500, 4)) @ rng.standard_normal((4, 4))
    first, second = rng.standard_normal((2, 4)), rng.standard_normal((3, 4))
    expected = np.corrcoef((rows @ first.T).T, (rows @ second.T).T)[:2, 2:]
    found = component_correlations(first, second, np.cov(rows.T))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_matching_undoes_a_signed_permutation():
    rng = np.random.default_rng(0)
    order = rng.permutation(10)
    table = np.eye(10)[order] * rng.choice([-1, 1], 10)
    np.testing.assert_array_equal(match(table), order)


def test_arbitrary_rotations_have_no_quality():
    rng = np.random.default_rng(0)
    estimates = np.stack([np.linalg.qr(rng.standard_normal((30, 30)))[0] for _ in range(6)])
    assert np.abs(quality(estimates, np.eye(30))).max() < 0.2


def test_real_networks_have_components_that_replicate_and_ones_that_do_not(data_folder):
    with np.load(data_folder / "representations" / "cifar_resnets.npz") as runs:
        ica = LatentICA(16, random_state=0).fit(runs["resnet20"])
    replicated = (ica.components_report_["replication"] > 0.9).sum()
    assert ica.converged_
    assert 6 <= replicated < 16
