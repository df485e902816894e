from functools import partial

import numpy as np
import pytest
import torch

from nearid.errors import InputError
from nearid.models import classifier as make
from nearid.models import initialise, labelled, train, train_runs
from nearid.models.classifier import Classifier  # type: ignore[attr-defined]

SMALL = partial(make, (1, 8, 8), 3, width=4)


@pytest.fixture
def rows():
    """Images of one bright row, whose third is the class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 96)
    images = 0.1 * rng.random((96, 1, 8, 8))
    images[np.arange(96), 0, 3 * labels] += 1
    return labelled(images, labels)


def test_the_layout_is_that_of_resnet_18():
    model = make((3, 32, 32), 10)
    assert sum(p.numel() for p in model.parameters()) == 11_173_962  # the usual one for CIFAR-10
    assert model.pool(model.stages(model.stem(torch.zeros(2, 3, 32, 32)))).shape == (2, 512)


def test_the_loss_is_the_cross_entropy(rows):
    model = initialise(SMALL, 0).eval()
    batch = torch.from_numpy(rows)
    images, labels = batch[:, 1:].reshape(-1, 1, 8, 8), batch[:, 0].long()
    expected = torch.nn.functional.cross_entropy(model(images), labels)
    assert torch.equal(model.loss(batch), expected)


def test_it_learns(rows):
    run = train(initialise(SMALL, 0), rows, steps=40, lr=1e-2, batch_size=32)
    images = torch.from_numpy(rows[:, 1:]).reshape(-1, 1, 8, 8)
    assert (run.model(images).argmax(dim=1).numpy() == rows[:, 0]).mean() > 0.95


def test_the_same_seed_gives_the_same_bits_after_an_interruption(rows, tmp_path):
    options = {"steps": 6, "batch_size": 16, "seed": 1}
    whole = train(initialise(SMALL, 1), rows, **options)

    def stop(step, steps, loss):
        if step == 4:
            raise KeyboardInterrupt

    folder = {"checkpoint_dir": tmp_path, "checkpoint_every": 2}
    with pytest.raises(KeyboardInterrupt):
        train(initialise(SMALL, 1), rows, **options, **folder, progress=stop)
    rest = train(initialise(SMALL, 1), rows, **options, **folder)
    assert rest.resumed_from == 4
    np.testing.assert_array_equal(rest.losses, whole.losses)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(rest.model.state_dict()[name], value)


def test_runs_are_cached(rows, tmp_path):
    options = {"seeds": [0, 1], "steps": 2, "n_jobs": 1, "cache_dir": tmp_path}
    train_runs(SMALL, rows, **options)
    assert [run.resumed_from for run in train_runs(SMALL, rows, **options)] == [2, 2]


def test_labels_come_first():
    images = np.arange(8.0).reshape(2, 1, 2, 2)
    rows = labelled(images, np.array([1, 0], np.uint8))
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[:, 0], [1, 0])
    np.testing.assert_array_equal(rows[:, 1:].reshape(images.shape), images)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(3, int), r"each image has one label; got 2 and shape \(3,\)"),
        (np.zeros(2), "labels are whole numbers from 0; got float64"),
        (np.array([0, -1]), "labels are whole numbers from 0"),
    ],
)
def test_wrong_labels_have_messages(labels, message):
    with pytest.raises(InputError, match=message):
        labelled(np.zeros((2, 4, 4)), labels)


def test_wrong_sizes_have_messages():
    with pytest.raises(InputError, match="sizes of layers"):
        make((1, 8, 8), 0)


def test_the_class_has_a_name():
    assert type(SMALL()) is Classifier
