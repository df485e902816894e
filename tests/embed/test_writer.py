"""Streaming to a folder: complete or not there, the same bytes after a kill, read with its ids."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from nearid import as_rows, io, statistical_identifiability
from nearid.embed import arrays, embed, formats, open_embedding, texts, writer
from nearid.errors import InputError

#: A process that embeds, and ends itself without a word when 24 inputs are done.
KILLED = """
import os, signal, sys
import numpy as np, torch
from torch import nn
from nearid.embed import arrays, embed, writer

writer.CHECKPOINT_SECONDS = 0
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4))
inputs = arrays(np.random.default_rng(0).normal(size=(50, 6)), ids=[f"é{i}" for i in range(50)])

def progress(done, total):
    if done == 24:
        os.kill(os.getpid(), signal.SIGKILL)

embed(model, inputs, batch_size=8, out=sys.argv[1], progress=progress)
"""


def content(folder):
    """Every file of a folder, and its bytes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def inputs():
    """Inputs with ids that are no numbers."""
    values = np.random.default_rng(1).normal(size=(20, 6)).astype("float32")
    return arrays(values, ids=[f"é/{i}" for i in range(20)])


@pytest.fixture
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(6, 5), nn.Tanh())


def test_a_killed_run_goes_on_and_gives_the_same_bytes(tmp_path):
    out, part = tmp_path / "out", tmp_path / ".out.part"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(out)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not out.exists()
    assert json.loads((part / "progress.json").read_text())["done"] == 24
    with (part / "raw" / "0.rows").open("ab") as stream:
        stream.write(b"written, but not counted")  # as a kill between two counts leaves it

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4))
    values = np.random.default_rng(0).normal(size=(50, 6))
    inputs, seen = arrays(values, ids=[f"é{i}" for i in range(50)]), []
    embed(model, inputs, batch_size=8, out=out, progress=lambda done, _: seen.append(done))
    assert seen == [32, 40, 48, 50]
    embed(model, inputs, batch_size=8, out=tmp_path / "other")
    assert content(out) == content(tmp_path / "other")
    assert not part.exists()


def test_what_is_done_is_not_done_again(tmp_path, monkeypatch, model, inputs):
    monkeypatch.setattr(writer, "CHECKPOINT_SECONDS", 0)
    seen = []

    def stop(done, _total):
        seen.append(done)
        if done == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(model, inputs, batch_size=4, out=tmp_path / "run", progress=stop)
    embed(model, inputs, batch_size=4, out=tmp_path / "run", progress=lambda d, _: seen.append(d))
    assert seen == [4, 8, 12, 16, 20]
    fresh = embed(model, inputs, batch_size=4)
    for name, rows in open_embedding(tmp_path / "run").layers.items():
        assert np.array_equal(rows, fresh.layers[name])


@pytest.mark.parametrize("format", ["npy", "zarr"])
def test_an_end_that_was_interrupted_is_done_again(tmp_path, monkeypatch, model, inputs, format):
    with monkeypatch.context() as patch:
        patch.setattr(formats, "_names", interrupted)
        with pytest.raises(KeyboardInterrupt):
            embed(model, inputs, out=tmp_path / "a", format=format)
    assert not (tmp_path / "a").exists()
    embed(model, inputs, out=tmp_path / "a", format=format)
    embed(model, inputs, out=tmp_path / "b", format=format)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def interrupted(_path):
    raise KeyboardInterrupt


