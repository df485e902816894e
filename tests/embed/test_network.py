"""Torch modules: the numbers of a plain call, to the bit, and the module left as it was found."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from nearid.embed import arrays, embed, texts
from nearid.embed.network import Network
from nearid.errors import InputError


def plain(model, batch):
    """What each part returns in a plain call, copied when it returns."""
    caught = {}
    hooks = [
        part.register_forward_hook(
            lambda _m, _i, out, name=name: caught.update({name: out.clone()})
        )
        for name, part in model.named_modules()
        if name
    ]
    modes = [part.training for part in model.modules()]
    with torch.no_grad():
        caught["output"] = model.eval()(torch.from_numpy(batch))
    for hook in hooks:
        hook.remove()
    for part, training in zip(model.modules(), modes, strict=True):
        part.training = training
    return caught


def state(model):
    """All of a module that embedding might change."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    return [
        (
            part.training,
            [dict(getattr(part, name)) for name in hooks],
            [(p.device, p.dtype, p.requires_grad, p.grad, id(p)) for p in part.parameters()],
            [b.clone() for b in part.buffers()],
        )
        for part in model.modules()
    ]


def same(found, expected):
    """Whether two states are the same, gradients as objects and buffers as numbers."""
    return str(found) == str(expected)


def test_rows_are_those_of_a_plain_call_to_the_bit(convolutions, pictures):
    found = embed(convolutions, pictures, batch_size=4, pool="flatten")
    for start in (0, 4, 8):
        batch = pictures[start : start + 4]
        for name, expected in plain(convolutions, batch).items():
            rows = found.layers[name][start : start + 4]
            assert np.array_equal(rows, expected.flatten(1).numpy()), name


def test_a_layer_is_read_before_the_next_one_writes_into_it(convolutions, pictures):
    found = embed(convolutions, pictures, pool="flatten", layers=["1", "2"])
    assert (found.layers["1"] < 0).any()
    assert np.array_equal(found.layers["2"], np.maximum(found.layers["1"], 0))


def test_the_model_is_left_as_it_was_found(convolutions, pictures):
    convolutions.train()
    convolutions[0].eval()  # a mode of its own
    convolutions[3].requires_grad_(False)
    convolutions(torch.from_numpy(pictures)).sum().backward()
    convolutions[5].register_forward_hook(lambda *_: None)
    before, seed = state(convolutions), torch.get_rng_state()
    gradients = [p.grad for p in convolutions.parameters()]
    embed(convolutions, pictures, device="cpu")
    assert same(state(convolutions), before)
    assert all(p.grad is g for p, g in zip(convolutions.parameters(), gradients, strict=True))
    assert torch.equal(torch.get_rng_state(), seed)
    assert torch.is_grad_enabled()


def test_it_is_left_so_when_it_fails(convolutions, pictures):
    convolutions.train()
    before = state(convolutions)
    with pytest.raises(InputError, match=r"refused a batch of shape \(2, 1, 8, 8\)"):
        embed(convolutions, pictures[:, :1])
    with pytest.raises(KeyboardInterrupt):
        embed(convolutions, pictures, progress=interrupt)
    assert same(state(convolutions), before)


def interrupt(_done, _total):
    raise KeyboardInterrupt


def test_training_mode_would_have_given_other_rows(convolutions, pictures):
    with torch.no_grad():
        trained = convolutions.train()(torch.from_numpy(pictures))
    rows = embed(convolutions, pictures, layers="output").layers["output"]
    assert not np.allclose(rows, trained.numpy(), atol=1e-3)


def test_rows_do_not_depend_on_the_batch(convolutions, pictures):
    alone = embed(convolutions, pictures, batch_size=1)
    together = embed(convolutions, pictures, batch_size=64)
    for name in together.layers:
        np.testing.assert_allclose(alone.layers[name], together.layers[name], atol=1e-5)


