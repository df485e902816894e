"""Folders of Hugging Face: loaded from the disk alone, revisions by name, no random weights."""

import json
import os
import shutil
import socket

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

from nearid.embed import embed, images, texts
from nearid.embed.folder import revision_folder
from nearid.errors import InputError

WORDS = {"[UNK]": 0, "to": 1, "be": 2, "or": 3, "not": 4}
SMALL = {"vocab_size": 30, "bos_token_id": 0, "eos_token_id": 0}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def saved(model, folder):
    """Save a model as its users have it, without a word on the terminal."""
    transformers.utils.logging.disable_progress_bar()
    try:
        model.save_pretrained(folder)
    finally:
        transformers.utils.logging.enable_progress_bar()
    return folder


def made(factory, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return factory()


def gpt2(seed=0):
    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 8}
    return made(lambda: transformers.GPT2Model(transformers.GPT2Config(**sizes, **SMALL)), seed)


@pytest.fixture
def folder(tmp_path):
    """A tiny GPT-2 and its tokenizer of words."""
    saved(gpt2(), tmp_path / "gpt")
    words = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")
    fast.save_pretrained(tmp_path / "gpt")
    return tmp_path / "gpt"


def test_rows_are_those_of_a_plain_call_to_the_bit(folder):
    given = texts(["to be or", "not", "to be"], tokenizer=folder)
    found = embed(folder, given, pool="tokens", layers=r"h\.\d+|output")
    tokens = torch.tensor([[1, 2, 3], [4, 0, 0], [1, 2, 0]])
    mask = torch.tensor([[1, 1, 1], [1, 0, 0], [1, 1, 0]])
    with torch.no_grad():
        plain = gpt2().eval()(tokens, attention_mask=mask, output_hidden_states=True)
    expected = {"h.0": plain.hidden_states[1], "output": plain.last_hidden_state}
    for name, hidden in expected.items():
        assert np.array_equal(found.layers[name], hidden[mask.bool()].numpy())
    assert found.ids.tolist() == ["0#0", "0#1", "0#2", "1#0", "2#0", "2#1"]
    assert found.manifest["model"]["loaded_by"] == "transformers.AutoModel"


def test_texts_longer_than_the_context_are_refused_unless_they_are_to_be_cut(folder):
    long = ["to be " * 5]
    with pytest.raises(InputError, match="has 10 tokens, and the model takes 8"):
        embed(folder, texts(long, tokenizer=folder))
    found = embed(folder, texts(long, tokenizer=folder, truncate=True), pool="tokens")
    assert found.ids[-1] == "0#7"
    assert "cut there" in found.notices[0]


def test_nothing_of_the_session_is_changed(folder, capfd, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "0")
    before, seed = dict(os.environ), torch.get_rng_state()
    verbosity = transformers.utils.logging.get_verbosity()
    embed(folder, texts(["to be"], tokenizer=folder))
    assert dict(os.environ) == before
    assert torch.equal(torch.get_rng_state(), seed)
    assert transformers.utils.logging.get_verbosity() == verbosity
    assert transformers.utils.logging.is_progress_bar_enabled()
    assert capfd.readouterr() == ("", "")


def test_layers_that_rest_on_weights_of_no_file_are_not_read(tmp_path):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(**sizes, intermediate_size=16, vocab_size=30)
    saved(made(lambda: transformers.BertForMaskedLM(config)), tmp_path)  # it has no pooler
    tokens = texts(["ab", "c"], tokenizer=lambda given, **_: {"input_ids": [[1]] * len(given)})
    found = embed(tmp_path, tokens)
    assert not any("pooler" in name for name in found.layers)
    assert np.isfinite(found.layers["output"]).all()
    assert any("lacks 2 weights" in notice for notice in found.notices)
    assert any("that AutoModel leaves out: cls.predictions" in text for text in found.notices)
    for layer in ("pooler", "pooler.activation"):
        with pytest.raises(InputError, match="rests on weights that are in no file"):
            embed(tmp_path, tokens, layers=[layer])


def test_masked_auto_encoder_and_resnet_of_images(tmp_path, pictures_folder):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"image_size": 16, "patch_size": 8, "intermediate_size": 16}
    config = transformers.ViTMAEConfig(**sizes, decoder_num_hidden_layers=1)
    saved(made(lambda: transformers.ViTMAEForPreTraining(config)), tmp_path / "mae")
    inputs = images(pictures_folder, size=16)
    found = embed(tmp_path / "mae", inputs, layers="layers.0", pool="tokens")
    assert found.ids.tolist()[:6] == [f"0.png#{k}" for k in range(5)] + ["1.png#0"]
    assert any("random mask was off" in notice for notice in found.notices)
    config = transformers.ResNetConfig(embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1])
    saved(made(lambda: transformers.ResNetModel(config)), tmp_path / "resnet")
    found = embed(tmp_path / "resnet", inputs, layers=r"encoder\.stages\.\d")
    assert [rows.shape for rows in found.layers.values()] == [(3, 4), (3, 8)]


