"""Drawn cells: every factor shows, nothing else does, and nuclei are as real ones."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kurtosis

from nearid.datasets import cells, nuclei, oracle, screen
from nearid.datasets.cell_images import BIOLOGICAL, CHANNELS, TECHNICAL, field, render
from nearid.datasets.cell_statistics import nucleus_statistics
from nearid.errors import InputError

N = 200
SMALL = {"n_plates": 4, "n_perturbations": 3, "n_wells": 2, "n_controls": 4, "n_cells": 5}


def drawn(biology=None, technical=None, n=N, **options):
    z, marks = np.zeros((n, len(BIOLOGICAL))), np.zeros((n, len(TECHNICAL)))
    marks[:, list(TECHNICAL).index("density")] = -50  # nobody beside
    for table, traits, given in ((z, BIOLOGICAL, biology), (marks, TECHNICAL, technical)):
        for name, value in (given or {}).items():
            table[:, list(traits).index(name)] = value
    return render(z, marks, dtype="float32", random_state=0, **options)


def measured(images):
    return nucleus_statistics(np.rint(255 * images[:, 0]).astype(np.uint8)).mean()


def test_nuclei_measure_what_they_were_given():
    plain, large, long = (
        measured(drawn({name: 2.0} if name else None))
        for name in ("", "nucleus_area", "nucleus_eccentricity")
    )
    assert plain["area"] == pytest.approx(150, rel=0.1)
    assert large["area"] / plain["area"] == pytest.approx(np.exp(2 * 0.22), rel=0.1)
    assert plain["eccentricity"] == pytest.approx(0.68, abs=0.06)
    assert long["eccentricity"] > 0.82


def test_a_larger_picture_shows_the_same_larger():
    small, large = measured(drawn()), measured(drawn(size=80))
    assert large["area"] / small["area"] == pytest.approx(4, rel=0.08)


@pytest.mark.parametrize(
    ("factor", "channel"),
    [("nucleus_intensity", 0), ("cell_size", 1), ("organelle_intensity", 2)],
)
def test_phenotypes_show_in_their_channel(factor, channel):
    change = drawn({factor: 3.0}).mean(axis=(0, 2, 3)) / drawn().mean(axis=(0, 2, 3))
    assert change[channel] > 1.2
    assert change.argmax() in (channel, 2, 3)


@pytest.mark.parametrize(("factor", "channel"), [("chromatin_scale", 0), ("reticulum_scale", 2)])
def test_textures_become_coarse(factor, channel):
    def roughness(z):
        shown = drawn({factor: z}, {"blur": -4.0}, size=80)[:, channel, 30:50, 30:50]
        return np.abs(np.diff(shown, axis=2)).mean() / shown.mean()

    assert roughness(3.0) < 0.8 * roughness(0.0)


def test_organelles_spread():
    def reach(images):
        light = images[:, 3].mean(axis=0) - images[:, 3].min()
        away = np.hypot(*(np.indices((40, 40)) - 19.5))
        return (light * away).sum() / light.sum()

    near, far = (reach(drawn({"organelle_spread": z})) for z in (-3.0, 3.0))
    assert far > near + 1


@pytest.mark.parametrize("channel", range(4))
def test_stains_show_in_their_channel_alone(channel):
    name = f"stain_{CHANNELS[channel]}"
    change = drawn(technical={name: 3.0}).mean(axis=(0, 2, 3)) / drawn().mean(axis=(0, 2, 3))
    assert change[channel] > 1.05
    np.testing.assert_allclose(np.delete(change, channel), 1, atol=1e-3)


def test_plates_blur_fog_and_shade():
    base = drawn()
    assert np.diff(drawn(technical={"blur": 3.0}), axis=3).var() < 0.8 * np.diff(base, axis=3).var()
    corner = drawn(technical={"background": 3.0})[:, :, :3, :3].mean()
    assert corner == pytest.approx(0.06 * np.exp(0.9), rel=0.05)
    bright = drawn(technical={"illumination": 2.0})[:, 1].mean(axis=(1, 2))
    assert bright.std() > 2 * base[:, 1].mean(axis=(1, 2)).std()
    crowded = drawn(technical={"density": 3.0})[:, 1].mean()
    assert crowded > base[:, 1].mean() * 1.1


def test_nuclei_are_as_real_ones(data_folder):
    """Quantiles from a tenth to nine tenths: area and intensity to a quarter, eccentricity .06."""
    folder = data_folder / "images"
    with np.load(folder / "dsb2018_nuclei_crops40.npz") as archive:
        crops = archive["x"]
    batch = pd.read_parquet(folder / "dsb2018_nuclei_meta.parquet")["batch"]
    real = np.random.default_rng(0).permutation(crops[(batch == "256x256_gray").to_numpy()])[:1500]
    tables = [nucleus_statistics(images) for images in (real, nuclei(1500, random_state=3))]
    found = [table[table["touches"] == 0].quantile([0.1, 0.25, 0.5, 0.75, 0.9]) for table in tables]
    for name in ("area", "intensity"):
        np.testing.assert_allclose(found[1][name], found[0][name], rtol=0.25)
    np.testing.assert_allclose(found[1]["eccentricity"], found[0]["eccentricity"], atol=0.06)


def test_a_screen_on_average():
    """Plates share no mark; only the perturbed respond; means move by penetrance times effect."""
    table = screen(**SMALL | {"n_cells": 200, "penetrance": 0.3}, size=None, random_state=1).table
    control = table["Metadata_control"] == 1
    assert not table.loc[control, "Metadata_responds"].any()
    assert table.loc[~control, "Metadata_responds"].mean() == pytest.approx(0.3, abs=0.02)
    counts = table.groupby(["Metadata_Plate", "Metadata_Perturbation"])["Metadata_Well"].nunique()
    assert set(counts.xs("control", level=1)) == {4}
    assert set(counts.drop("control", level=1)) == {2}
    means = table.groupby("Metadata_Perturbation")[list(BIOLOGICAL)].mean()
    moved = means.loc[["p1", "p2", "p3"]].to_numpy()
    np.testing.assert_allclose(np.diag(moved[:, :3]), 1.2, atol=0.2)
    assert np.abs(moved - np.eye(3, 8) * moved).max() < 0.1


def test_gaussian_phenotypes_have_the_same_means_and_no_tails():
    """What ICA sees is gone: the perturbed cells' kurtosis, and nothing else."""
    shape = SMALL | {"n_cells": 400, "size": None, "random_state": 0}
    partial, full = (screen(**shape, phenotype=kind).table for kind in ("partial", "gaussian"))
    of_first = [table[table["Metadata_Perturbation"] == "p1"] for table in (partial, full)]
    means = [part["nucleus_area"].mean() for part in of_first]
    assert means[0] == pytest.approx(means[1], abs=0.15)
    assert kurtosis(of_first[1]["nucleus_area"]) == pytest.approx(0, abs=0.2)
    assert of_first[0]["nucleus_area"].std() > 1.5
    assert kurtosis(partial["nucleus_area"]) > kurtosis(full["nucleus_area"]) + 0.5


