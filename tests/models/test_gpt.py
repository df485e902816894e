from functools import partial

import numpy as np
import pytest
import torch

from nearid.errors import InputError
from nearid.models import gpt, initialise, mlp_autoencoder, tiny_gpt, train, train_runs
from nearid.models.data import as_data

SMALL = partial(tiny_gpt, 5, context=8, width=16, depth=2, heads=2)


@pytest.fixture
def windows():
    """A cycle of five tokens, from all its beginnings."""
    return (np.arange(9) + np.arange(40)[:, None]) % 5


@pytest.mark.parametrize("pre_norm", [True, False])
def test_no_token_sees_a_later_one(pre_norm):
    model = initialise(partial(SMALL, pre_norm=pre_norm), 0)
    tokens = torch.arange(8)[None] % 5
    other = tokens.clone()
    other[0, 5:] = 0
    first, second = model(tokens), model(other)
    torch.testing.assert_close(first[:, :5], second[:, :5])
    assert not torch.allclose(first[:, 5:], second[:, 5:])


def test_the_order_of_earlier_tokens_matters():
    model = initialise(SMALL, 0)
    first, second = (model(torch.tensor([order])) for order in ([1, 2, 3], [2, 1, 3]))
    assert not torch.allclose(first[0, -1], second[0, -1])


def test_an_untrained_model_is_near_a_guess(windows):
    loss = initialise(SMALL, 0).loss(torch.from_numpy(windows))
    assert float(loss.detach()) == pytest.approx(np.log(5), abs=0.05)


@pytest.mark.parametrize("pre_norm", [True, False])
def test_a_cycle_is_learnt(windows, pre_norm):
    model = initialise(partial(SMALL, pre_norm=pre_norm), 0)
    run = train(model, windows, steps=150, lr=1e-2, batch_size=None)
    assert run.losses[-1] < 0.1
    predicted = run.model(torch.from_numpy(windows[:, :-1])).argmax(dim=2)
    assert (predicted.numpy() == windows[:, 1:]).mean() > 0.99


def test_tokens_stay_whole_numbers_and_other_data_do_not(windows):
    assert as_data(windows, tokens=True).dtype == torch.int64
    assert as_data(windows.astype("f"), tokens=True).dtype == torch.float32
    with pytest.raises(InputError, match=r"floating numbers; got torch\.int64"):
        train(mlp_autoencoder(9, 2), windows, steps=2)
    with pytest.raises(InputError, match=r"floating numbers; got torch\.int32"):
        as_data(windows.astype(np.int32), tokens=True)


def test_the_same_seed_gives_the_same_bits_after_an_interruption(windows, tmp_path):
    options = {"steps": 6, "batch_size": 8, "seed": 1}
    whole = train(initialise(SMALL, 1), windows, **options)

    def stop(step, steps, loss):
        if step == 4:
            raise KeyboardInterrupt

    folder = {"checkpoint_dir": tmp_path, "checkpoint_every": 2}
    with pytest.raises(KeyboardInterrupt):
        train(initialise(SMALL, 1), windows, **options, **folder, progress=stop)
    rest = train(initialise(SMALL, 1), windows, **options, **folder)
    assert rest.resumed_from == 4
    np.testing.assert_array_equal(rest.losses, whole.losses)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(rest.model.state_dict()[name], value)


def test_runs_are_cached(windows, tmp_path):
    options = {"seeds": [0, 1], "steps": 2, "n_jobs": 1, "cache_dir": tmp_path}
    train_runs(SMALL, windows, **options)
    assert [run.resumed_from for run in train_runs(SMALL, windows, **options)] == [2, 2]
    post_norm = partial(SMALL, pre_norm=False)
    assert [run.resumed_from for run in train_runs(post_norm, windows, **options)] == [0, 0]


def test_the_class_has_a_name():
    assert type(SMALL()) is gpt.TinyGPT
    with pytest.raises(AttributeError, match="no attribute 'HugeGPT'"):
        gpt.HugeGPT  # noqa: B018  (the access is the test)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"heads": 3}, "multiple of the heads; got 16 and 3"), ({"depth": 0}, "sizes of layers")],
)
def test_wrong_sizes_have_messages(change, message):
    with pytest.raises(InputError, match=message):
        SMALL(**change)


def test_a_window_beyond_the_context_is_refused():
    with pytest.raises(InputError, match="up to 8 tokens"):
        SMALL()(torch.zeros(1, 9, dtype=torch.int64))
