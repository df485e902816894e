"""``nearid info``: what is in a file."""

import numpy as np
import pandas as pd
import pytest


def test_real_archive(run, runs_file, strict_json, members):
    found = strict_json(run("info", runs_file, "--json", "--id-column", "molecule").stdout)
    assert [entry["table"] for entry in found] == ["member_0", "member_1", "member_2"]
    z = members["member_0"].astype(float)
    assert found[0] == {
        "file": str(runs_file),
        "table": "member_0",
        "rows": 600,
        "columns": 40,
        "dtype": "float32",
        "ids": ["0", "1", "2", "3", "4"],
        "metadata": [],
        "features": None,
        "missing_values": 0,
        "infinite_values": 0,
        "columns_with_either": 0,
        "rank": np.linalg.matrix_rank(z - z.mean(axis=0)),
        "collapsed": False,
        "constant_columns": int((z == z[0]).all(axis=0).sum()),
        "notices": [],
    }


def test_real_profiles(run, data_folder):
    result = run("info", data_folder / "profiles" / "targeted_fibrosis.parquet")
    assert result.exit_code == 0, result.output
    assert "1992 rows × " in result.stdout
    assert "Metadata_" in result.stdout
    assert result.stderr == ""


def test_missing_infinite_and_constant_values(run, tmp_path, strict_json):
    frame = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [np.inf, 2.0, -np.inf], "c": [5.0] * 3})
    frame.to_parquet(tmp_path / "a.parquet")
    frame[["c"]].assign(d=[1.0, 2.0, 3.0]).to_csv(tmp_path / "b.csv", index=False)
    result = run("info", tmp_path / "a.parquet", tmp_path / "b.csv", "--json")
    bad, good = strict_json(result.stdout)
    assert (bad["missing_values"], bad["infinite_values"], bad["columns_with_either"]) == (1, 2, 2)
    assert (bad["rank"], bad["collapsed"], bad["constant_columns"]) == (None, None, None)
    assert (good["rank"], good["constant_columns"]) == (1, 1)
    text = run("info", tmp_path / "a.parquet", tmp_path / "b.csv").stdout
    assert "1 missing and 2 infinite values, in 2 columns" in text
    assert "1 of 2 columns" in text


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full((5, 3), 7.0), "0: collapsed, every row is the same"),
        (np.zeros((0, 3)), "unknown: no rows"),
        (np.arange(12).reshape(4, 3), "1 of 3"),
        (np.eye(3, dtype=bool), "2 of 3"),
    ],
)
def test_rank_in_words(run, tmp_path, array, words):
    np.save(tmp_path / "a.npy", array)
    result = run("info", tmp_path / "a.npy")
    assert result.exit_code == 0, result.output
    assert f"rank      {words}\n" in result.stdout


def test_columns_without_names_are_said_to_be_unnamed(run, tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1.0, np.nan], [2.0, 3.0]]))
    told = run("info", tmp_path / "a.npy").stdout
    assert "  features  unnamed\n" in told
    assert "1 missing and 0 infinite values, in 1 column\n" in told


def test_model(run, tmp_path, runs_file, strict_json):
    out = tmp_path / "m.safetensors"
    run("fit", f"{runs_file}::member_0", "--out", out, "--components", "3")
    assert "LatentICA of 3 components" in run("info", out).stdout
    [found] = strict_json(run("info", out, "--json").stdout)
    assert (found["components"], found["columns"], found["rows"]) == (3, 40, 600)
