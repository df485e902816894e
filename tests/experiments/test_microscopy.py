"""Held-out plates: nothing leaks, rotations do not fool L2, and both controls do as they must."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from nearid.datasets import oracle, screen
from nearid.errors import InputError
from nearid.experiments.microscopy import (
    Protocol,
    codes_of_plates,
    held_out_scores,
    lessons,
    wells_of,
)
from nearid.experiments.microscopy_drop import drop_scores, kept_axes
from nearid.experiments.microscopy_encoders import Encoder, embed_crops, encoder, turned
from nearid.experiments.microscopy_purity import purity_scores
from nearid.experiments.microscopy_verdict import bars, gain, verdict
from nearid.experiments.microscopy_worlds import Worlds, measure_world, measure_worlds

SHAPE = {"n_plates": 5, "n_perturbations": 2, "n_wells": 3, "n_controls": 5, "n_cells": 6}
QUICK = Protocol(8, budget=4, n_random=1)
TINY = Worlds(
    1, 1, n_plates=4, n_perturbations=2, n_wells=2, n_controls=5, n_cells=5, size=16,
    protocol=replace(QUICK, levels=("well",)),
    encoder=Encoder(4, 16, 1, epochs=1, batch=32), harmony=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def world():
    drawn = screen(**SHAPE, size=None, random_state=0)
    return oracle(drawn.table, random_state=0), drawn.table


def test_nothing_fitted_sees_the_held_out_plate(world):
    """Rows that shout are planted in a plate; whatever was fitted without it stays as it was."""
    features, table = world
    planted = features.copy()
    here = (table["Metadata_Plate"] == "plate2").to_numpy()
    planted[here] += 100 * np.arange(features.shape[1])
    pairs = zip(
        codes_of_plates(features, table, QUICK, seed=0),
        codes_of_plates(planted, table, QUICK, seed=0),
        strict=True,
    )
    seen = 0
    for before, after in pairs:
        if before.plate == "plate2":
            np.testing.assert_array_equal(before.values[~here], after.values[~here])
            seen += 1
    assert seen == 4


def test_l2_is_blind_to_rotations(world):
    scores = held_out_scores(*world, replace(QUICK, classifiers=("l2",)), seed=0)
    keys = ["plate", "perturbation", "level"]
    table = scores.pivot(index=keys, columns="method", values="auroc")
    rotated = table[["pca", "pca_random", "pca_ica"]].to_numpy()
    assert np.ptp(rotated, axis=1).max() <= 1e-6


def test_lessons_share_no_plate_with_the_test_and_are_drawn_again_alike(world):
    _, wells = wells_of(world[1])
    plates = wells["Metadata_Plate"].to_numpy()
    for (name, first), (_, again) in zip(
        lessons(wells, "plate3", 4, seed=1), lessons(wells, "plate3", 4, seed=1), strict=True
    ):
        assert set(plates[first.test]) == {"plate3"}
        assert "plate3" not in set(plates[first.train])
        np.testing.assert_array_equal(first.train, again.train)
        acting = wells["Metadata_Perturbation"].to_numpy()[first.train]
        assert sorted(acting) == sorted([name] * 4 + ["control"] * 4)
    with pytest.raises(InputError, match="the budget is 40"):
        list(lessons(wells, "plate3", 40, seed=1))


@pytest.mark.parametrize(("kind", "helps"), [("oracle", True), ("gaussian", False)])
def test_the_controls(kind, helps):
    """ICA finds partial phenotypes in perfect features, and nothing where all is Gaussian."""
    protocol = Protocol(16, classifiers=("top3",), levels=("well",), n_random=1)
    settings = Worlds(1, 1, n_plates=10, n_perturbations=4, protocol=protocol)
    scores, drops, _ = measure_world(settings, None, (kind, 0))
    found = gain(scores.assign(world=0), "pca_ica", "pca_random", classifier="top3")
    assert drops.empty
    assert (found.low > 0) == helps


def test_axes_of_plates_are_dropped_first():
    rng = np.random.default_rng(0)
    plate = np.repeat(["a", "b", "c"], 40)
    means = rng.standard_normal((120, 4))
    means[:, 2] += 6 * np.repeat([0, 1, 2], 40)
    assert kept_axes(means, plate, 0.5).tolist() == [True, True, False, True]
    assert kept_axes(means[:, 2:3], plate, 0.5).tolist() == [True]


def test_drops_stand_beside_projections(world):
    protocol = replace(QUICK, classifiers=("l1",))
    found = drop_scores(*world, protocol, seed=0, with_harmony=True)
    means = found.groupby("method")[["auroc", "batch_accuracy", "n_kept"]].mean()
    assert set(means.index) == {"pca_drop", "random_drop", "ica_drop", "nap", "harmony"}
    # four plates of training lie in three directions, and those are taken out of eight
    assert means.loc["nap", "n_kept"] == 5
    assert means.loc["nap", "batch_accuracy"] < means.loc["pca_drop", "batch_accuracy"]


def test_embeddings_do_not_depend_on_how_a_crop_lies():
    drawn = screen(n_plates=1, n_cells=1, size=16, random_state=0)
    model = encoder(drawn.images, replace(TINY.encoder, epochs=0), seed=0)
    plain = embed_crops(model, drawn.images)
    assert plain.shape == (len(drawn.images), 16)
    for way in turned(drawn.images):
        np.testing.assert_allclose(embed_crops(model, way), plain, atol=1e-5)


def test_a_training_is_kept(tmp_path):
    images = screen(n_plates=1, n_cells=1, size=16, random_state=0).images
    first, again = (encoder(images, TINY.encoder, seed=0, cache_dir=tmp_path) for _ in range(2))
    np.testing.assert_array_equal(embed_crops(first, images), embed_crops(again, images))
    assert len(list(tmp_path.iterdir())) == 1


def test_worlds_to_bars():
    told = []
    found = measure_worlds(TINY, cache_dir=None, progress=lambda *seen: told.append(seen))
    scores, drops, purities = found
    assert told[-1] == (5, 5, "encoder 1, world 0")
    kinds = ["oracle", "gaussian", "gaussian plates", "untrained", "encoder 1"]
    assert scores["kind"].unique().tolist() == kinds
    assert purities["kind"].unique().tolist() == kinds
    found = bars(scores, drops)
    assert found.loc[0, "met"] == "yes"
    assert set(found["met"].dropna()) <= {"yes", "no"}
    assert found["found"].notna().all()


def test_gains_are_paired():
    """A plate's own difficulty is in both versions, and cancels."""
    rng = np.random.default_rng(0)
    rows = [
        {"world": 0, "plate": f"p{p}", "method": method, "level": "well", "classifier": "l1",
         "auroc": level + better}
        for p, level in enumerate(rng.uniform(0.5, 0.8, size=20))
        for method, better in (("pca_ica", 0.1), ("pca", 0.0))
    ]  # fmt: skip
    found = gain(pd.DataFrame(rows), "pca_ica", "pca", classifier="l1")
    np.testing.assert_allclose([found.value, found.low, found.high], 0.1, atol=1e-9)