def test_layers_come_in_the_order_in_which_they_return(sequences):
    tokens = np.arange(12).reshape(3, 4)
    assert list(embed(sequences, tokens).layers) == ["table", "mix", "output"]
    assert list(embed(sequences, tokens, layers=["mix", "table"]).layers) == ["mix", "table"]


def test_first_of_a_mapping_or_tuple_is_taken(sequences):
    found = embed(sequences, np.arange(12).reshape(3, 4))
    assert np.array_equal(found.layers["output"], found.layers["mix"])
    lstm = nn.LSTM(2, 3, batch_first=True)
    x = np.ones((4, 5, 2), dtype="float32")
    assert embed(lstm, x, pool="cls").layers["output"].shape == (4, 3)


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        (["0", "3 "], "no layer '3 '"),
        ("conv", "no layer 'conv'; it has 0, 1, 2, 3, 4, 5, output"),
        ("outptu", "did you mean output?"),
        ([], "names no layer"),
        ("(", "no regular expression"),
    ],
)
def test_layers_that_are_not_there(convolutions, pictures, layers, said):
    with pytest.raises(InputError, match=re.escape(said)):
        embed(convolutions, pictures, layers=layers)


class Odd(nn.Module):
    """Has layers that cannot be read, each for a reason of its own."""

    def __init__(self):
        super().__init__()
        self.good = nn.Linear(3, 4)
        self.shared = nn.Tanh()
        self.idle = nn.Linear(3, 3)
        self.positions = nn.Embedding(3, 4)
        self.counts = Counts()
        self.several = nn.Identity()

    def forward(self, x):
        h = self.shared(self.shared(self.good(x)))
        self.several([[h]])
        self.counts(h)
        return h + self.positions(torch.zeros(1, dtype=torch.int64))


class Counts(nn.Module):
    def forward(self, x):
        return (x > 0).sum(dim=1, keepdim=True)


ODD = {
    "shared": "runs 2 times in one call",
    "idle": "was not called",
    "positions": "does not begin with the batch",
    "counts": "returns int64",
    "several": "returns no tensor",
}


@pytest.mark.parametrize(("layer", "said"), ODD.items())
def test_a_layer_that_cannot_be_read_is_refused_by_name_and_noted_otherwise(layer, said):
    x = np.ones((5, 3), dtype="float32")
    with pytest.raises(InputError, match=said):
        embed(Odd(), x, layers=[layer])
    found = embed(Odd(), x)
    assert list(found.layers) == ["good", "output"]
    assert any(said in notice and layer in notice for notice in found.notices)


def test_one_input_is_embedded_too(convolutions, pictures):
    assert embed(convolutions, pictures[:1], layers="output").layers["output"].shape == (1, 6)


class Noisy(nn.Module):
    def forward(self, x):
        return x + torch.rand_like(x)


def test_a_model_that_draws_at_random_is_refused():
    seed = torch.get_rng_state()
    with pytest.raises(InputError, match="different numbers for the same inputs"):
        embed(Noisy(), np.ones((3, 2)))
    assert torch.equal(torch.get_rng_state(), seed)


class Fickle(nn.Module):
    """Runs its part twice, or never, for some batches."""

    def __init__(self):
        super().__init__()
        self.part = nn.Identity()

    def forward(self, x):
        for _ in range(int(x[0, 0])):
            x = self.part(x)
        return x


@pytest.mark.parametrize(("times", "said"), [(2, "several times"), (0, "not called for every")])
def test_a_layer_that_runs_at_times_is_refused_when_that_shows(times, said):
    x = np.ones((6, 2), dtype="float32")
    x[4] = times
    with pytest.raises(InputError, match=said):
        embed(Fickle(), x, batch_size=2)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "float64"])
def test_rows_are_of_the_type_that_the_layer_returns(kind):
    model = nn.Linear(3, 2).to(getattr(torch, kind))
    rows = embed(model, np.ones((4, 3))).layers["output"]
    assert rows.dtype == ("float32" if kind == "bfloat16" else kind)  # NumPy has no bfloat16
    with torch.no_grad():
        expected = model(torch.ones(4, 3, dtype=getattr(torch, kind))).double()
    assert np.array_equal(rows.astype(float), expected)


