"""``--scheduler``: the same answer from the workers of a cluster."""

import numpy as np
import pytest
from distributed import LocalCluster

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def address():
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    z = rng.laplace(size=(2000, 4))
    paths = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for path, run in zip(paths, (z, z @ rng.normal(size=(4, 4))), strict=True):
        np.save(path, run)
    return paths


def test_compare_says_the_same(run, files, address, strict_json):
    quick = ("--bootstrap", 5, "--null", 1, "--json")
    here, there = (
        strict_json(run("compare", *files, *quick, *more).stdout)
        for more in ((), ("--scheduler", address))
    )
    assert there["verdict"] == here["verdict"] == "linear"
    assert there["verdict_whitened"] == here["verdict_whitened"] == "ica"
    assert there["ica_efficiency"] == pytest.approx(here["ica_efficiency"], abs=1e-6)


def test_fit_finds_the_same(run, files, address, tmp_path, strict_json):
    out = ("--out", tmp_path / "ica.safetensors", "--json")
    here, there = (
        strict_json(run("fit", files[1], *out, *more).stdout)
        for more in ((), ("--scheduler", address))
    )
    for one, other in zip(here, there, strict=True):
        assert one["negentropy"] == pytest.approx(other["negentropy"], rel=1e-6)


def test_no_scheduler_is_said_in_one_line(run, files, monkeypatch):
    monkeypatch.setattr("nearid.cli.cluster.PATIENCE", 0.2)
    result = run("compare", *files, "--scheduler", "tcp://127.0.0.1:1")
    assert result.exit_code == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in result.stderr


def test_layers_are_not_sent(run, files):
    result = run("compare", *files, "--layerwise", "--scheduler", "tcp://127.0.0.1:1")
    assert result.exit_code == 2
    assert "layers are compared here" in result.stderr