def test_a_small_experiment_gives_no_verdict():
    found = pd.DataFrame({"bar": ["a"], "met": ["yes"]})
    sizes = {"n_worlds": 5, "n_encoders": 3, "n_plates": 30, "epochs": 40}
    assert verdict(found, sizes) == "reproduced: all bars are met"
    assert verdict(found, sizes | {"n_plates": 29}).startswith("no verdict")


def test_features_must_fit_the_table(world):
    with pytest.raises(InputError, match="a row per cell"):
        held_out_scores(world[0][:-1], world[1], QUICK, seed=0)
    with pytest.raises(InputError, match="at least 40 numbers"):
        held_out_scores(*world, replace(QUICK, n_components=40), seed=0)


def test_purity_on_seen_plates_is_not_that_on_new_ones():
    """Noise alone: where few plates were fitted, their factors seem to explain it."""
    drawn = screen(**SHAPE | {"n_plates": 10}, size=None, random_state=0)
    noise = np.random.default_rng(0).standard_normal((len(drawn.table), 12))
    found = purity_scores(noise, drawn.table, QUICK, seed=0)
    assert set(found["method"]) == {"pca", "pca_random", "pca_ica"}
    assert found["explained"].mean() < 0.02
    assert (found["seen"] <= 1).all()
    assert (found["seen"] >= 0.5).all()


def test_ica_is_purer_where_factors_are_linear():
    drawn = screen(**SHAPE | {"n_plates": 20}, size=None, penetrance=0.2, random_state=2)
    perfect = oracle(drawn.table, random_state=2)
    found = purity_scores(perfect, drawn.table, Protocol(18), seed=0).groupby("method").mean()
    assert found.loc["pca_ica", "seen"] > found.loc["pca_random", "seen"] + 0.05
    assert found.loc["pca_ica", "explained"] > 0.5
