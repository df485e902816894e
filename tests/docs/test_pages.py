"""What pages say: their commands run, and their numbers are those of the benchmarks."""

import re
import shlex
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import nearid
from nearid.cli import app
from nearid.deconfounding import evaluate
from nearid.io import write_safetensors
from nearid.metrics import METRICS

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"```sh\n(.*?)```", re.DOTALL)
OUT = ("--report", "--out")
#: Decimals without a unit, as pages write them: .28, 0.28, −.13.
NUMBER = re.compile(r"(?<![\d.])0?(\.\d{2,3})(?!\d|\.\d)")


def shell_lines(text):
    """Return the commands of nearid in a page's blocks of shell."""
    lines = "\n".join(FENCE.findall(text)).splitlines()
    return [line for line in lines if line.startswith("nearid ")]


LINES = sorted(
    {
        line
        for page in (ROOT / "docs").glob("*.md")
        for line in shell_lines(page.read_text(encoding="utf-8"))
    }
    - {"nearid demo"}  # tests/cli/test_demo.py runs it
)


#: Modules as a user makes them.
NETS = """
from torch.nn import Linear, ModuleDict, ReLU, Sequential

def encoder():
    return Sequential(Linear(8, 40), ReLU(), Linear(40, 36))

def vae():
    return ModuleDict({"encoder": Linear(8, 2), "decoder": Linear(2, 8)})
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The files that pages name, small."""
    rng = np.random.default_rng(0)
    shared = rng.laplace(size=(300, 3))
    for seed in range(3):
        run = pd.DataFrame(shared @ rng.standard_normal((3, 3))).add_prefix("feature_")
        np.save(tmp_path / f"seed{seed}.npy", run)
        run["Metadata_Id"] = [f"p1_{i}" for i in range(300)]
        run["Metadata_Plate"] = np.repeat(["p1", "p2"], 150)
        run["Metadata_Well"] = np.arange(300) // 10
        run.to_parquet(tmp_path / f"seed{seed}.parquet")
    factors = pd.DataFrame({"hue": rng.integers(0, 10, 300), "size": rng.integers(0, 5, 300)})
    np.save(tmp_path / "latents.npy", factors.to_numpy() + 0.1 * rng.standard_normal((300, 2)))
    factors["shape"] = rng.choice(["cube", "ball"], 300)
    factors.to_csv(tmp_path / "factors.csv", index=False)
    (tmp_path / "nets.py").write_text(NETS)
    made: dict[str, object] = {}
    exec(NETS, made)
    for name, module in {"seed0": "encoder", "seed1": "encoder", "vae": "vae"}.items():
        write_safetensors(tmp_path / f"{name}.safetensors", made[module]().state_dict())
    np.save(tmp_path / "x.npy", rng.laplace(size=(300, 8)).astype("f"))
    np.save(tmp_path / "z.npy", rng.laplace(size=(30, 2)).astype("f"))
    wells = pd.DataFrame(rng.laplace(size=(90, 4))).add_prefix("feature_")
    wells["Metadata_Plate"] = np.repeat(["p1", "p2", "p3"], 30)
    wells["Metadata_Gene"] = np.where(wells["feature_0"] > 0, "hit", "none")
    wells.to_parquet(tmp_path / "profiles.parquet")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("nets", None)


def before(line):
    """Return the commands whose folders a command compares."""
    embed = [other for other in LINES if other.startswith("nearid embed")]
    return embed if "--layerwise" in line else []


@pytest.mark.parametrize("line", LINES)
def test_commands_of_pages_run(folder, line):
    for needed in [*before(line), line]:
        arguments = shlex.split(needed, comments=True)[1:]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
    written = [name for flag, name in pairwise(arguments) if flag in OUT]
    assert all((folder / name).stat().st_size for name in written)


@pytest.mark.parametrize("page", ["efficiency.md", "limits.md", "peers.md", "scale.md"])
def test_numbers_of_pages_are_in_the_benchmarks(page):
    measured = NUMBER.findall((ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8"))
    said = NUMBER.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert said
    assert sorted(set(said) - set(measured)) == []


def test_a_number_that_was_not_measured_is_found():
    assert NUMBER.findall("had .765 and 0.31, not 12.5 nor 1.5.2, −.13") == [".765", ".31", ".13"]


#: What rows are told apart by; everything else in a table is a number that must be explained.
KEYS = {"target", "source", "frame", "group", "component", "partner", "sign", "run", "layer"}
KEYS |= {"depth", "layer_a", "layer_b", "n_rows", "columns_a", "columns_b", "version", "metric"}
KEYS |= {"part", "method", "classifier", "transductive", "verdict", "verdict_whitened"}


def tables():
    """Return a table of every kind that results hand out."""
    rng = np.random.default_rng(0)
    z = rng.laplace(size=(300, 3))
    quick = {"n_bootstrap": 10, "n_null": 1, "random_state": 0}
    same = nearid.statistical_identifiability([z, z @ rng.standard_normal((3, 3))], **quick)
    levels = np.digitize(z, [-1, 0, 1])
    right = nearid.structural_identifiability(z, levels, metrics=["mcc"], **quick)
    shared = nearid.consensus([z, z + 0.1 * z**2], **quick)
    layers = nearid.layerwise({"a": z}, {"a": z[:, ::-1]}, **quick)
    wells = pd.DataFrame(rng.laplace(size=(90, 4)))
    wells["plate"], wells["gene"] = np.repeat(list("abc"), 30), np.where(wells[0] > 0, "x", "y")
    asked = {"batch": "plate", "label": "gene", "classifiers": ["l1"], "n_repeats": 1}
    batch = evaluate(wells, **asked)
    yield from (same.to_frame(), same.overall, same.efficiencies, same.components)
    yield from (right.ladder, right.scores, shared.components, shared.agreement)
    yield from (layers.layers, layers.ladder, layers.pairs, batch.summary(), batch.batch_scores())
    yield nearid.LatentICA(random_state=0).fit(z).components_report_


def unexplained(columns, text):
    """Return the columns that a page does not name, with or without the suffix of an interval."""
    named = {word for code in re.findall(r"`([^`]+)`", text) for word in re.split(r"[ /,]+", code)}
    bare = {name: re.sub(r"_(low|high|p)$", "", name) for name in columns}
    return sorted(name for name, stem in bare.items() if not {name, stem} & (named | KEYS))


def test_every_number_is_explained():
    columns = {name for table in tables() for name in table.columns}
    text = (ROOT / "docs" / "numbers.md").read_text(encoding="utf-8")
    assert unexplained([*columns, *METRICS], text) == []
    assert unexplained(["auroc_low", "surprise"], "`auroc`") == ["surprise"]
