"""``nearid compare`` on real runs: what it prints, where, and with which status."""

import numpy as np
import pandas as pd
import pytest

from nearid import __version__, statistical_identifiability

QUICK = ("--components", "4", "--bootstrap", "20", "--null", "1")


@pytest.fixture(scope="module")
def compared(run, runs_file):
    """The JSON answer for the three runs."""
    return run("compare", f"{runs_file}::member_*", "--id-column", "molecule", *QUICK, "--json")


def test_json_is_the_result_of_the_library(compared, members, strict_json, runs_file):
    answer = strict_json(compared.stdout)
    runs = {name: members[name] for name in ("member_0", "member_1", "member_2")}
    expected = statistical_identifiability(
        runs, n_components=4, n_bootstrap=20, n_null=1, random_state=0
    ).to_dict()
    assert answer.pop("version") == __version__
    assert answer.pop("command").startswith(f"nearid compare '{runs_file}::member_*' --id-column")
    assert answer.keys() == expected.keys()
    assert answer["verdict"] == expected["verdict"]
    for found, wanted in zip(answer["pairs"], expected["pairs"], strict=True):
        assert found == pytest.approx(wanted, nan_ok=True)
    assert not any("ids" in warning for warning in answer["warnings"])


def test_json_has_the_stage_to_itself(compared):
    assert compared.exit_code == 0
    assert compared.stderr == ""


def test_summary_names_runs_ladder_and_warnings(run, runs_file):
    result = run("compare", f"{runs_file}::member_[01]", *QUICK)
    assert result.exit_code == 0
    assert "; whitened: 4 components of each run\n" in result.stdout
    assert result.stdout.startswith("2 runs of 600 rows: member_0, member_1\nverdict: ")
    for words in ("signed permutation", "ε/chance", "ICA efficiency", "warning: no run has ids"):
        assert words in result.stdout
    assert "\x1b" not in result.stdout
    assert all(line == line.rstrip() for line in result.stdout.splitlines())


def test_terminal_gets_colour(run, runs_file, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = run("compare", f"{runs_file}::member_[01]", *QUICK, "--no-ica")
    assert "\x1b[1;3" in result.stdout
    assert "ICA efficiency" not in result.stdout


def test_the_same_seed_gives_the_same_answer(run, runs_file):
    arguments = ("compare", f"{runs_file}::member_[01]", *QUICK, "--json", "--seed")
    assert run(*arguments, 1).stdout == run(*arguments, 1).stdout
    assert run(*arguments, 1).stdout != run(*arguments, 2).stdout


def test_notices_are_notes_and_warnings(run, members, tmp_path, strict_json):
    frame = pd.DataFrame(members["member_0"]).add_prefix("f").assign(well="A1")
    frame.to_parquet(tmp_path / "a.parquet")
    frame.iloc[::-1].to_parquet(tmp_path / "b.parquet")
    files = (tmp_path / "a.parquet", tmp_path / "b.parquet")
    result = run("compare", *files, "--features", "f1*", *QUICK, "--json")
    said = [line.removeprefix("nearid: note: ") for line in result.stderr.splitlines()]
    assert any("were not chosen" in line for line in said)
    assert any("not numeric" in line for line in said)
    assert set(said) <= set(strict_json(result.stdout)["warnings"])
    assert run("compare", *files, *QUICK, "--json", "-q").stderr == ""


def test_ids_align_what_lies_in_another_order(run, members, tmp_path):
    frame = pd.DataFrame(members["member_0"]).add_prefix("f")
    frame["Metadata_id"] = members["molecule"]
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.sample(frac=1, random_state=0).to_csv(tmp_path / "b.csv", index=False)
    files = (tmp_path / "a.csv", tmp_path / "b.csv")
    aligned = run("compare", *files, "--id-column", "Metadata_id", *QUICK, "--check", "identity")
    assert aligned.exit_code == 0
    assert "verdict: identity" in aligned.stdout
    assert run("compare", *files, *QUICK, "--check", "linear").exit_code == 3


@pytest.mark.parametrize(
    ("check", "status"),
    [("identity", 3), ("signed_permutation", 3), ("rigid", 0), ("similarity", 0), ("linear", 0)],
)
def test_check_takes_the_group_or_a_smaller_one(run, rotated, check, status):
    result = run("compare", *rotated, *QUICK, "--no-ica", "--check", check)
    assert result.exit_code == status, result.output
    assert "verdict: rigid" in result.stdout
    line = f"nearid: check not met: expected {check}, got rigid\n"
    assert result.stderr == (line if status else "")


@pytest.fixture
def rotated(members, tmp_path):
    """A real run, and the same after a rotation."""
    z = members["member_0"].astype(float)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 40)))[0]
    np.save(tmp_path / "a.npy", z)
    np.save(tmp_path / "b.npy", z @ rotation)
    return tmp_path / "a.npy", tmp_path / "b.npy"


