"""Rows in units: whole ones are held out and drawn, and ICA is not believed for what they share."""

import numpy as np
import pandas as pd
import pytest

from nearid import consensus, layerwise, statistical_identifiability, structural_identifiability
from nearid.errors import InputError
from nearid.identifiability.agreement import measure_agreement, sums_of
from nearid.identifiability.ladder import whitened_frame
from nearid.identifiability.residuals import Bags
from nearid.identifiability.runs import split_rows
from nearid.identifiability.structural_scores import PARTS, _parts
from nearid.identifiability.units import bags_of, unit_codes
from nearid.rows import Rows


def in_wells(n_wells, n_cells, d, rng, *, draw="normal", apart=1.0):
    """Draw cells of wells that differ by more than cells of one do."""
    of_well = np.repeat(np.arange(n_wells), n_cells)
    of = getattr(rng, draw)
    cells = apart * of(size=(n_wells, d))[of_well] + 0.3 * of(size=(n_wells * n_cells, d))
    return cells, of_well


class TestCodes:
    def test_columns_name_a_unit_together(self):
        metadata = {"plate": np.array(["p", "p", "q", "q"]), "well": np.array([1, 2, 1, 1])}
        run = Rows(np.zeros((4, 1)), metadata=metadata)
        assert unit_codes([run], "well").tolist() == [0, 1, 0, 0]
        assert unit_codes([run], "plate, well").tolist() == [0, 1, 2, 2]

    def test_a_column_of_any_run_will_do(self):
        runs = [Rows(np.zeros((2, 1))), Rows(np.zeros((2, 1)), metadata={"w": np.array([5, 5])})]
        assert unit_codes(runs, "w").tolist() == [0, 0]

    def test_a_name_with_a_comma_is_a_name_first(self):
        run = Rows(np.zeros((2, 1)), metadata={"a,b": np.array([1, 1])})
        assert unit_codes([run], "a,b").tolist() == [0, 0]

    @pytest.mark.parametrize("missing", [None, np.nan, "", pd.NA])
    def test_missing_labels_are_refused(self, missing):
        with pytest.raises(InputError, match="unit of 1 of 3 rows is missing, first of row 1"):
            unit_codes([Rows(np.zeros((3, 1)))], ["a", missing, "b"])

    def test_other_lengths_and_names_are_refused(self):
        run = Rows(np.zeros((3, 1)), metadata={"Metadata_Well": np.array(["a", "b", "c"])})
        with pytest.raises(InputError, match=r"each of the 3 rows of run.*shape \(2,\)"):
            unit_codes([run], ["a", "b"])
        with pytest.raises(InputError, match=r"no column 'Metadata_well'.*did you mean Metadata_W"):
            unit_codes([run], "Metadata_well")
        with pytest.raises(InputError, match="pass a label for each row"):
            unit_codes([Rows(np.zeros((3, 1)))], "well")


class TestSplit:
    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("holdout", [0.3, 40])
    def test_no_unit_is_on_both_sides(self, seed, holdout):
        rng = np.random.default_rng(seed)
        units = np.repeat(np.arange(30), rng.integers(1, 8, size=30))
        units = rng.permutation(units)
        train, test = split_rows(len(units), holdout, rng, units)
        assert not set(units[train]) & set(units[test])
        assert sorted([*train, *test]) == list(range(len(units)))
        wanted = holdout if isinstance(holdout, int) else holdout * len(units)
        assert abs(len(test) - wanted) <= 4  # half of the largest unit

    def test_fewer_than_four_units_are_refused(self):
        with pytest.raises(InputError, match="come in 3 units: at least 4"):
            split_rows(30, 0.5, np.random.default_rng(0), np.repeat([0, 1, 2], 10))

    def test_each_side_gets_two_even_of_uneven_units(self):
        units = np.repeat(np.arange(4), [97, 1, 1, 1])
        for seed in range(10):
            train, test = split_rows(100, 0.5, np.random.default_rng(seed), units)
            assert min(len(set(units[train])), len(set(units[test]))) >= 2


