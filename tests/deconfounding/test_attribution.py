"""Shares against sums written out, p-values against their null, and what a filter removes."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from nearid import LatentICA
from nearid.deconfounding import attribute_components, group_shares
from nearid.deconfounding.permutations import permutation_p
from nearid.errors import InputError
from nearid.rows import Rows

ASKED = {"batch": "Metadata_Plate", "label": "Metadata_Label", "n_permutations": 99}


@pytest.fixture(scope="module")
def fitted(frame):
    """An ICA of all wells."""
    return LatentICA(random_state=0).fit(frame.filter(like="Cells"))


@pytest.fixture(scope="module")
def found(fitted, frame):
    """What explains its components."""
    return attribute_components(fitted, frame, **ASKED, covariates=["Metadata_Well"])


def by_hand(y, groups, part):
    """Cross-validated shares, a fold at a time."""
    within = total = 0.0
    for fold in range(part.max() + 1):
        train, test = part != fold, part == fold
        overall = y[train].mean()
        means = {g: y[train & (groups == g)].mean() for g in np.unique(groups[train])}
        guess = np.array([means.get(g, overall) for g in groups[test]])
        within += ((y[test] - guess) ** 2).sum()
        total += ((y[test] - overall) ** 2).sum()
    return 1 - within / total


def test_shares_are_those_written_out(dtype):
    rng = np.random.default_rng(0)
    groups = rng.choice(list("pqr"), size=200)
    groups[0] = "only here"
    y = (rng.normal(size=(200, 3)) + 100 + 2.0 * np.outer(groups == "p", [1, 0, 3])).astype(dtype)
    part = np.random.default_rng(0).permutation(200) % 5
    shares = group_shares(y, groups)
    expected = [by_hand(y[:, j].astype(float), groups, part) for j in range(3)]
    np.testing.assert_allclose(shares, expected, atol=1e-6 if dtype == np.float32 else 1e-12)


def test_shares_do_not_depend_on_chunks_or_workers():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(300_000, 3))
    groups = rng.choice(list("pqr"), size=len(y))
    one = group_shares(Rows(y), groups)
    np.testing.assert_array_equal(one, group_shares(Rows(y), groups, n_jobs=2))
    assert np.abs(one).max() < 1e-3  # 0 at chance


def test_components_are_told_apart(found):
    table = found.to_frame()
    assert (table["Metadata_Label"] > 0.15).sum() == 1
    assert (table["Metadata_Plate"] > 0.3).sum() == 2
    assert table["Metadata_Well"].max() < 0.1  # position says nothing
    technical = found.technical(0.3)
    assert set(technical) == set(np.flatnonzero(table["Metadata_Plate"] > 0.3))
    assert (table.loc[technical, "p_Metadata_Plate"] == 0.01).all()
    assert table.loc[table["Metadata_Label"].idxmax(), "p_Metadata_Label"] == 0.01


def test_a_filter_takes_new_plates_and_leaves_the_rest(found, fitted, plates):
    new = plates(seed=0)  # the same mixing
    keep = found.drop_technical(0.3)
    values = new.filter(like="Cells")
    codes = keep.transform(values)
    np.testing.assert_array_equal(codes, fitted.transform(values)[:, keep.kept_])
    back = found.drop_technical(0.3, output="features").transform(values)
    again = fitted.transform(pd.DataFrame(back, columns=values.columns))
    np.testing.assert_allclose(again[:, keep.kept_], codes, atol=1e-8)
    np.testing.assert_allclose(again[:, keep.dropped_], 0, atol=1e-8)
    assert back.shape == values.shape


def test_everything_technical_is_refused(found):
    everything = found.table.assign(Metadata_Plate=1.0)
    with pytest.raises(InputError, match="none would be left"):
        type(found)(**vars(found) | {"table": everything}).drop_technical(0.5)
    with pytest.raises(InputError, match="share of the variance"):
        found.technical(5)


def test_loading_features_are_named_in_words(found):
    top = found.top_features(3)
    assert len(top) == 3 * 12
    assert top["words"].str.startswith("texture of cells: ").all()
    assert top["correlation"].abs().between(0, 1).all()


def test_p_values_are_uniform_under_the_null():
    """Groups that differ by stratum only: permuting within strata must not call them different."""
    rng = np.random.default_rng(0)
    stratum = np.repeat(list("pqrs"), 30)
    shift = np.repeat([0.0, 2.0, 4.0, 6.0], 30)[:, None]
    codes = rng.normal(size=(120, 300)) + shift
    odds = np.repeat([0.2, 0.4, 0.6, 0.8], 30)  # the label leans with the stratum
    groups = np.where(rng.random(120) < odds, "a", "b")
    p = permutation_p(
        codes, groups, within=stratum, units=np.arange(120), n_permutations=199, rng=rng
    )
    assert kstest(p, "uniform").pvalue > 0.01
    free = permutation_p(
        codes, groups, within=np.full(120, "x"), units=np.arange(120), n_permutations=199, rng=rng
    )
    assert np.median(free) < 0.05  # without the restriction the stratum is taken for the label


def test_units_are_permuted_whole():
    """Cells of a well share its shift: by cells the label seems to matter, by wells it does not."""
    rng = np.random.default_rng(1)
    well = np.repeat(np.arange(24), 20)
    groups = np.where(well % 2, "a", "b")
    codes = rng.normal(size=(480, 200)) + np.repeat(rng.normal(size=(24, 200)), 20, axis=0)
    same = {"within": np.full(480, "x"), "n_permutations": 199, "rng": rng}
    by_well = permutation_p(codes, groups, units=well, **same)
    by_cell = permutation_p(codes, groups, units=np.arange(480), **same)
    assert (by_well < 0.05).mean() < 0.1
    assert (by_cell < 0.05).mean() > 0.4


def test_cautions(fitted, frame):
    cells = pd.concat([frame, frame], ignore_index=True)
    found = attribute_components(fitted, cells, **ASKED, max_rows=100)
    assert any("p-values are of 100 rows" in warning for warning in found.warnings)
    assert any("not independent" in warning for warning in found.warnings)
    by_well = attribute_components(fitted, cells, **ASKED, unit="Metadata_Well")
    assert by_well.warnings == ()


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda f: f.drop(columns="Cells_Texture_0"), {}, "11 features, but the ICA was fitted on"),
        (lambda f: f.assign(Metadata_Label="a"), {}, "can explain nothing"),
        (lambda f: f, {"n_folds": 1}, "n_folds must be from 2"),
        (lambda f: f, {"covariates": ["Metadata_Day"]}, "no column Metadata_Day"),
    ],
)  # fmt: skip
def test_bad_input_is_named(fitted, frame, change, settings, message):
    with pytest.raises(InputError, match=message):
        attribute_components(fitted, change(frame), **ASKED | settings)
