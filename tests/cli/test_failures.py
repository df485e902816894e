"""Whatever is wrong with the input or the output: one clear line, a status, no traceback."""

import numpy as np
import pytest

import nearid.io
from nearid.cli.failures import explanation

QUICK = ("--components", "2", "--bootstrap", "20", "--null", "1")
RNG = np.random.default_rng(0)
GOOD = RNG.normal(size=(60, 5))


def saved(array):
    return lambda path: np.save(path, array)


def with_value(value):
    array = GOOD.copy()
    array[7, 2] = value
    return saved(array)


def truncated(path):
    np.save(path, GOOD)
    path.write_bytes(path.read_bytes()[:-100])


def objects(path):
    np.save(path, np.array([["a", 1], ["b", 2]], dtype=object), allow_pickle=True)


#: What the second run is, and words of the line that it must lead to.
BAD = {
    "another length": (saved(GOOD[:50]), "a.npy has 60 rows|a has 60 rows, b has 50"),
    "one axis": (saved(GOOD[:, 0]), r"of shape \(60,\); add an axis"),
    "three axes": (saved(GOOD[None]), "flatten it, or pool"),
    "complex": (saved(GOOD * 1j), "real numbers"),
    "text": (saved(GOOD.astype(str)), "real numbers"),
    "objects": (objects, "Python objects"),
    "nan": (with_value(np.nan), "NaN|missing"),
    "infinite": (with_value(np.inf), "infinite"),
    "no rows": (saved(GOOD[:0]), "rows"),
    "no columns": (saved(GOOD[:, :0]), "at least one column"),
    "one row": (saved(GOOD[:1]), "rows"),
    "truncated": (truncated, "b.npy"),
    "not an array": (lambda path: path.write_text("hello"), "cannot be read|is not|expected"),
    "0 bytes": (lambda path: path.write_bytes(b""), r"empty \(0 bytes\)"),
    "a folder": (lambda path: path.mkdir(), "is a folder"),
    "nothing": (lambda path: None, "does not exist"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_second_run(run, failed, tmp_path, kind):
    make, words = BAD[kind]
    np.save(tmp_path / "a.npy", GOOD)
    make(tmp_path / "b.npy")
    result = run("compare", tmp_path / "a.npy", tmp_path / "b.npy", *QUICK)
    assert any(word in failed(result) for word in plain(words)), result.stderr


def plain(words):
    return [word.replace("\\", "") for word in words.split("|")]


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_too_few_rows(run, failed, tmp_path, rows):
    np.save(tmp_path / "a.npy", GOOD[:rows])
    line = failed(run("compare", tmp_path / "a.npy", tmp_path / "a.npy", *QUICK))
    assert "rows" in line


def test_more_columns_than_rows_is_answered_with_a_warning(run, tmp_path):
    np.save(tmp_path / "a.npy", RNG.normal(size=(20, 30)))
    np.save(tmp_path / "b.npy", RNG.normal(size=(20, 30)))
    result = run("compare", tmp_path / "a.npy", tmp_path / "b.npy", *QUICK)
    assert result.exit_code == 0
    assert "verdict: not identifiable" in result.stdout
    assert "warning: " in result.stdout
    assert "30" in result.stdout


def test_collapsed_run_is_named(run, tmp_path):
    np.save(tmp_path / "a.npy", GOOD)
    np.save(tmp_path / "flat.npy", np.ones_like(GOOD))
    files = (tmp_path / "a.npy", tmp_path / "flat.npy")
    result = run("compare", *files, *QUICK, "--check", "linear")
    assert result.exit_code == 3
    assert "flat has collapsed" in result.stdout


def test_one_run_is_none_to_compare(run, failed, tmp_path):
    np.save(tmp_path / "a.npy", GOOD)
    assert "at least two runs" in failed(run("compare", tmp_path / "a.npy", *QUICK))


def test_key_that_is_not_there(run, failed, runs_file):
    assert "has no array member_9" in failed(run("compare", f"{runs_file}::member_9"))


def test_a_value_that_is_none_of_those_is_one_line(run):
    result = run("compare", "a.npy", "b.npy", "--check", "isometry")
    assert result.exit_code == 2
    assert "'--check': 'isometry' is not one of 'identity', " in result.stderr


def test_unknown_format(run, failed, tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04N.")
    assert "the format .pkl cannot be read" in failed(run("info", tmp_path / "a.pkl"))


def test_id_column_that_is_not_there(run, failed, runs_file):
    assert "no column well" in failed(run("compare", runs_file, "--id-column", "well"))


def test_ids_that_repeat(run, failed, members, tmp_path):
    ids = np.zeros(600, int)
    np.savez(tmp_path / "a.npz", a=members["member_0"], b=members["member_1"], well=ids)
    line = failed(run("compare", tmp_path / "a.npz", "--id-column", "well"))
    assert "must be unique" in line


def test_ids_that_are_others(run, failed, members, tmp_path):
    for name, shift in (("a", 0), ("b", 7)):
        ids = members["molecule"] + shift
        np.savez(tmp_path / f"{name}.npz", **{name: members["member_0"], "ids": ids})
    line = failed(run("compare", tmp_path / "a.npz", tmp_path / "b.npz", *QUICK))
    assert "of which 593 are shared" in line


def test_features_that_are_not_there(run, failed, tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    assert "has no feature z" in failed(run("info", tmp_path / "a.csv", "--features", "z"))


def test_features_of_a_table_without_names(run, failed, runs_file):
    assert "no column names" in failed(run("compare", runs_file, "--features", "f*"))


def test_name_that_would_break_the_line(run, failed, tmp_path):
    line = failed(run("info", tmp_path / "two\nlines\x1b[31m.npy"))
    assert "two lines\\x1b[31m.npy does not exist" in line


UNWRITABLE = {
    "a folder": lambda folder: folder,
    "in no folder": lambda folder: folder / "none" / "out.html",
    "below a file": lambda folder: folder / "a.npy" / "out.html",
}


@pytest.mark.parametrize("kind", UNWRITABLE)
def test_unwritable_report_fails_before_the_work(run, failed, tmp_path, monkeypatch, kind):
    np.save(tmp_path / "a.npy", GOOD)
    monkeypatch.setattr(nearid.io, "read", None)  # whatever is read is read too early
    out = UNWRITABLE[kind](tmp_path)
    line = failed(run("compare", tmp_path / "a.npy", tmp_path / "a.npy", "--report", out))
    assert "folder" in line
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


@pytest.mark.parametrize("name", ["report.csv", "report", "page.html.gz"])
def test_a_report_is_called_html(run, failed, tmp_path, monkeypatch, name):
    np.save(tmp_path / "a.npy", GOOD)
    monkeypatch.setattr(nearid.io, "read", None)
    line = failed(
        run("compare", tmp_path / "a.npy", tmp_path / "a.npy", "--report", tmp_path / name)
    )
    assert f"{name} is to be a page" in line
    assert "name it" in line
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


@pytest.mark.parametrize("name", ["report.HTML", "report.htm"])
def test_a_report_may_be_called_html_in_other_ways(run, tmp_path, name):
    np.save(tmp_path / "a.npy", GOOD)
    done = run(
        "compare", tmp_path / "a.npy", tmp_path / "a.npy", *QUICK, "--report", tmp_path / name
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / name).read_text(encoding="utf-8").startswith("<!")


@pytest.mark.parametrize("text", ["hue", "=1", "hue=", "hue=twelve"])
def test_a_circular_factor_needs_a_name_and_a_period(run, tmp_path, text):
    np.save(tmp_path / "a.npy", GOOD)
    both = (tmp_path / "a.npy", "--factors", tmp_path / "a.npy")
    done = run("score", *both, "--circular", text)
    assert done.exit_code == 2
    assert "--circular" in done.stderr
    assert "expected NAME=PERIOD" in done.stderr


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_old_report_stays_when_the_new_one_fails(run, failed, tmp_path, monkeypatch, error):
    np.save(tmp_path / "a.npy", GOOD)
    report = tmp_path / "report.html"
    report.write_text("old")

    def interrupted(*_, **__):
        raise error

    monkeypatch.setattr("nearid.report.document.render_report", interrupted)
    result = run("compare", tmp_path / "a.npy", tmp_path / "a.npy", *QUICK, "--report", report)
    known = isinstance(error, OSError)
    line = failed(result, 1 if known else 130)
    assert line == f"nearid: {'No space left on device' if known else 'interrupted'}"
    assert report.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "report.html"]


def test_debug_raises(run, tmp_path):
    for arguments in (("--debug", "info"), ("info", "--debug")):
        result = run(*arguments, tmp_path / "a.npy")
        assert isinstance(result.exception, nearid.InputError)


def test_a_fault_of_ours_says_so(run, runs_file, monkeypatch):
    def fault(*_, **__):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(nearid.io, "read", fault)
    result = run("info", runs_file)
    assert result.exit_code == 1
    assert result.stderr.startswith("nearid: unexpected ZeroDivisionError: by zero")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "not enough memory: use fewer rows or columns"),
        (PermissionError(13, "Permission denied", "a.npy"), "a.npy: Permission denied"),
        (OSError("lost"), "lost"),
        (nearid.InputError("expected this"), "expected this"),
    ],
)
def test_explanations(error, line):
    assert explanation(error) == line


def test_no_command_shows_the_help_with_status_2(run):
    result = run()
    assert result.exit_code == 2
    assert "nearid demo" in result.output


def test_unknown_command(run, failed):
    assert "No such command" in failed(run("compar"), status=2)


def test_every_option_has_its_help(run):
    for command in ("compare", "fit", "transform", "info", "demo"):
        result = run(command, "--help")
        assert result.exit_code == 0
        assert f"nearid {command}" in result.stdout
        assert "Examples:" in result.stdout
