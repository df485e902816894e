"""From two models to the ladder along their depth: ``embed``, then ``compare --layerwise``."""

import numpy as np
import torch

from nearid.embed import embed

QUICK = ("--layerwise", "--components", "6", "--bootstrap", "20", "--null", "1", "-q")


def test_folders_of_embed_are_compared_layer_by_layer(run, tmp_path, strict_json):
    rng = np.random.default_rng(0)
    inputs = rng.laplace(size=(400, 6)).astype(np.float32)
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Linear(8, 3))
        embed(model, inputs, layers="all", out=tmp_path / f"seed{seed}")
    answer = strict_json(
        run("compare", tmp_path / "seed0", tmp_path / "seed1", *QUICK, "--json").stdout
    )
    layers = {row["layer"]: row for row in answer["layers"]}
    # six inputs in eight dimensions are all there; of three outputs each model has its own
    assert layers["0"]["verdict"] == "linear"
    assert layers["1"]["verdict"] is None
    assert not any("no run has ids" in warning for warning in answer["warnings"])
    assert any("fewer dimensions than the 6" in warning for warning in answer["warnings"])
