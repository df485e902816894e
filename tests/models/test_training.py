import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn

from nearid.errors import InputError, NearIdError
from nearid.io.safetensors import read_safetensors, write_safetensors
from nearid.models import initialise, mlp_autoencoder, train
from nearid.models.checkpoint import FILE, read_checkpoint
from nearid.models.data import as_data
from nearid.models.fingerprint import code, fingerprint
from nearid.models.training import default_loss, learning_rate, plan


@pytest.fixture
def data():
    return np.random.default_rng(0).normal(size=(100, 6)).astype("f")


class Noisy(nn.Module):
    """All that could break determinism: dropout, batch statistics, noise in the loss."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.LeakyReLU(), nn.Linear(16, 6)
        )

    def forward(self, x):
        return self.layers(x + 0.1 * torch.randn_like(x))


@pytest.fixture
def model():
    return initialise(Noisy, 0)


def weights(run):
    return {name: tensor.numpy().tobytes() for name, tensor in run.model.state_dict().items()}


def test_the_same_seed_gives_the_same_bits(model, data):
    first, again = (train(model, data, steps=30, batch_size=16, seed=3) for _ in range(2))
    assert weights(first) == weights(again)
    np.testing.assert_array_equal(first.losses, again.losses)
    other = train(model, data, steps=30, batch_size=16, seed=4)
    assert weights(first) != weights(other)


def test_the_given_model_and_the_global_seed_are_left_alone(model, data):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    train(model.eval(), data, steps=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_two_steps_are_those_of_adamw(data):
    layer = initialise(lambda: nn.Linear(6, 6), 0)
    run = train(layer, data, steps=2, lr=0.1, weight_decay=0.5, batch_size=None, warmup=0)
    weight, bias = (p.detach().clone().requires_grad_() for p in (layer.weight, layer.bias))
    groups = [{"params": [weight], "weight_decay": 0.5}, {"params": [bias], "weight_decay": 0}]
    optimizer = torch.optim.AdamW(groups)
    x = torch.from_numpy(data)
    for rate in (0.1, 0.05):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        ((x @ weight.T + bias - x) ** 2).mean().backward()
        optimizer.step()
    torch.testing.assert_close(run.model.weight, weight)
    torch.testing.assert_close(run.model.bias, bias)


def test_weight_decay_leaves_biases_and_scales_alone(model, data):
    # a loss without gradients: what changes has decayed
    run = train(model, data, steps=5, weight_decay=0.5, lr=0.1, loss=lambda m, x: 0 * m(x).sum())
    start = model.state_dict()
    for name, value in run.model.named_parameters():
        assert torch.equal(value, start[name]) == (value.ndim == 1), name


def test_a_linear_autoencoder_finds_the_principal_subspace():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(500, 2)) @ rng.normal(size=(2, 6)) + 1).astype("f")
    model = initialise(lambda: mlp_autoencoder(6, 2, widths=()), 0)
    run = train(model, x, steps=2000, lr=2e-2, batch_size=None)
    assert run.losses[-1] < 1e-4 * x.var()


def test_the_rate_rises_and_falls():
    settings = plan(steps=200, lr=1.0, warmup=10)
    rates = [learning_rate(settings, step) for step in range(200)]
    assert rates[9] == rates[10] == max(rates) == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 1e-3


def test_the_rate_may_stay():
    settings = plan(steps=200, lr=1.0, warmup=10, schedule="constant")
    assert [learning_rate(settings, step) for step in (4, 9, 10, 199)] == [0.5, 1.0, 1.0, 1.0]


def test_gradients_are_clipped_element_by_element(data):
    # the gradient is the factors themselves: only the last is beyond the bound
    factors = torch.tensor([0.25, -0.5, 4.0])
    seen = {}

    class Layer(nn.Linear):
        def loss(self, batch):
            return (factors * self.weight[0]).sum()

    for clip in (None, 1.0):
        layer = initialise(lambda: Layer(3, 1, bias=False), 0)
        run = train(layer, data[:, :3], steps=2, clip=clip)
        seen[clip] = run.model.weight.grad[0]
    torch.testing.assert_close(seen[None], factors)
    torch.testing.assert_close(seen[1.0], torch.tensor([0.25, -0.5, 1.0]))


def test_an_option_that_is_not_used_leaves_fingerprints_as_they_were(model, data):
    def digest(**options):
        settings = plan(steps=5, **options)
        return fingerprint(model, as_data(data), settings, loss=default_loss, device="cpu")

    assert digest(clip=None, schedule="cosine") == digest()
    assert len({digest(), digest(clip=1.0), digest(clip=2.0), digest(schedule="constant")}) == 4


def test_each_pass_sees_each_row_once(data):
    seen = []

    def loss(model, batch):
        seen.append(batch[:, 0].clone())
        return default_loss(model, batch)

    train(nn.Linear(6, 6), data, steps=10, batch_size=20, loss=loss)
    for half in (seen[:5], seen[5:]):
        np.testing.assert_array_equal(np.sort(torch.cat(half)), np.sort(data[:, 0]))
    assert not torch.equal(torch.cat(seen[:5]), torch.cat(seen[5:]))


SCRIPT = """
import sys, time
import numpy as np, torch
sys.path.insert(0, {here!r})
from test_training import Noisy
from nearid.models import initialise, train
from nearid.models.training import default_loss
torch.set_num_threads(1)
data = np.random.default_rng(0).normal(size=(100, 6)).astype("f")
train(initialise(Noisy, 0), data, steps=60, batch_size=16, seed=3, weight_decay=.1,
      checkpoint_dir={folder!r}, checkpoint_every=1,
      progress=lambda step, steps, loss: time.sleep(0.05 * {slow}))