def test_unfinished_work_of_other_settings_is_not_continued(tmp_path, monkeypatch, model, inputs):
    monkeypatch.setattr(writer, "CHECKPOINT_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        embed(model, inputs, out=tmp_path / "run", batch_size=4, progress=interrupt)
    with torch.no_grad():
        model[0].bias[0] += 1
    found = embed(model, inputs, out=tmp_path / "run", batch_size=4)
    assert np.array_equal(found.layers["0"], embed(model, inputs, batch_size=4).layers["0"])


def interrupt(_done, _total):
    raise KeyboardInterrupt


def test_files_that_were_cut_begin_anew(tmp_path, monkeypatch, model, inputs):
    monkeypatch.setattr(writer, "CHECKPOINT_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        embed(model, inputs, out=tmp_path / "run", batch_size=4, progress=interrupt)
    os.truncate(tmp_path / ".run.part" / "raw" / "1.rows", 130)
    found = embed(model, inputs, out=tmp_path / "run", batch_size=4)
    assert np.array_equal(found.layers["1"], embed(model, inputs, batch_size=4).layers["1"])


@pytest.mark.parametrize("format", ["npy", "zarr"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_what_is_written_is_what_memory_holds(tmp_path, model, inputs, format, dtype):
    memory = embed(model, inputs, batch_size=7, dtype=dtype)
    found = embed(model, inputs, batch_size=7, dtype=dtype, out=tmp_path / "run", format=format)
    assert list(found.layers) == list(memory.layers)
    assert found.ids.tolist() == memory.ids.tolist()
    for name, rows in memory.layers.items():
        assert found.layers[name].dtype == dtype
        assert np.array_equal(found.layers[name], rows)
    assert not isinstance(found.layers["0"], np.ndarray) or isinstance(found.layers["0"], np.memmap)


@pytest.mark.parametrize("format", ["npy", "zarr"])
def test_readers_give_rows_and_ids(tmp_path, convolutions, pictures, format):
    settings = {"pool": "tokens", "layers": ["0", "1", "3"], "format": format}
    found = embed(convolutions, pictures, out=tmp_path / "run", **settings)
    for name, entry in found.manifest["layers"].items():
        [table] = io.read(tmp_path / "run" / entry["file"])
        assert table.notices == ()
        assert np.array_equal(table.values, found.layers[name])
        assert table.ids.tolist() == found.row_ids[name].tolist()
        assert len(as_rows(tmp_path / "run" / entry["file"]).ids) == entry["shape"][0]


def test_runs_are_compared_by_id(tmp_path, model, inputs):
    order = np.random.default_rng(0).permutation(20)
    embed(model, inputs, out=tmp_path / "a")
    turned = arrays(inputs.values[order], ids=inputs.names[order])
    embed(model, turned, out=tmp_path / "b")
    paths = [tmp_path / run / "1.npy" for run in "ab"]
    result = statistical_identifiability(paths, ica=False, n_bootstrap=5, n_null=1, random_state=0)
    assert result.verdict == "identity"


@pytest.mark.parametrize("layer", ["ids", "a.ids", "up/down", "sp ace", "é", "x" * 60])
def test_any_name_of_a_layer_is_the_name_of_a_file(tmp_path, layer):
    file = formats.file_name(layer)
    assert file.isascii()
    assert "/" not in file
    assert file != "ids"
    assert not file.endswith(".ids")


def test_names_that_differ_stay_different():
    names = ["ids", "%69ds", "a/b", "a%2Fb", "a.ids", "a.%69ds", ".ids"]
    assert len({formats.file_name(name) for name in names}) == len(names)


def test_a_finished_folder_is_opened_and_not_made_again(tmp_path, model, inputs):
    embed(model, inputs, out=tmp_path / "run")
    before = (tmp_path / "run" / "0.npy").stat()
    again = embed(model, inputs, out=tmp_path / "run", progress=interrupt)
    assert (tmp_path / "run" / "0.npy").stat() == before
    assert again.ids.tolist() == inputs.ids(0, 20)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"pool": "flatten"}, "settings"),
        ({"batch_size": 3}, "settings"),
        ({"layers": "0"}, "settings"),
        ({"format": "zarr"}, "format"),
        ({"inputs": np.ones((3, 6))}, "inputs"),
        ({"model": nn.Linear(6, 2)}, "model"),
    ],
)
def test_a_folder_of_something_else_is_kept(tmp_path, model, inputs, change, part):
    embed(model, inputs, out=tmp_path / "run")
    before = content(tmp_path / "run")
    given = {"model": model, "inputs": inputs, **change}
    with pytest.raises(InputError, match=f"differs in its {part}; delete"):
        embed(out=tmp_path / "run", **given)
    assert content(tmp_path / "run") == before


def test_folders_that_hold_no_embedding(tmp_path, model, inputs):
    (tmp_path / "mine").mkdir()
    assert embed(model, inputs, out=tmp_path / "mine").layers  # it was empty
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="holds no embedding"):
        embed(model, inputs, out=tmp_path / "other")
    for place, said in (("other", "holds no embed.json"), ("nowhere", "does not exist")):
        with pytest.raises(InputError, match=said):
            open_embedding(tmp_path / place)
    with pytest.raises(InputError, match="format is one of npy, zarr"):
        embed(model, inputs, out=tmp_path / "new", format="hdf5")


def test_two_processes_do_not_write_one_folder(tmp_path, model, inputs):
    part = tmp_path / ".run.part"
    part.mkdir()
    with writer._alone(part), pytest.raises(InputError, match="by another process"):
        embed(model, inputs, out=tmp_path / "run")
    embed(model, inputs, out=tmp_path / "run")