@pytest.fixture
def pictures_folder(tmp_path):
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    shades = np.random.default_rng(0).integers(0, 256, size=(3, 20, 24, 3)).astype("uint8")
    for i, picture in enumerate(shades):
        Image.fromarray(picture).save(tmp_path / "pictures" / f"{i}.png")
    return tmp_path / "pictures"


def test_gpt_neox_in_half_precision_computes_in_half(tmp_path):
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.GPTNeoXConfig(**sizes, intermediate_size=16, **SMALL)
    saved(made(lambda: transformers.GPTNeoXModel(config)).half(), tmp_path)
    tokens = np.arange(12).reshape(3, 4)
    found = embed(tmp_path, tokens, layers=r"layers\.\d")
    assert {str(rows.dtype) for rows in found.layers.values()} == {"float16"}


@pytest.fixture
def revisions(folder):
    """Three checkpoints in sub-folders, which differ in their weights."""
    root = folder.parent / "runs"
    for step in (1000, 2000, 3000):
        shutil.copytree(folder, root / f"step{step}")
        saved(gpt2(step), root / f"step{step}")
    return root


def test_revisions_are_folders(revisions):
    tokens = np.arange(12).reshape(3, 4)
    found = [
        embed(revisions, tokens, layers="output", revision=f"step{step}") for step in (1000, 3000)
    ]
    for seed, embedding in zip((1000, 3000), found, strict=True):
        with torch.no_grad():
            plain = gpt2(seed).eval()(torch.from_numpy(tokens)).last_hidden_state.mean(dim=1)
        assert np.array_equal(embedding.layers["output"], plain.numpy())
    assert found[0].manifest["model"] != found[1].manifest["model"]


def test_revisions_that_are_not_there(revisions):
    tokens = np.arange(12).reshape(3, 4)
    with pytest.raises(InputError, match="give revision, one of step1000, step2000, step3000"):
        embed(revisions, tokens)
    with pytest.raises(InputError, match=r"no revision 'step300'; did you mean step3000.*fetched"):
        embed(revisions, tokens, revision="step300")


def test_the_cache_of_hugging_face_has_references_and_snapshots(tmp_path):
    cache = tmp_path / "models--EleutherAI--pythia-160m"
    for commit in ("c0ffee", "facade"):
        (cache / "snapshots" / commit).mkdir(parents=True)
        (cache / "snapshots" / commit / "config.json").write_text("{}")
    (cache / "refs").mkdir()
    (cache / "refs" / "step3000").write_text("c0ffee")
    assert revision_folder(cache, "step3000").name == "c0ffee"
    assert revision_folder(cache, "facade").name == "facade"
    with pytest.raises(InputError, match="one of step3000, facade"):
        revision_folder(cache, None)


def test_folders_that_hold_no_model_to_load(folder, tmp_path):
    tokens = np.arange(12).reshape(3, 4)

    def said(change):
        other = shutil.copytree(folder, tmp_path / "other", dirs_exist_ok=True)
        change(other)
        with pytest.raises(InputError) as caught:
            embed(other, tokens)
        shutil.rmtree(other)
        return str(caught.value)

    config = json.loads((folder / "config.json").read_text())

    def written(values):
        return lambda at: (at / "config.json").write_text(json.dumps(values))

    assert "holds no config.json" in said(lambda at: (at / "config.json").unlink())
    assert "configuration of a model" in said(lambda at: (at / "config.json").write_text("{"))
    assert "neither a model_type" in said(written({"size": 3}))
    assert "nothing is fetched" in said(written({"model_type": "unheard-of"}))
    assert "nothing is fetched" in said(written(config | {"n_embd": 32}))

    def pickled(at):
        torch.save(gpt2().state_dict(), at / "pytorch_model.bin")
        (at / "model.safetensors").unlink()

    assert "must hold config.json and .safetensors" in said(pickled)
    assert "must hold" in said(lambda at: (at / "model.safetensors").write_bytes(b"\0" * 40))
    with pytest.raises(InputError, match="holds no tokenizer"):
        texts(["a"], tokenizer=tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        texts(["a"], tokenizer=tmp_path / "gone")


def test_a_reference_that_is_no_text_is_named(tmp_path):
    (tmp_path / "snapshots" / "abc").mkdir(parents=True)
    (tmp_path / "snapshots" / "abc" / "config.json").write_text("{}")
    (tmp_path / "refs").mkdir()
    (tmp_path / "refs" / "main").write_bytes(b"\xad\xff")
    with pytest.raises(InputError, match="main cannot be read as a reference to a snapshot"):
        revision_folder(tmp_path, "main")
