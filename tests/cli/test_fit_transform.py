"""``nearid fit`` and ``nearid transform``: keep an ICA, apply it, and go back."""

import numpy as np
import pandas as pd
import pytest

from nearid import LatentICA
from nearid.io import read


@pytest.fixture(scope="module")
def table(members, tmp_path_factory):
    """A real run with ids, names and metadata, as Parquet."""
    frame = pd.DataFrame(members["member_0"]).add_prefix("f")
    frame.insert(0, "Metadata_half", np.arange(600) % 2)
    frame.index = [f"drug {i}" for i in members["molecule"]]
    path = tmp_path_factory.mktemp("table") / "run.parquet"
    frame.to_parquet(path)
    return path


@pytest.fixture(scope="module")
def model(run, table, tmp_path_factory):
    """An ICA of that run, kept."""
    path = tmp_path_factory.mktemp("model") / "ica.safetensors"
    result = run("fit", table, "--out", path, "--components", "5")
    assert result.exit_code == 0, result.output
    return path


def test_fit_prints_a_row_per_component(run, table, tmp_path, strict_json):
    out = tmp_path / "ica.safetensors"
    result = run("fit", table, "--out", out, "--components", "5")
    rows = [line for line in result.stdout.splitlines() if line.startswith("ica")]
    assert [row.split()[0] for row in rows] == ["ica0", "ica1", "ica2", "ica3", "ica4"]
    assert result.stdout.endswith(f"model: {out}\n")
    result = run("fit", table, "--out", out, "--components", "5", "--json")
    assert [row["component"] for row in strict_json(result.stdout)][-1] == "ica4"


def test_fit_is_the_same_to_the_byte(run, table, model, tmp_path):
    run("fit", table, "--out", tmp_path / "again.safetensors", "--components", "5")
    assert (tmp_path / "again.safetensors").read_bytes() == model.read_bytes()


def test_passes_are_kept_and_taken_up(run, table, model, tmp_path):
    for _ in range(2):
        out, kept = tmp_path / "again.safetensors", tmp_path / "kept"
        result = run("fit", table, "--out", out, "--components", "5", "--checkpoint", kept)
        assert result.exit_code == 0, result.output
        assert out.read_bytes() == model.read_bytes()
    assert len(list(kept.glob("pass-*.safetensors"))) > 5


