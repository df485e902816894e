"""``nearid deconfound``: from profiles to a table, corrected profiles, and a page."""

import pandas as pd
import pytest

ASKED = ["--batch", "Metadata_Plate", "--label", "Metadata_Gene", "--repeats", "1"]
ASKED += ["--classifiers", "l2", "--components", "6"]


@pytest.fixture(scope="module")
def profiles(wells, tmp_path_factory):
    """The file."""
    path = tmp_path_factory.mktemp("deconfound") / "profiles.parquet"
    wells.to_parquet(path)
    return path


def test_summary_page_and_corrected_profiles(run, profiles, wells, tmp_path):
    page, out = tmp_path / "page.html", tmp_path / "corrected.parquet"
    options = ["--control", "DMSO", "--position", "Metadata_Well", "--report", page, "--out", out]
    done = run("deconfound", profiles, *ASKED, *options)
    assert done.exit_code == 0, done.output
    assert "pca_random" in done.stdout
    assert "technical components, dropped" in done.stdout
    assert "±: half of the 95 % interval over held-out batches\n" in done.stdout
    text = page.read_text()
    assert "<b>TP53" not in text
    assert "texture of nuclei" in text
    written = pd.read_parquet(out)
    for name in ("Metadata_Plate", "Metadata_Gene", "Metadata_Well"):
        assert (written[name] == wells[name]).all()
    left = [name for name in written if name.startswith("ica")]
    assert len(left) == 5  # the plates' shift is one component


def test_json(run, profiles, strict_json):
    found = strict_json(run("deconfound", profiles, *ASKED, "--json").stdout)
    assert {row["method"] for row in found["scores"]} >= {"base", "pca_ica", "nap"}
    assert len(found["attribution"]["components"]) == 6
    assert len(found["dropped"]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch", "Metadata_Plat"], "no column Metadata_Plat"),
        (["--methods", "pca,magic"], "methods must be some of"),
        (["--methods", "tvn"], "needs control="),
        (["--scaling", "log"], "scaling must be one of"),
    ],
)
def test_wrong_options_fail_with_one_line(run, profiles, failed, options, message):
    assert message in failed(run("deconfound", profiles, *ASKED, *options))


@pytest.mark.parametrize("option", ["--covariate", "--unit", "--position"])
def test_a_column_that_is_not_there_is_named_before_the_work(run, profiles, option):
    done = run("deconfound", profiles, *ASKED, option, "Metadata_Wel")
    assert done.exit_code == 1
    assert "no column Metadata_Wel" in done.stderr
    assert "holding out" not in done.stderr


def test_an_unknown_format_is_refused_before_the_work(run, profiles, tmp_path, failed):
    done = run("deconfound", profiles, *ASKED, "--out", tmp_path / "x.docx")
    assert ".parquet" in failed(done, status=2)


def test_h5ad_needs_h5ad(run, profiles, tmp_path, failed):
    done = run("deconfound", profiles, *ASKED, "--out", tmp_path / "x.h5ad")
    assert "only be written from an .h5ad file" in failed(done)
    assert not (tmp_path / "x.h5ad").exists()
