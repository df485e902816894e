import os
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from nearid.errors import InputError
from nearid.models import initialise, mlp_autoencoder, train_runs
from nearid.models.checkpoint import FILE

FACTORY = partial(mlp_autoencoder, 6, 2, widths=(8,))


@pytest.fixture
def data():
    return np.random.default_rng(0).normal(size=(100, 6)).astype("f")


def weights(runs):
    return [
        {name: tensor.numpy().tobytes() for name, tensor in run.model.state_dict().items()}
        for run in runs
    ]


def test_seeds_are_runs_of_their_own_in_the_order_given(data):
    runs = train_runs(FACTORY, data, seeds=[5, 2], steps=3, n_jobs=1)
    assert [run.seed for run in runs] == [5, 2]
    assert weights(runs)[0] != weights(runs)[1]
    assert weights(train_runs(FACTORY, data, seeds=[2], steps=3)) == weights(runs)[1:]


def test_processes_give_the_same_bits_as_none(data, tmp_path):
    told = []
    many = train_runs(
        FACTORY, data, seeds=[0, 1], steps=5, n_jobs=2, cache_dir=tmp_path,
        progress=lambda *numbers: told.append(numbers),
    )  # fmt: skip
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert weights(many) == weights(train_runs(FACTORY, data, seeds=[0, 1], steps=5, n_jobs=1))
    told.clear()
    train_runs(
        FACTORY, data, seeds=[0, 1], steps=5, n_jobs=2, cache_dir=tmp_path,
        progress=lambda *numbers: told.append(numbers),
    )  # fmt: skip
    assert told == [(2, 2)]  # no process was needed


def test_finished_runs_are_read_from_the_cache(data, tmp_path):
    first = train_runs(FACTORY, data, seeds=[0, 1], steps=3, n_jobs=1, cache_dir=tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob(f"*/{FILE}")}
    assert len(stamps) == 2
    again = train_runs(FACTORY, data, seeds=[1, 0], steps=3, n_jobs=1, cache_dir=tmp_path)
    assert [run.resumed_from for run in again] == [3, 3]
    assert weights(again) == weights(first)[::-1]
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.glob(f"*/{FILE}")}


@pytest.mark.parametrize(
    "change",
    [{"lr": 0.5}, {"steps": 4}, {"weight_decay": 1.0}, {"clip": 1.0}, {"data": 2}],
)
def test_whatever_determines_a_run_misses_the_cache(data, tmp_path, change):
    options = {"steps": 3, "n_jobs": 1, "cache_dir": tmp_path, "seeds": [0]}
    train_runs(FACTORY, data, **options)
    other = change.pop("data", 1) * data
    assert train_runs(FACTORY, other, **(options | change))[0].resumed_from == 0
    assert len(list(tmp_path.glob(f"*/{FILE}"))) == 2


def test_where_and_how_often_it_is_kept_does_not_matter(data, tmp_path):
    options = {"steps": 3, "n_jobs": 1, "cache_dir": tmp_path, "seeds": [0]}
    train_runs(FACTORY, data, **options)
    assert train_runs(FACTORY, data, checkpoint_every=1, **options)[0].resumed_from == 3


def test_nothing_global_changes(data):
    state, threads, here = torch.get_rng_state(), torch.get_num_threads(), os.listdir()
    train_runs(FACTORY, data, seeds=[0], steps=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert os.listdir() == here


def test_initial_weights_are_a_function_of_the_seed():
    make = partial(nn.Linear, 3, 3)
    assert torch.equal(initialise(make, 1).weight, initialise(make, 1).weight)
    assert not torch.equal(initialise(make, 1).weight, initialise(make, 2).weight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": []}, "seeds must be different numbers"),
        ({"seeds": [1, 1]}, r"seeds must be different numbers, at least one; got \[1, 1\]"),
        ({"seed": 1}, "seed is set for each run"),
        ({"checkpoint_dir": "x"}, "checkpoint_dir is set for each run"),
        ({"n_jobs": 0}, "n_jobs is a number of processes"),
    ],
)
def test_wrong_arguments_have_messages(data, options, message):
    with pytest.raises(InputError, match=message):
        train_runs(FACTORY, data, **({"seeds": [0, 1], "steps": 2} | options))


def test_a_factory_that_no_process_can_import_is_refused(data):
    with pytest.raises(InputError, match="must be importable"):
        train_runs(lambda: FACTORY(), data, seeds=[0, 1], steps=2, n_jobs=2)