"""


def test_a_killed_training_goes_on_to_the_same_bits(model, data, tmp_path):
    torch_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = train(model, data, steps=60, batch_size=16, seed=3, weight_decay=0.1)
        step = kill_after_some_steps(tmp_path)
        assert 0 < step < 60
        resumed = train(
            model, data, steps=60, batch_size=16, seed=3, weight_decay=0.1,
            checkpoint_dir=tmp_path,
        )  # fmt: skip
    finally:
        torch.set_num_threads(torch_threads)
    assert resumed.resumed_from == step
    assert weights(resumed) == weights(whole)
    np.testing.assert_array_equal(resumed.losses, whole.losses)


def kill_after_some_steps(folder):
    """Start the training of the test in a process, kill it, and return its last step."""
    script = SCRIPT.format(here=os.path.dirname(__file__), folder=str(folder), slow=1)
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        for _ in range(1200):
            time.sleep(0.05)
            assert process.poll() is None, "it ended before it could be killed"
            if (folder / FILE).exists() and last_step(folder) >= 5:
                break
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    return last_step(folder)


def last_step(folder):
    return int(read_safetensors(folder / FILE)[1]["step"])


def test_a_finished_training_is_read_again(model, data, tmp_path):
    first = train(model, data, steps=5, checkpoint_dir=tmp_path / "new folder")
    again = train(model, data, steps=5, checkpoint_dir=tmp_path / "new folder")
    assert (first.resumed_from, again.resumed_from) == (0, 5)
    assert weights(first) == weights(again)
    np.testing.assert_array_equal(first.losses, again.losses)


def test_another_training_does_not_take_up_the_checkpoint(model, data, tmp_path):
    train(model, data, steps=5, checkpoint_dir=tmp_path)
    for change in ({"lr": 1e-2}, {"seed": 1}, {"steps": 6}, {"loss": lambda m, x: m(x).sum()}):
        options = {"steps": 5} | change
        with pytest.raises(InputError, match="belongs to a training with another model"):
            train(model, data, checkpoint_dir=tmp_path, **options)
    with pytest.raises(InputError, match="belongs to a training with another model"):
        train(model, data + 1, steps=5, checkpoint_dir=tmp_path)


def test_a_damaged_checkpoint_is_named(model, data, tmp_path):
    train(model, data, steps=5, checkpoint_dir=tmp_path)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=FILE):
        train(model, data, steps=5, checkpoint_dir=tmp_path)


def test_checkpoints_hold_the_steps_they_say(model, data, tmp_path):
    digest = train(model, data, steps=4, checkpoint_dir=tmp_path).fingerprint
    found = read_checkpoint(tmp_path, digest)
    assert found.step == len(found.losses) == 4
    assert read_checkpoint(tmp_path / "nowhere", digest) is None
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_progress_is_told(model, data):
    told = []
    train(
        model, data, steps=7, checkpoint_every=3,
        progress=lambda step, steps, loss: told.append((step, steps, math.isnan(loss))),
    )  # fmt: skip
    assert told == [(0, 7, True), (3, 7, False), (6, 7, False), (7, 7, False)]


@pytest.mark.parametrize("change", ["weight", "layer", "data", "device", "loss"])
def test_whatever_determines_a_run_changes_its_fingerprint(model, data, change):
    def digest(model=model, data=data, device="cpu", loss=default_loss):
        return fingerprint(model, as_data(data), plan(steps=5), loss=loss, device=device)

    assert digest() == digest()
    other = initialise(Noisy, 0)
    if change == "weight":
        with torch.no_grad():
            other.layers[0].weight[0, 0] += 1e-6
    if change == "layer":
        other.layers[3].negative_slope = 0.3
    arguments = {
        "weight": {"model": other},
        "layer": {"model": other},
        "data": {"data": data[::-1]},
        "device": {"device": "cuda"},
        "loss": {"loss": lambda m, x: (m(x) - x).abs().mean()},
    }
    assert digest(**arguments[change]) != digest()


def test_what_a_loss_closes_over_is_part_of_it():
    def make(factor):
        return lambda model, batch: factor * default_loss(model, batch)

    assert code(make(2)) != code(make(3))
    assert code(make(2)) == code(make(2))


def test_no_checkpoint_is_a_pickle(model, data, tmp_path):
    train(model, data, steps=2, checkpoint_dir=tmp_path)
    raw = (tmp_path / FILE).read_bytes()
    json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be a whole number from 1; got 0"),
        ({"lr": 0}, "lr must be a number above 0"),
        ({"lr": math.nan}, "lr must be a number above 0"),
        ({"weight_decay": -1}, "weight_decay must be a number from 0"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"batch_size": 0}, "batch_size must be from 1, or None"),
        ({"warmup": 5}, "warmup must be from 0 to below steps"),
        ({"clip": 0}, "clip must be a number above 0, or None; got 0"),
        ({"schedule": "step"}, "schedule must be cosine or constant; got 'step'"),
        ({"checkpoint_every": 0}, "checkpoint_every is a number of steps"),
        ({"data": np.zeros((4, 6), np.uint8)}, "floating numbers; got torch.uint8: scale images"),
        ({"data": np.zeros((0, 6))}, r"have the shape \(n, …\)"),
        ({"data": np.full((4, 6), np.nan)}, "hold 24 NaN or infinite values"),
        ({"model": nn.ReLU()}, "no parameters to train"),
    ],
)
def test_wrong_arguments_have_messages(model, data, options, message):
    arguments = {"model": model, "data": data, "steps": 5} | options
    with pytest.raises(InputError, match=message):
        train(arguments.pop("model"), arguments.pop("data"), **arguments)


def test_a_training_that_diverges_says_where(data):
    with pytest.raises(NearIdError, match="at step 0: the training diverged; lower lr"):
        train(nn.Linear(6, 6), data, steps=5, loss=lambda m, x: m(x).sum() * math.inf)


def test_the_code_of_a_models_class_is_part_of_its_fingerprint(data):
    def make(sign):
        if sign > 0:

            class Model(nn.Linear):
                def forward(self, x):
                    return super().forward(x)

        else:

            class Model(nn.Linear):
                def forward(self, x):
                    return -super().forward(x)

        return initialise(lambda: Model(6, 6), 0)

    first, again, other = (
        fingerprint(make(sign), as_data(data), plan(steps=5), loss=default_loss, device="cpu")
        for sign in (1, 1, -1)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("tensors", "about"),
    [
        ({"losses": np.zeros(1, "f4")}, {"step": "one"}),
        ({"losses": np.zeros(1, "f4")}, {}),
        ({"weights/w": np.zeros(1, "f4"), "losses": np.zeros(1, "f4")}, {"step": "1"}),
        ({"model/w": np.zeros(1, "f4")}, {"step": "1"}),
    ],
)
def test_a_file_that_is_no_state_of_a_training_is_named(tmp_path, tensors, about):
    write_safetensors(tmp_path / FILE, tensors, {"fingerprint": "0123", **about})
    with pytest.raises(InputError, match=rf"{FILE} is no state of a training"):
        read_checkpoint(tmp_path, "0123")
