"""``nearid compare --layerwise``: two folders, plain or embedded, and what is said of them."""

import json

import numpy as np
import pytest

from nearid import layerwise
from nearid.linalg import random_orthogonal

QUICK = ("--layerwise", "--components", "4", "--bootstrap", "20", "--null", "1")


def layers(members):
    """Two models of three layers: turned, mixed, unrelated."""
    rng = np.random.default_rng(0)
    held = {f"block.{i}": members[f"member_{m}"] for i, m in ((2, 0), (10, 1), (11, 2))}
    other = {
        "block.2": held["block.2"] @ random_orthogonal(40, rng),
        "block.10": held["block.10"] @ rng.normal(size=(40, 40)),
        "block.11": rng.permutation(held["block.11"]),
    }
    return held, {name: values.astype(np.float32) for name, values in other.items()}


def write_plain(folder, model, ids=None):
    folder.mkdir()
    for name, values in model.items():
        np.save(folder / f"{name}.npy", values)
    if ids is not None:
        np.save(folder / "ids.npy", ids)
    return folder


def write_embedded(folder, model, ids, **about):
    """A folder as ``nearid embed`` leaves it: files under safe names, and embed.json."""
    folder.mkdir()
    entries = {}
    for number, (name, values) in enumerate(model.items()):
        np.save(folder / f"{number}.npy", values)
        entries[name] = {
            "file": f"{number}.npy",
            "shape": list(values.shape),
            "dtype": str(values.dtype),
            "ids": "ids.npy",
        }
    np.save(folder / "ids.npy", ids)
    (folder / "embed.json").write_text(json.dumps({**about, "layers": entries}))
    return folder


@pytest.fixture(scope="module")
def folders(members, tmp_path_factory):
    """The two models as plain folders."""
    place = tmp_path_factory.mktemp("layers")
    a, b = layers(members)
    ids = members["molecule"].astype(str)
    return write_plain(place / "seed0", a, ids), write_plain(place / "seed1", b, ids)


@pytest.fixture(scope="module")
def compared(run, folders):
    """The JSON answer for the two folders."""
    return run("compare", *folders, *QUICK, "--json", "-q")


def test_json_is_the_result_of_the_library(compared, members, strict_json):
    answer = strict_json(compared.stdout)
    assert compared.stderr == ""
    assert answer["names"] == ["seed0", "seed1"]
    assert [row["layer"] for row in answer["layers"]] == ["block.2", "block.10", "block.11"]
    expected = layerwise(
        *layers(members),
        names=("seed0", "seed1"),
        n_components=4,
        n_bootstrap=20,
        n_null=1,
        random_state=0,
    )
    assert answer["meaning"] == expected.meaning
    for found, wanted in zip(answer["ladder"], expected.to_dict()["ladder"], strict=True):
        assert found == pytest.approx(wanted, nan_ok=True)


def test_the_summary_has_a_row_per_layer(run, folders):
    found = run("compare", *folders, *QUICK)
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert lines[0] == "seed0 beside seed1, 3 layers"
    assert lines[1].startswith("block.2: rigid; ")
    assert "\x1b" not in found.stdout
    for name in ("block.2", "block.10", "block.11"):
        assert sum(line.startswith(f"{name} ") for line in lines) == 1
    assert "of 3 shared layers of seed0 are, up to a rotation, closest" in found.stdout


def test_a_folder_of_embeddings_is_opened_by_its_manifest(run, members, tmp_path, strict_json):
    a, b = layers(members)
    a = {f"encoder/{name}": z for name, z in a.items()}
    b = {f"encoder/{name}": z for name, z in b.items()}
    ids = np.array([f"molecule {i}" for i in range(600)])
    order = np.random.default_rng(0).permutation(600)
    about = {"inputs": {"digest": "x"}, "settings": {"pool": "cls", "batch_size": 8}}
    one = write_embedded(tmp_path / "one", a, ids, **about)
    mixed = {name: z[order] for name, z in b.items()}
    two = write_embedded(tmp_path / "two", mixed, ids[order], **about)
    answer = strict_json(run("compare", one, two, *QUICK, "--json").stdout)
    assert [row["layer"] for row in answer["layers"]] == list(a)
    assert answer["layers"][0]["verdict"] == "rigid"
    assert answer["warnings"] == [w for w in answer["warnings"] if "no run has ids" not in w]
    other = {"inputs": {"digest": "y"}, "settings": {"pool": "mean", "batch_size": 4}}
    three = write_embedded(tmp_path / "three", mixed, ids[order], **other)
    said = run("compare", one, three, *QUICK).stderr
    assert "from inputs that are not the same" in said
    assert "with other settings: pool" in said


def test_names_of_files_cannot_steer_the_page_or_the_terminal(run, members, tmp_path):
    odd = "<script>alert(1)<\x1b[31m $x$ & 'it'"
    model = {odd: members["member_0"], "b": members["member_1"]}
    one, two = (write_plain(tmp_path / name, model) for name in ("a<b>", "c"))
    report = tmp_path / "layers.html"
    found = run("compare", one, two, *QUICK, "--report", report)
    assert found.exit_code == 0, found.output
    assert "\x1b" not in found.stdout
    page = report.read_text()
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert "a&lt;b&gt;" in page
    assert f"report: {report}" in found.stdout


@pytest.mark.parametrize(
    ("group", "status", "where"),
    [("linear", 3, "block.11"), ("rigid", 3, "block.10, block.11"), (None, 0, "")],
)
def test_check_asks_it_of_every_layer(run, folders, group, status, where):
    asked = ("--check", group) if group else ()
    found = run("compare", *folders, *QUICK, "--no-ica", "-q", *asked)
    assert found.exit_code == status
    if group:
        assert f"expected {group} at every layer, but not so at {where}" in found.stderr


def test_what_cannot_be_compared_is_one_line(run, failed, folders, runs_file, tmp_path):
    (tmp_path / "empty").mkdir()
    first = folders[0]
    assert "two folders, got 1" in run("compare", first, *QUICK).stderr
    assert run("compare", first, *QUICK).exit_code == 2
    assert "is a file: --layerwise" in failed(run("compare", first, runs_file, *QUICK))
    assert "there are no layers in it" in failed(run("compare", first, tmp_path / "empty", *QUICK))
    missing = failed(run("compare", first, first.parent / "seed2", *QUICK))
    assert "did you mean seed0 or seed1" in missing or "did you mean seed1 or seed0" in missing
    other = write_plain(tmp_path / "other", {"h": np.eye(5)})
    assert "no layer is in both models" in failed(run("compare", first, other, *QUICK))
    assert run("compare", *folders, *QUICK, "--features", "x").exit_code == 2


def test_folders_without_the_option_are_told_of_it(run, failed, folders):
    line = failed(run("compare", *folders))
    assert "seed0 is a folder of layers: compare two such folders with --layerwise" in line
    assert "seed0/block.10.npy" in line