def test_check_of_the_ica_rung(run, tmp_path):
    """Four Laplace sources are found again after a linear map; two unrelated runs are not."""
    rng = np.random.default_rng(0)
    sources = rng.laplace(size=(4000, 4))
    np.save(tmp_path / "s.npy", sources @ rng.normal(size=(4, 4)))
    np.save(tmp_path / "t.npy", sources @ rng.normal(size=(4, 4)))
    np.save(tmp_path / "u.npy", rng.laplace(size=(4000, 4)))
    quick = ("--components", "all", "--bootstrap", 20, "--null", 1, "--check", "ica")
    assert run("compare", tmp_path / "s.npy", tmp_path / "t.npy", *quick).exit_code == 0
    result = run("compare", tmp_path / "s.npy", tmp_path / "u.npy", *quick)
    assert result.exit_code == 3
    assert result.stderr == "nearid: check not met: expected ica, got no group\n"


def test_epsilon_is_an_absolute_bound(run, runs_file):
    arguments = ("compare", f"{runs_file}::member_[01]", *QUICK, "--no-ica")
    assert "verdict: identity" in run(*arguments, "--epsilon", "0.9").stdout
    assert "verdict: not identifiable" in run(*arguments, "--epsilon", "1e-9").stdout


def test_names_are_short_and_distinct(run, members, tmp_path):
    for folder in ("seed0", "seed1"):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "z.npy", members["member_0"])
    files = (tmp_path / "seed0" / "z.npy", tmp_path / "seed1" / "z.npy")
    assert "2 runs of 600 rows: seed0/z.npy, seed1/z.npy\n" in run("compare", *files, *QUICK).stdout
    assert ": z (1), z (2)\n" in run("compare", files[0], files[0], *QUICK).stdout


def test_report_is_written_and_names_the_command(run, runs_file, tmp_path):
    report = tmp_path / "report.html"
    result = run("compare", f"{runs_file}::member_[01]", *QUICK, "--report", report)
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(f"\nreport: {report}\n")
    text = report.read_text(encoding="utf-8")
    assert "nearid compare" in text
    assert "--report" in text
    assert "<script src" not in text


@pytest.mark.parametrize(
    "options",
    [
        ("--tolerance", "0.1", "--epsilon", "0.1"),
        ("--tolerance", "1.5"),
        ("--epsilon", "0"),
        ("--components", "0"),
        ("--components", "many"),
        ("--holdout", "1.5"),
        ("--holdout", "0"),
        ("--bootstrap", "1"),
        ("--null", "0"),
        ("--jobs", "0"),
        ("--seed", "-1"),
        ("--check", "rotation"),
        ("--check", "ica", "--no-ica"),
        ("--bogus",),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(run, runs_file, failed, options):
    line = failed(run("compare", runs_file, *options), status=2)
    assert line.endswith("(see nearid compare --help)")
    assert options[-2 if len(options) == 2 else 0].strip("-") in line or "one of" in line


def test_ladder_fits_on_80_columns(run, runs_file, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    result = run("compare", f"{runs_file}::member_[01]", *QUICK)
    assert "signed permutation" in result.stdout
    assert "…" not in result.stdout


def test_units_are_columns_and_are_said(run, tmp_path, strict_json):
    rng = np.random.default_rng(0)
    cells = pd.DataFrame(rng.laplace(size=(200, 3))).add_prefix("f")
    cells["Metadata_Plate"] = np.repeat(["p", "q"], 100)
    cells["Metadata_Well"] = np.tile(np.repeat(np.arange(10), 10), 2)
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path in paths:
        cells.to_parquet(path)
    alone = strict_json(run("compare", *paths, "--no-ica", "--json").stdout)
    assert any("pass unit='Metadata_Plate,Metadata_Well'" in told for told in alone["warnings"])
    asked = run("compare", *paths, "--no-ica", "--json", "--unit", "Metadata_Plate,Metadata_Well")
    answer = strict_json(asked.stdout)
    assert "rows come in 20 units, of which 10 are held out" in answer["warnings"]
    assert answer["settings"]["unit"] == "Metadata_Plate,Metadata_Well"
    wrong = run("compare", *paths, "--unit", "Metadata_well")
    assert wrong.exit_code == 1
    assert "did you mean Metadata_Well" in wrong.stderr


def test_units_of_layers_are_refused(run, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "x.npy", np.eye(9))
    result = run("compare", tmp_path / "a", tmp_path / "b", "--layerwise", "--unit", "well")
    assert result.exit_code == 2
    assert "--unit" in result.stderr
