"""Real networks: five trainings of one architecture, and three depths of another."""

import numpy as np
import pytest

from nearid import statistical_identifiability as compare


@pytest.fixture(scope="module")
def members(data_folder):
    """Five trainings of one network; the ladder is measured once for all tests."""
    with np.load(data_folder / "representations" / "admet_members.npz") as held:
        runs = {f"member_{i}": held[f"member_{i}"] for i in range(5)}
    return compare(runs, n_components=64, random_state=0)


@pytest.fixture(scope="module")
def networks(data_folder):
    """Three networks of different depth."""
    with np.load(data_folder / "representations" / "cifar_resnets.npz") as held:
        runs = {name: held[name] for name in ("resnet20", "resnet32", "resnet44")}
    return compare(runs, n_components=16, random_state=0)


def ladder(result, frame, column="mean"):
    rows = result.overall.query(f"frame == '{frame}'")
    return rows.set_index("group")[column]


def test_the_ladder_of_five_trainings_is_complete(members):
    assert len(members.to_frame()) == 20 * 10
    assert members.to_frame().notna().all(axis=None)
    assert members.settings["n_components"] == 64


@pytest.mark.parametrize("runs", ["members", "networks"])
def test_each_larger_group_leaves_less(runs, request):
    result = request.getfixturevalue(runs)
    native, whitened = ladder(result, "native"), ladder(result, "whitened")
    assert native["identity"] > native["signed_permutation"] > native["rigid"] > native["linear"]
    assert whitened["random"] > whitened["signed_permutation"] > whitened["ica"]
    assert whitened["ica"] > whitened["rigid"] > whitened["linear"]


def test_ica_removes_much_of_what_a_rotation_could(members):
    assert members.ica_efficiency >= 0.40
    low, high = members.ica_efficiency_ci
    assert low < members.ica_efficiency < high
    assert members.efficiencies["efficiency"].between(0.25, 0.75).all()


def test_trainings_are_neither_identical_nor_unrelated(members):
    relative = ladder(members, "native", "relative")
    assert relative["identity"] > 0.5
    assert 0.3 < relative["signed_permutation"] < 0.6
    assert 0.1 < relative["linear"] < 0.25
    assert members.verdict is None  # no group brings them within a tenth of chance
    assert compare_tolerance(members, 0.25) == "linear"


def compare_tolerance(result, tolerance):
    worst = ladder(result, "native", "worst_relative_upper")
    return next((group for group, value in worst.items() if value <= tolerance), None)


def test_the_reader_is_told_what_real_runs_are_like(members):
    said = "\n".join(members.warnings)
    assert "no run has ids" in said
    assert "dimensions are lost" in said
    assert "are ambiguous" in said


def test_depths_differ_by_more_than_trainings(members, networks):
    for group in ("signed_permutation", "rigid", "linear"):
        apart = ladder(networks, "native", "relative")[group]
        assert apart > ladder(members, "native", "relative")[group]
    assert networks.verdict is None


def test_the_figures_of_the_networks_are_near_those_of_the_prototype(networks):
    native, whitened = ladder(networks, "native"), ladder(networks, "whitened")
    found = native[["signed_permutation", "rigid", "linear"]].to_list()
    np.testing.assert_allclose(found, [0.303, 0.210, 0.182], rtol=0.1)
    found = whitened[["signed_permutation", "ica", "rigid"]].to_list()
    np.testing.assert_allclose(found, [0.294, 0.280, 0.246], rtol=0.1)


def test_the_picture_shows_more_of_a_diagonal_after_ica(members):
    shown = members.correlations.matrices
    assert {"own", "pca", "ica"} == set(shown)
    assert np.diag(shown["ica"]).mean() > np.diag(shown["pca"]).mean() + 0.1
    assert shown["ica"].shape == (64, 64)