def test_a_folder_of_passes_that_cannot_be_made_is_named(run, failed, table, tmp_path):
    (tmp_path / "file").write_text("")
    arguments = ("fit", table, "--out", tmp_path / "m.safetensors")
    line = failed(run(*arguments, "--checkpoint", tmp_path / "file"))
    assert "checkpoint: " in line
    assert "cannot be used as a folder" in line


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npz", ".safetensors", ".npy"])
def test_transform_writes_components_ids_and_metadata(run, table, model, members, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    result = run("transform", model, table, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"600 rows × 5 columns: {out}\n"
    [written] = read(out)
    ica = LatentICA(5, random_state=0).fit(members["member_0"])
    expected = ica.transform(members["member_0"])
    np.testing.assert_allclose(np.asarray(written.values), expected, rtol=1e-4, atol=1e-4)
    if suffix == ".npy":
        assert "are left out" in result.stderr
        return
    assert result.stderr == ""
    assert written.columns == ("ica0", "ica1", "ica2", "ica3", "ica4")
    assert written.ids is not None
    assert written.ids[1] == "drug 1"
    [half] = [v for name, v in written.metadata.items() if name.endswith("half")]
    assert half[:3].tolist() == [0, 1, 0]


def test_inverse_brings_the_features_back(run, table, members, tmp_path):
    model, there, back = (tmp_path / name for name in ("m.safetensors", "c.csv", "b.parquet"))
    assert run("fit", table, "--out", model, "--components", "all").exit_code == 0
    run("transform", model, table, "--out", there)
    result = run("transform", model, there, "--inverse", "--out", back)
    assert result.exit_code == 0, result.output
    [written] = read(back)
    assert written.columns == tuple(f"f{i}" for i in range(40))
    np.testing.assert_allclose(np.asarray(written.values), members["member_0"], atol=1e-4)


def test_columns_are_taken_by_name(run, table, model, tmp_path):
    frame = pd.read_parquet(table)
    shuffled = frame[frame.columns[::-1]].assign(extra=1.0)
    shuffled.to_parquet(tmp_path / "s.parquet")
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    run("transform", model, table, "--out", one)
    result = run("transform", model, tmp_path / "s.parquet", "--out", other)
    assert "taken by name, 1 that the model does not know left out" in result.stderr
    np.testing.assert_allclose(read(one)[0].values, read(other)[0].values, atol=1e-5)


def test_missing_column_is_named(run, failed, table, model, tmp_path):
    frame = pd.read_parquet(table).drop(columns="f7")
    frame.to_parquet(tmp_path / "s.parquet")
    line = failed(run("transform", model, tmp_path / "s.parquet", "--out", tmp_path / "o.csv"))
    assert "lacks 1 of the 40 columns that this model needs, such as 'f7'" in line
    assert not (tmp_path / "o.csv").exists()


def test_wrong_width_without_names(run, failed, model, tmp_path):
    np.save(tmp_path / "w.npy", np.ones((4, 39)))
    line = failed(run("transform", model, tmp_path / "w.npy", "--out", tmp_path / "o.csv"))
    assert "has 39 columns, but this model has 40 features" in line
    line = failed(
        run("transform", model, tmp_path / "w.npy", "--inverse", "--out", tmp_path / "o.csv")
    )
    assert "but this model has 5 components" in line


def test_right_width_without_names_is_noted(run, model, members, tmp_path):
    np.save(tmp_path / "w.npy", members["member_0"])
    result = run("transform", model, tmp_path / "w.npy", "--out", tmp_path / "o.csv")
    assert "without names: taken to be in the order of the model" in result.stderr


def test_several_tables_are_refused(run, failed, runs_file, tmp_path):
    line = failed(run("fit", runs_file, "--out", tmp_path / "m.safetensors"))
    assert "holds 3 tables (member_0, member_1, member_2): name one" in line


def test_old_model_stays_when_the_fit_fails(run, failed, members, tmp_path):
    broken = members["member_0"].copy()
    broken[3, 3] = np.nan
    np.save(tmp_path / "a.npy", broken)
    (tmp_path / "m.safetensors").write_text("old")
    failed(run("fit", tmp_path / "a.npy", "--out", tmp_path / "m.safetensors"))
    assert (tmp_path / "m.safetensors").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_no_model_is_refused(run, failed, members, table, tmp_path):
    out = tmp_path / "o.csv"
    assert "does not exist" in failed(run("transform", tmp_path / "m", table, "--out", out))
    (tmp_path / "m.safetensors").write_text("no")
    failed(run("transform", tmp_path / "m.safetensors", table, "--out", out))
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "a.npy"),
        ("fit", "a.npy", "--out", "m.npz"),
        ("fit", "a.npy", "--out", "m.safetensors", "--contrast", "tanh"),
        ("fit", "a.npy", "--out", "m.safetensors", "--components", "-3"),
        ("transform", "m.safetensors", "a.npy"),
        ("transform", "m.safetensors", "a.npy", "--out", "b.xlsx"),
        ("transform", "m.safetensors", "a.npy", "--out", "b.h5ad"),
    ],
)
def test_wrong_usage(run, failed, arguments):
    failed(run(*arguments), status=2)


def test_a_warning_is_a_note_on_one_line(run, members, tmp_path, strict_json):
    """Fewer than three rows per component: the estimator warns, the command notes it."""
    np.save(tmp_path / "a.npy", members["member_0"][:60])
    arguments = ("fit", tmp_path / "a.npy", "--out", tmp_path / "m.safetensors", "--json")
    result = run(*arguments, "--components", "30")
    assert result.exit_code == 0, result.output
    assert strict_json(result.stdout)
    notes = result.stderr.splitlines()
    assert notes
    assert all(line.startswith("nearid: note: ") for line in notes)
    assert "estimator.py" not in result.stderr
    assert run(*arguments, "--components", "30", "-q").stderr == ""
