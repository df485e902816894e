"""``nearid demo``, and the bundled runs: cut from the original, to the byte."""

import zipfile
from importlib.resources import files

import numpy as np
import pytest

from nearid.cli.demo import bundled

BUNDLED = files("nearid") / "data" / "admet_members.npz"


def test_demo_from_end_to_end(run, tmp_path):
    result = run("demo", "--out", tmp_path / "made" / "here")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    report = tmp_path / "made" / "here" / "report.html"
    assert result.stdout.startswith("5 runs of 1400 rows: member_0,")
    assert "\nverdict: " in result.stdout
    assert result.stdout.endswith(f"\nreport: {report}\n")
    assert "no run has ids" not in result.stdout
    text = report.read_text(encoding="utf-8")
    assert "nearid demo --out" in text
    assert "<svg" in text or "data:image" in text


def test_folder_that_cannot_be_made(run, failed, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be made" in failed(run("demo", "--out", tmp_path / "file" / "demo"))


def test_bundled_runs_are_the_original(data_folder):
    """Half precision is all that is lost, and what is compared is in single precision."""
    runs, notices = bundled()
    assert not notices
    assert len(runs) == 5
    with np.load(data_folder / "representations" / "admet_members.npz") as original:
        for i, found in enumerate(runs):
            assert len(found) >= 1200
            assert found.dtype == np.float32
            expected = original[f"member_{i}"][found.ids]
            np.testing.assert_allclose(found.source, expected, rtol=2**-11, atol=2**-24)


def test_bundled_runs_are_small():
    assert len(BUNDLED.read_bytes()) < 4_000_000


@pytest.fixture
def cut(tool):
    """The tool's function."""
    return tool("make_demo_data").cut


def test_tool_makes_the_same_bytes_again(cut, data_folder, tmp_path):
    """Every array to the byte; how zlib packs them is the business of its version."""
    original = data_folder / "representations" / "admet_members.npz"
    cut(original, tmp_path / "one.npz")
    cut(original, tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with (
        zipfile.ZipFile(tmp_path / "one.npz") as made,
        BUNDLED.open("rb") as stream,
        zipfile.ZipFile(stream) as kept,
    ):
        assert made.namelist() == kept.namelist()
        for entry in kept.infolist():
            assert made.getinfo(entry.filename).date_time == entry.date_time
            assert made.read(entry.filename) == kept.read(entry.filename)
