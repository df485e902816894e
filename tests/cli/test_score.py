"""``nearid score``: from files to scores, and to a page."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Codes that are a linear map of factors, one a circle and one a name, in two files."""
    folder = tmp_path_factory.mktemp("score")
    rng = np.random.default_rng(0)
    hue, size = rng.integers(0, 12, 1200), rng.integers(0, 8, 1200)
    shape = np.array(["cube", "ball", "<b>cone</b>"])[rng.integers(0, 3, 1200)]
    angle = 2 * np.pi * hue / 12
    true = np.column_stack([np.cos(angle), np.sin(angle), size / 4, np.arange(1200) % 5])
    np.save(folder / "codes.npy", true @ rng.standard_normal((4, 4)))
    table = {"hue": hue, "size": size, "shape": shape, "other": np.arange(1200) % 5}
    pd.DataFrame(table).to_csv(folder / "factors.csv", index=False)
    return folder


def test_summary_and_page(run, files, tmp_path):
    page = tmp_path / "page.html"
    options = ["--circular", "hue=12", "--nominal", "shape", "--report", page]
    done = run("score", files / "codes.npy", "--factors", files / "factors.csv", *options)
    assert done.exit_code == 0, done.output
    assert "verdict" in done.stdout
    assert "infomec" in done.stdout
    text = page.read_text()
    assert "hue cos" in text
    assert "<b>cone" not in text
    assert "hue is circular" in text.lower()


def test_json(run, files, strict_json):
    options = ["--metrics", "mcc,r2", "--json"]
    done = run("score", files / "codes.npy", "--factors", files / "factors.csv", *options)
    found = strict_json(done.stdout)
    assert {row["metric"] for row in found["scores"]} == {"mcc", "r2"}
    assert found["settings"]["metrics"] == ["mcc", "r2"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metrics", "mood"], "no metric 'mood'"),
        (["--circular", "hue=0"], "above 0"),
        (["--nominal", "colour"], "no factor 'colour'"),
    ],
)
def test_wrong_options_fail_with_one_line(run, files, failed, options, message):
    done = run("score", files / "codes.npy", "--factors", files / "factors.csv", *options)
    assert message in failed(done)


def test_period_must_be_given(run, files):
    done = run(
        "score", files / "codes.npy", "--factors", files / "factors.csv", "--circular", "hue"
    )
    assert done.exit_code in (1, 2)
    assert "hue" in done.stderr


def test_another_length(run, files, failed, tmp_path):
    np.save(tmp_path / "short.npy", np.ones((10, 2)))
    done = run("score", files / "codes.npy", "--factors", tmp_path / "short.npy")
    assert "1200 rows, the factors have 10" in failed(done)


def test_text_is_said_to_be_left_out_only_where_it_is(run, files, tmp_path):
    table = pd.read_csv(files / "factors.csv").assign(note="x")
    table.to_csv(tmp_path / "factors.csv", index=False)
    command = ["score", files / "codes.npy", "--metrics", "mcc", "--nominal", "shape", "--factors"]
    assert "so no factors: note\n" in run(*command, tmp_path / "factors.csv").stderr
    done = run(*command, files / "factors.csv")
    assert done.exit_code == 0, done.output
    assert "no factors" not in done.stderr
    assert "not features" not in done.stderr


def test_units_are_a_column_of_either_file(run, files, tmp_path, strict_json):
    factors = pd.read_csv(files / "factors.csv")
    factors["Metadata_Scene"] = np.arange(1200) // 10
    factors.drop(columns="shape").to_csv(tmp_path / "factors.csv", index=False)
    call = ["score", files / "codes.npy", "--factors", tmp_path / "factors.csv"]
    answer = strict_json(
        run(*call, "--unit", "Metadata_Scene", "--metrics", "mcc", "--json").stdout
    )
    assert "rows come in 120 units, of which 60 are held out" in answer["warnings"]