class TestBags:
    def test_units_of_one_row_are_rows(self):
        values = np.random.default_rng(0).normal(size=(50, 3))
        alone = Bags.draw(50, 20, np.random.default_rng(1))
        units = Bags.draw(50, 20, np.random.default_rng(1), np.arange(50))
        np.testing.assert_array_equal(alone.means(values), units.means(values))

    def test_a_bag_is_drawn_whole(self):
        units = np.array([2, 0, 1, 0, 2, 2])
        values = np.array([10.0, 1, 5, 3, 20, 30])[:, None]
        bags = Bags.draw(6, 500, np.random.default_rng(0), units)
        sums, sizes = np.array([4.0, 5, 60]), np.array([2.0, 1, 3])
        expected = (bags.weights @ sums) / (bags.weights @ sizes)
        np.testing.assert_allclose(bags.means(values)[:, 0], expected)

    def test_the_spread_is_that_of_means_of_units(self):
        rng = np.random.default_rng(0)
        x, units = in_wells(300, 20, 1, rng)
        spread = Bags.draw(len(x), 2000, rng, units).means(x).std()
        of_means = x.reshape(300, 20).mean(axis=1).std() / np.sqrt(300)
        assert spread == pytest.approx(of_means, rel=0.05)
        assert Bags.draw(len(x), 2000, rng).means(x).std() < of_means / 3

    def test_more_units_than_bags_share_them(self):
        bags = bags_of(np.random.default_rng(0).permutation(10), most=4)
        assert sorted(np.bincount(bags)) == [2, 2, 3, 3]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_column_is_its_labels(dtype):
    rng = np.random.default_rng(0)
    x, units = in_wells(40, 10, 3, rng)
    runs = [x.astype(dtype), (x + 0.1 * rng.normal(size=x.shape)).astype(dtype)]
    told = statistical_identifiability(runs, unit=units, ica=False, random_state=0).pairs
    again = statistical_identifiability(
        [Rows(run, f"run {m}", metadata={"w": units}) for m, run in enumerate(runs)],
        unit="w",
        ica=False,
        random_state=0,
    ).pairs
    pd.testing.assert_frame_equal(told, again)


def test_intervals_are_wider_by_what_rows_of_a_unit_share():
    rng = np.random.default_rng(0)
    x, units = in_wells(60, 20, 3, rng)
    noise = np.exp(rng.normal(size=60))[units, None] * rng.normal(size=x.shape)  # of the well
    runs = [x, x + 0.2 * noise]
    widths = []
    for unit in (None, units):
        row = statistical_identifiability(runs, unit=unit, ica=False, random_state=0).pairs.iloc[0]
        widths.append(row["ci_high"] - row["ci_low"])
    assert widths[1] > 1.5 * widths[0]


def test_what_gaussian_wells_have_in_common_by_chance_is_no_verdict():
    """Two linear maps of the same cells; ICA of each finds the chance structure of the wells."""
    believed = {"rows": 0, "units": 0}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x, units = in_wells(60, 30, 4, rng)
        runs = [x, x @ rng.normal(size=(4, 4))]
        for name, unit in (("rows", None), ("units", units)):
            found = statistical_identifiability(
                runs, unit=unit, n_components=4, n_bootstrap=50, n_null=1, random_state=seed
            )
            believed[name] += found.verdict_whitened == "ica"
    assert believed["units"] == 0
    assert believed["rows"] > 0  # the control: what the rows alone would say


def test_true_components_of_many_wells_are_a_verdict():
    rng = np.random.default_rng(0)
    x, units = in_wells(1500, 6, 3, rng, draw="laplace", apart=0.6)
    found = statistical_identifiability(
        [x, x @ rng.normal(size=(3, 3))], unit=units, n_components=3, n_null=1, random_state=0
    )
    assert found.verdict_whitened == "ica"
    assert "rows come in 1500 units, of which 750 are held out" in found.warnings