def test_a_folder_of_a_later_version_is_refused(tmp_path, model, inputs):
    embed(model, inputs, out=tmp_path / "run")
    path = tmp_path / "run" / "embed.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"layout": 2}))
    with pytest.raises(InputError, match="has the layout 2, and this version of nearid reads 1"):
        open_embedding(tmp_path / "run")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as the manifest"),
        ("{}", "cannot be read as the manifest"),
        ('{"layers": {"a": {}}}', "lack file, shape or ids"),
        ('{"layers": {"a": {"file": "a.npy", "shape": [2, 2], "ids": "ids.npy"}}}', "not exist"),
        ('{"layers": {"0": {"file": "0.npy", "shape": [2, 2], "ids": "ids.npy"}}}', "promises"),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path, model, inputs, text, said):
    embed(model, inputs, out=tmp_path / "run")
    (tmp_path / "run" / "embed.json").write_text(text)
    with pytest.raises(InputError, match=said):
        open_embedding(tmp_path / "run")


def test_the_manifest_says_what_determines_the_rows(tmp_path, model, inputs):
    found = embed(model, inputs, out=tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "embed.json").read_text())
    assert manifest == found.manifest
    assert len(manifest["model"]["fingerprint"]) == len(manifest["inputs"]["fingerprint"]) == 64
    assert manifest["inputs"]["n"] == 20
    assert manifest["settings"]["layers"] == "all"
    memory = embed(model, inputs).manifest
    assert {key: memory[key] for key in ("model", "inputs", "settings", "notices")} == {
        key: manifest[key] for key in ("model", "inputs", "settings", "notices")
    }


def test_ids_of_tokens_are_streamed_as_well(tmp_path, monkeypatch, sequences, letters):
    monkeypatch.setattr(formats, "BLOCK_IDS", 3)
    given = texts(["ab", "cdefghijklmnop", "e"] * 5, tokenizer=letters)
    memory = embed(sequences, given, pool="tokens", batch_size=4)
    found = embed(sequences, given, pool="tokens", batch_size=4, out=tmp_path / "run")
    assert found.ids.tolist() == memory.ids.tolist()
    assert found.ids[-1] == "14#0"


def test_ids_beside_an_array_that_do_not_fit_are_not_used(tmp_path):
    np.save(tmp_path / "run.npy", np.ones((3, 2)))
    for ids, said in (
        (["a", "b"], "not 3 ids"),
        (["a", "b", "a"], "more than once"),
        ([0.5, 1.5, 2.5], "not 3 ids"),
    ):
        np.save(tmp_path / "ids.npy", ids)
        [table] = io.read(tmp_path / "run.npy")
        assert table.ids is None
        assert said in table.notices[0]
    (tmp_path / "ids.npy").write_bytes(b"no array")
    [table] = io.read(tmp_path / "run.npy")
    assert "ids.npy beside it was not used" in table.notices[0]


def test_ids_of_an_array_of_its_own_come_first(tmp_path):
    np.save(tmp_path / "run.npy", np.ones((2, 2)))
    np.save(tmp_path / "ids.npy", ["a", "b"])
    np.save(tmp_path / "run.ids.npy", [7, 8])
    assert io.read_one(tmp_path / "run.npy").ids.tolist() == [7, 8]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file": "../outside.npy"}, "expected a file beside it"),
        ({"file": "/etc/passwd"}, "expected a file beside it"),
        ({"ids": "../ids.npy"}, "expected a file beside it"),
        ({"ids": "ids.\x07\nnpy"}, r"names 'ids.\\x07 npy', which does not exist beside it"),
        ({"file": "x" * 999}, "which does not exist beside it"),
        ({"file": ["output.npy"]}, "lack file, shape or ids"),
        ({"shape": 3}, "lack file, shape or ids"),
    ],
)
def test_a_manifest_names_files_of_its_folder_alone(tmp_path, model, inputs, change, said):
    embed(model, inputs, out=tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "embed.json").read_text())
    for entry in manifest["layers"].values():
        entry |= change
    (tmp_path / "run" / "embed.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=said) as caught:
        open_embedding(tmp_path / "run")
    assert str(caught.value).isprintable()


def test_a_layer_that_is_changed_while_it_is_compared_is_noticed(tmp_path, model, inputs):
    embedding = embed(model, inputs, out=tmp_path / "run")
    [name, *_] = embedding.layers
    rows = embedding.rows(name)
    rows.read(0, 1)
    np.save(tmp_path / "run" / f"{name}.npy", np.zeros(rows.source.shape, "f4"))
    with pytest.raises(InputError, match="was changed while it was read"):
        rows.read(0, 1)
