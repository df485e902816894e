"""Folders of timm: the architecture that the folder names, with its weights, and no network.

timm itself is not among the packages of the tests: what stands in for it makes what it is asked
for, and notes how it was asked.
"""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from nearid.embed import embed
from nearid.errors import InputError, MissingExtraError
from nearid.io import write_safetensors

CONFIG = {"architecture": "tiny", "num_classes": 0, "pretrained_cfg": {"tag": "a1"}}
X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


@pytest.fixture
def asked(monkeypatch):
    """Stand in for timm, and return what it was asked for."""
    calls = []

    def create_model(architecture, **settings):
        calls.append((architecture, settings))
        if architecture != "tiny":
            raise RuntimeError(f"Unknown model ({architecture})")
        return nn.Linear(3, 2)

    timm = SimpleNamespace(create_model=create_model, __version__="1.0.0")
    monkeypatch.setitem(sys.modules, "timm", timm)
    return calls


@pytest.fixture
def folder(tmp_path):
    """A folder as timm keeps it."""
    weights = {"weight": np.ones((2, 3), "float32"), "bias": np.array([1, -1], "float32")}
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    write_safetensors(tmp_path / "model.safetensors", weights)
    return tmp_path


def test_the_weights_of_the_folder_are_used(folder, asked):
    seed = torch.get_rng_state()
    found = embed(folder, X)
    np.testing.assert_allclose(found.layers["output"][:, 1], X.sum(axis=1) - 1, rtol=1e-5)
    assert asked == [("tiny", {"pretrained": False, "num_classes": 0})]
    assert found.manifest["model"]["timm"] == "1.0.0"
    assert torch.equal(torch.get_rng_state(), seed)


def test_what_does_not_fit_is_said(folder, asked):
    write_safetensors(folder / "model.safetensors", {"weight": np.ones((2, 3), "float32")})
    with pytest.raises(InputError, match="Missing key"):
        embed(folder, X)
    (folder / "config.json").write_text(json.dumps({"architecture": "huge"}))
    with pytest.raises(InputError, match="Unknown model"):
        embed(folder, X)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="does not exist"):
        embed(folder, X)


def test_without_timm_it_is_said_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match="pip install timm"):
        embed(folder, X)