def test_wells_that_rows_share_are_pointed_out():
    metadata = {
        "Metadata_Plate": np.repeat(["p", "q"], 50),
        "Metadata_Well": np.tile(np.arange(50), 2),
    }
    x = np.random.default_rng(0).normal(size=(100, 2))

    def said(**columns):
        run = Rows(x, metadata=columns)
        found = statistical_identifiability([run, x], ica=False, n_null=1, random_state=0)
        return [warning for warning in found.warnings if "unit=" in warning]

    assert said(**metadata) == []  # a row a well: they differ by plate
    [told] = said(**metadata | {"Metadata_Well": np.tile(np.arange(10), 10)})
    assert "share a Metadata_Plate and a Metadata_Well" in told
    assert "unit='Metadata_Plate,Metadata_Well'" in told


def test_few_units_are_pointed_out():
    x, units = in_wells(8, 20, 2, np.random.default_rng(0))
    found = statistical_identifiability([x, x], unit=units, ica=False, random_state=0)
    assert any("4 are held out: so few" in warning for warning in found.warnings)


def test_structural_intervals_of_units():
    rng = np.random.default_rng(0)
    factors, units = in_wells(100, 10, 2, rng, draw="uniform")
    codes = factors @ rng.normal(size=(2, 2)) + 0.1 * rng.normal(size=factors.shape)
    call = {"metrics": ["mcc"], "n_null": 1, "random_state": 0}
    found = structural_identifiability(codes, factors, unit=units, **call)
    alone = structural_identifiability(codes, factors, **call)
    assert found.settings["unit"] == "labels of rows"
    assert np.isfinite(found.scores["ci_low"]).all()
    assert not found.ladder["ci_low"].equals(alone.ladder["ci_low"])
    with pytest.raises(InputError, match="4 units are held out"):
        structural_identifiability(codes[:80], factors[:80], unit=units[:80], **call)


def test_fifths_of_whole_units():
    units = np.random.default_rng(0).integers(12, size=200)
    parts = _parts(200, units, np.random.default_rng(1))
    assert len(parts) == PARTS
    assert sorted(np.concatenate(parts)) == list(range(200))
    owners = [set(units[part]) for part in parts]
    assert sum(map(len, owners)) == len(set(units))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_agreement_of_units_of_one_row_is_that_of_rows(n_jobs):
    rng = np.random.default_rng(0)
    z = rng.laplace(size=(400, 3))
    runs = [Rows(z + 0.5 * rng.normal(size=z.shape)) for _ in range(3)]
    frame = whitened_frame([np.zeros(3)] * 3, [np.eye(3)] * 3, ica=None, n_random=1, rng=rng)
    found = [
        measure_agreement(
            runs, frame, n_bootstrap=50, n_null=1, n_jobs=n_jobs, units=u,
            rng=np.random.default_rng(1),
        )
        for u in (None, np.arange(400))
    ]  # fmt: skip
    np.testing.assert_allclose(found[0].low, found[1].low, atol=1e-12)
    np.testing.assert_allclose(found[0].correlation, sums_of(runs, frame, 1).correlation())


def test_agreement_across_chunks_and_bags():
    """More units than bags, and units that chunks cut: the sums are those of all rows."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200_000, 2)).astype(np.float32)
    runs = [Rows(z + rng.normal(size=z.shape).astype(np.float32)) for _ in range(2)]
    frame = whitened_frame([np.zeros(2)] * 2, [np.eye(2)] * 2, ica=None, n_random=1, rng=rng)
    found = measure_agreement(
        runs,
        frame,
        n_bootstrap=20,
        n_null=1,
        n_jobs=2,
        rng=rng,
        units=rng.integers(3, size=200_000),
    )
    np.testing.assert_allclose(found.correlation, sums_of(runs, frame, 1).correlation(), rtol=1e-10)


def test_consensus_and_layers_take_units():
    rng = np.random.default_rng(0)
    x, units = in_wells(300, 6, 3, rng, draw="laplace")
    runs = [x @ np.linalg.qr(rng.normal(size=(3, 3)))[0] + 0.05 * rng.normal(size=x.shape)] * 2
    found = consensus(runs, unit=units, n_null=1, random_state=0)
    assert "rows come in 300 units, of which 150 are held out" in found.warnings
    assert found.components["replication"].between(0, 1).all()
    layers = layerwise({"a": x}, {"a": runs[0]}, unit=units, n_null=1, random_state=0)
    assert any("300 units" in warning for warning in layers.warnings)
    assert layers.pairs["relative"].iloc[0] < 0.1
