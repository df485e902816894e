"""``nearid embed``: rows by id for the other commands, and every mistake one clear line."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn
from transformers import GPT2Config, GPT2Model

from nearid.cli.embed import _told
from nearid.embed import embed, open_embedding
from nearid.io import write_safetensors

#: What a user might have beside the weights.
CODE = """
import torch
from torch import nn


def whole():
    print("noise of the user's own")
    return nn.ModuleDict({"encoder": encoder(), "decoder": nn.Linear(2, 12)})


def encoder():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(48, 4), nn.Tanh(), nn.Linear(4, 2))


def words():
    return nn.Embedding(300, 3)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with a module, images, arrays and texts."""
    name = f"nets_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    shades = np.random.default_rng(0).integers(0, 256, size=(6, 4, 4, 3)).astype("uint8")
    (tmp_path / "pictures").mkdir()
    for i, picture in enumerate(shades):
        Image.fromarray(picture).save(tmp_path / "pictures" / f"é {i}.png")
    np.save("x.npy", (shades / np.float32(255)).transpose(0, 3, 1, 2).astype("float32"))
    (tmp_path / "lines.txt").write_text("to be\n\nor not\n")
    return name


@pytest.fixture
def gpt(place):
    """A tiny GPT-2 with a tokenizer of letters, as Hugging Face keeps them, in gpt."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, utils

    sizes = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 6, "vocab_size": 30}
    model = GPT2Model(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0))
    utils.logging.disable_progress_bar()
    model.save_pretrained("gpt")
    utils.logging.enable_progress_bar()
    known = {letter: i for i, letter in enumerate("?abcdefghijklmnopqrstuvwxyz")}
    letters = Tokenizer(models.WordLevel(known, unk_token="?"))
    letters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    PreTrainedTokenizerFast(tokenizer_object=letters, unk_token="?").save_pretrained("gpt")
    return model


def test_images_and_arrays_of_the_same_pixels_give_the_same_rows(run, place):
    for inputs, out in (("pictures", "a"), ("x.npy", "b")):
        result = run("embed", f"{place}:encoder", "--inputs", inputs, "--out", out)
        assert result.exit_code == 0, result.stderr
    a, b = open_embedding("a"), open_embedding("b")
    assert list(a.layers) == ["0", "1", "2", "3", "output"]
    for name, rows in a.layers.items():
        np.testing.assert_allclose(rows, b.layers[name], atol=1e-6)
    assert a.ids.tolist() == [f"é {i}.png" for i in range(6)]
    assert b.ids.tolist() == list("012345")


def test_what_it_prints(run, place):
    result = run("embed", f"{place}:encoder", "--inputs", "x.npy", "--out", "a", "--layers", "2")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["layer", "rows", "columns", "type", "not", "finite"]
    assert lines[2].split() == ["2", "6", "4", "float32", "0"]
    assert lines[-1] == "6 inputs, 1 layer: a"
    assert "nearid: embedding: 6 of 6 done" in result.stderr
    assert f"note: no --weights: {place}:encoder is as it was made" in result.stderr
    again = run("embed", f"{place}:encoder", "--inputs", "x.npy", "--out", "a", "--layers", "2")
    assert again.stdout == result.stdout
    assert "a is there already: if it is this embedding, it is kept" in again.stderr


def test_json_is_the_manifest(run, place, strict_json):
    common = ("--inputs", "x.npy", "--out", "a", "--json", "--attribute", "encoder")
    result = run("embed", f"{place}:whole", *common, "--dtype", "float16", "--layers", "0")
    found = strict_json(result.stdout)
    assert found["out"] == "a"
    assert found["layers"]["0"]["dtype"] == "float16"
    assert found["inputs"]["n"] == 6
    assert "noise of the user's own" in result.stderr


def test_weights_are_loaded(run, place):
    write_safetensors("w.safetensors", {"weight": np.eye(300, 3, dtype="float32")})
    np.save("tokens.npy", [[0, 1], [2, 2]])
    common = ("--weights", "w.safetensors", "--inputs", "tokens.npy", "--out", "a")
    result = run("embed", f"{place}:words", *common, "--pool", "tokens", "--format", "zarr")
    assert result.exit_code == 0, result.stderr
    found = open_embedding("a")
    assert np.asarray(found.layers["output"]).tolist() == np.eye(3)[[0, 1, 2, 2]].tolist()
    assert found.ids.tolist() == ["0#0", "0#1", "1#0", "1#1"]