def test_rows_are_kept_in_the_type_that_is_asked_for(convolutions, pictures):
    found = embed(convolutions, pictures)
    half = embed(convolutions, pictures, dtype="float16")
    for name, rows in found.layers.items():
        assert np.array_equal(half.layers[name], rows.astype(np.float16))


def test_ids_are_those_of_the_inputs_and_tokens_add_their_position(sequences, letters):
    x = arrays(np.arange(8).reshape(2, 4), ids=["é", "b"])
    assert embed(sequences, x).ids.tolist() == ["é", "b"]
    found = embed(sequences, texts(["ab", "c"], tokenizer=letters), pool="tokens")
    assert found.ids.tolist() == ["0#0", "0#1", "1#0"]
    assert found.rows("mix").ids.tolist() == found.ids.tolist()


def test_layers_of_different_numbers_of_tokens_have_ids_of_their_own(convolutions, pictures):
    found = embed(convolutions, pictures, pool="tokens", layers=["0", "1", "3"])
    assert found.row_ids["0"] is found.row_ids["1"]
    assert len(found.row_ids["0"]) == 11 * 36
    assert len(found.row_ids["3"]) == 11 * 16
    with pytest.raises(InputError, match="different numbers of tokens"):
        _ = found.ids
    with pytest.raises(InputError, match="no layer '2'"):
        found.rows("2")


def test_padding_does_not_change_a_mean(sequences, letters):
    alone = embed(sequences, texts(["ab"], tokenizer=letters)).layers["mix"]
    padded = embed(sequences, texts(["ab", "abcdef"], tokenizer=letters)).layers["mix"][:1]
    np.testing.assert_allclose(alone, padded, rtol=1e-6)


def test_inputs_of_different_lengths_are_not_flattened(sequences, letters):
    with pytest.raises(InputError, match="different lengths"):
        embed(sequences, texts(["ab", "c"], tokenizer=letters), pool="flatten", layers="mix")
    given = texts(["ab", "cd", "efg"], tokenizer=letters)
    with pytest.raises(InputError, match="rows of 9 numbers after rows of 6"):
        embed(sequences, given, pool="flatten", layers="mix", batch_size=2)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pool": "max"}, "no pool 'max'"),
        ({"pool": "token"}, "did you mean tokens"),
        ({"batch_size": 0}, "batch_size is a number"),
        ({"batch_size": 2.5}, "batch_size is a number"),
        ({"dtype": "int8"}, "dtype is one of"),
        ({"device": "gpu"}, "no device 'gpu'"),
        ({"device": "cuda:77"}, "no device 'cuda:77'"),
        ({"revision": "main"}, "loaded already"),
    ],
)
def test_arguments_that_are_not_as_described(convolutions, pictures, settings, said):
    with pytest.raises(InputError, match=said):
        embed(convolutions, pictures, **settings)


def test_what_is_no_model_is_said(pictures):
    with pytest.raises(InputError, match="got a function"):
        embed(lambda x: x, pictures)


def test_fingerprint_is_of_the_weights_and_of_the_layers():
    def digest(model):
        return Network(model).settings["fingerprint"]

    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    again = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    again.load_state_dict(model.state_dict())
    assert digest(model) == digest(again)
    again[1] = nn.ReLU()
    assert digest(model) != digest(again)
    again[1] = nn.Tanh()
    with torch.no_grad():
        again[0].weight[0, 0] += 1e-3
    assert digest(model) != digest(again)


@pytest.mark.parametrize("out", [None, "run"])
def test_rows_that_are_not_finite_are_counted_and_said(tmp_path, out):
    x = np.array([[1.0], [np.nan], [3e30]])
    where = None if out is None else tmp_path / out
    found = embed(nn.Identity(), x, layers="output", dtype="float16", out=where)
    assert found.manifest["layers"]["output"]["nonfinite"] == 2
    assert "2 of 3 rows of output hold NaN or infinite values" in found.notices