def test_without_batch_strength_plates_are_alike():
    assert not screen(**SMALL, batch=0.0, size=None, random_state=0).technical.any()
    marks = screen(**SMALL, size=None, random_state=0).table
    stain = marks.groupby("Metadata_Plate")["stain_nucleus"]
    assert (stain.nunique() == 1).all()
    assert stain.first().std() > 0.2
    edge = marks.groupby(["Metadata_Plate", "Metadata_edge"])["background"].mean().unstack()
    np.testing.assert_allclose(edge[1] - edge[0], 1)


def test_the_same_seed_draws_the_same_screen():
    first, again, other = (screen(**SMALL, random_state=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.images, again.images)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert (first.images != other.images).any()


def test_an_oracle_holds_all_factors():
    drawn_screen = screen(**SMALL, size=None, random_state=0)
    features = oracle(drawn_screen.table, noise=0.0, random_state=0)
    factors = np.hstack([drawn_screen.biology, drawn_screen.technical])
    solved = np.linalg.lstsq(features, factors, rcond=None)[0]
    np.testing.assert_allclose(features @ solved, factors, atol=1e-8)


def test_fields_hold_their_cells():
    image, centres = field(np.zeros((6, 8)), np.zeros(10), size=160, cell_size=40, random_state=0)
    for row, column in centres.round().astype(int):
        assert image[0, row, column] > 3 * np.median(image[0])


def test_the_grid_of_factors_is_a_data_set():
    """A picture depends on its index alone, whatever is asked for beside it."""
    grid = cells(24)
    both = grid.images([7, 300_000])
    np.testing.assert_array_equal(both[1], grid.images([300_000])[0])
    assert grid.n_images == 5**8
    assert not any(grid.circular)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"n_plates": 0}, "n_plates is a whole number from 1; got 0"),
        ({"n_cells": 1.5}, "n_cells is a whole number"),
        ({"phenotype": "odd"}, "phenotype must be one of partial, gaussian; got 'odd'"),
        ({"penetrance": 1.2}, "penetrance is from 0 to 1"),
        ({"batch": -1.0}, "batch from 0"),
        ({"size": 4}, "size must be a side of at least 8"),
        ({"dtype": "int8"}, "dtype must be uint8 or float32"),
    ],
)
def test_bad_screens_are_refused(options, told):
    with pytest.raises(InputError, match=told):
        screen(**SMALL | options)


def test_bad_cells_are_refused():
    with pytest.raises(InputError, match=r"biology must be of shape \(n, 8\)"):
        render(np.zeros((2, 3)), np.zeros((2, 10)))
    with pytest.raises(InputError, match="row 1 is not"):
        render(np.array([[0.0] * 8, [np.nan] * 8]), np.zeros((2, 10)))
    with pytest.raises(InputError, match="the same cells; got 2 and 3 rows"):
        render(np.zeros((2, 8)), np.zeros((3, 10)))
    with pytest.raises(InputError, match="a field must be as wide"):
        field(np.zeros((2, 8)), np.zeros(10), size=20)
    with pytest.raises(InputError, match="choose one channel"):
        nucleus_statistics(np.zeros((2, 4, 40, 40), dtype=np.uint8))
    with pytest.raises(InputError, match="the table has no factor nucleus_area"):
        oracle(pd.DataFrame({"x": [1.0]}))


def test_a_picture_of_nothing_measures_nothing():
    assert nucleus_statistics(np.full((1, 20, 20), 7, dtype=np.uint8)).isna().all(axis=None)