def test_texts_take_the_tokenizer_of_the_model(run, gpt, failed):
    pd.DataFrame({"t": ["ab", "c"]}, index=["r1", "r2"]).to_parquet("t.parquet")
    for inputs, out, ids in (("lines.txt", "a", ["0", "2"]), ("t.parquet::t", "b", ["r1", "r2"])):
        result = run("embed", "gpt", "--inputs", inputs, "--out", out, "--layers", r"h\.\d")
        assert result.exit_code == 0, result.stderr
        assert open_embedding(out).ids.tolist() == ids
    Path("long.txt").write_text("abcdefgh\n")
    line = failed(run("embed", "gpt", "--inputs", "long.txt", "--out", "c"))
    assert "the text 0 has 8 tokens, and the model takes 6" in line
    assert run("embed", "gpt", "--inputs", "long.txt", "--out", "c", "--truncate").exit_code == 0
    assert open_embedding("c").manifest["inputs"]["max_length"] == 6
    with torch.no_grad():
        tokens = torch.tensor([[1, 2], [3, 0]])
        plain = gpt.eval()(tokens, attention_mask=torch.tensor([[1, 1], [1, 0]]))
    expected = plain.last_hidden_state[1, 0].numpy()
    result = run("embed", "gpt", "--inputs", "t.parquet::t", "--out", "d", "--layers", "output")
    assert np.array_equal(open_embedding("d").layers["output"][1], expected)


def test_compare_goes_by_id(run, place, strict_json):
    for seed, order in ((0, range(6)), (1, [3, 1, 5, 0, 2, 4])):
        np.savez("y.npz", x=np.load("x.npy")[list(order)], ids=[f"i{k}" for k in order])
        model = f"{place}:encoder"
        run("embed", model, "--inputs", "y.npz", "--out", f"run{seed}", "--layers", "2")
    settings = ("--no-ica", "--bootstrap", "5", "--null", "1", "--components", "all", "--json")
    result = run("compare", "run0/2.npy", "run1/2.npy", *settings)
    assert strict_json(result.stdout)["verdict"] == "identity"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["{}:encoder", "--inputs", "pictures", "--layers", "4"], 1, "no layer '4'"),
        (["{}:encoder", "--inputs", "gone.npy"], 1, "gone.npy does not exist"),
        (["{}:encoder", "--inputs", "pictres"], 1, "pictres does not exist; did you mean pictures"),
        (["{}:encoder", "--inputs", "pictres", "--size", "9"], 1, "pictres does not exist"),
        (["{}:encoder", "--inputs", "pictures", "--size", "9"], 1, "refused a batch of shape"),
        (["{}:encoder", "--inputs", "pictures", "--size", "4,4"], 2, "as in 224 or 224x192"),
        (["{}:encoder", "--inputs", "pictures", "--mean", "a"], 2, "a number, or one for each"),
        (["{}:encoder", "--inputs", "pictures", "--mean", "1,2"], 1, "mean is one number, or 3"),
        (["{}:encoder", "--inputs", "pictures", "--truncate"], 2, "is for texts; pictures holds"),
        (["{}:encoder", "--inputs", "x.npy", "--grey"], 2, "is for images; x.npy holds none"),
        (["{}:encoder", "--inputs", "x.npy", "--revision", "a"], 2, "for the folder of a model"),
        (["{}:encoder", "--inputs", "x.npy", "--device", "gpu"], 1, "no device 'gpu'"),
        (["{}:encoder", "--inputs", "lines.txt"], 2, "name the folder of a tokenizer"),
        (["{}:encoder", "--inputs", "lines.txt", "--tokenizer", "gone"], 1, "gone does not exist"),
        (["{}", "--inputs", "x.npy"], 1, "is no folder, no .onnx file, and no MODULE:FACTORY"),
        (["pictures", "--inputs", "x.npy"], 1, "holds no config.json"),
        (["pictures", "--inputs", "x.npy", "--attribute", "a"], 2, "is for MODULE:FACTORY"),
        (["gone.onnx", "--inputs", "x.npy"], 1, "gone.onnx does not exist"),
    ],
)
def test_mistakes_are_one_line(run, place, failed, arguments, status, said):
    typed = [argument.format(place) for argument in arguments]
    assert said in failed(run("embed", *typed, "--out", "a", "-q"), status)


def test_a_folder_in_use_is_kept(run, place, failed):
    embed(nn.Identity(), np.ones((2, 3)), out="a")
    line = failed(run("embed", f"{place}:encoder", "--inputs", "x.npy", "--out", "a"))
    assert "holds another embedding, which differs in its model and inputs; delete it" in line


def test_progress_is_whole_at_every_tenth():
    told = []
    progress = _told(lambda done, total, what: told.append((done, total, what)))
    for done in range(4, 101, 4):
        progress(done, 100)
    whole = [done for done, _, _ in told if done.is_integer()]
    assert whole == [12, 20, 32, 40, 52, 60, 72, 80, 92, 100]
    assert told[0][2] == "inputs"
    assert told[-1][2].endswith(" inputs/s")
    assert "e+" not in told[-1][2]  # a fast model has no rate of 5e+04
