"""What is published: complete, small, and at work where it is installed."""

import os
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "nearid"
NOT_PUBLISHED = {"__pycache__"}


def run(*arguments, **environment):
    """Run Python without what the caller's environment adds to it, and return what it prints."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The archive of sources, and the wheel made of what is in it, as those who install it do."""
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """A folder into which the wheel alone was installed."""
    folder = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", "--no-compile"]
    run("-m", "pip", "install", *options, "--target", folder, built[1])
    return folder


def sources():
    """Return the files of the package, by their places."""
    files = [path for path in SOURCE.rglob("*") if path.is_file()]
    kept = [path for path in files if not NOT_PUBLISHED & set(path.parts)]
    return {path.relative_to(SOURCE.parent).as_posix(): path for path in kept}


def test_the_wheel_holds_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built[1]) as wheel:
        held = {name for name in wheel.namelist() if not name.endswith("/")}
        for name, path in sources().items():
            assert wheel.read(name) == path.read_bytes(), name
    about = {name for name in held if ".dist-info/" in name}
    assert held - about == set(sources())
    names = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "LICENSE"}
    assert {Path(name).name for name in about} == names


def test_both_are_small(built):
    for path in built:
        assert path.stat().st_size < 6e6, path.name


def test_the_sources_hold_what_tests_and_make_need(built):
    with tarfile.open(built[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    wanted = {"pyproject.toml", "README.md", "LICENSE", "Makefile", "constraints.txt"}
    wanted |= {"constraints-lowest.txt", "CONTRIBUTING.md", "tests/conftest.py"}
    wanted |= {"tests/packaging/api.txt", "tools/list_api.py", "tests/browser/audit.js"}
    assert wanted <= names
    assert not [name for name in names if "__pycache__" in name or "/_build/" in name]


def test_the_metadata_say_what_is_needed(built):
    with zipfile.ZipFile(built[1]) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        about = message_from_string(wheel.read(name).decode("utf-8"))
    assert about["License-Expression"] == "MIT"
    assert about["Requires-Python"] == ">=3.11"
    assert "harmony" in about.get_all("Provides-Extra")
    core = [text for text in about.get_all("Requires-Dist") if "extra ==" not in text]
    assert len(core) == 10


def test_it_works_where_it_is_installed(installed, tmp_path):
    """Templates, data and the command line came along."""
    code = (
        "import nearid, numpy as np; from nearid.report import render_report; "
        "z = np.random.default_rng(0).laplace(size=(200, 2)); "
        "html = render_report(nearid.statistical_identifiability([z, -z], random_state=0)); "
        "print(nearid.__file__, html.count('<h2'))"
    )
    place, headings = run("-c", code, PYTHONPATH=str(installed)).split()
    assert Path(place).is_relative_to(installed)
    assert int(headings) > 4
    version = run("-m", "nearid", "--version", PYTHONPATH=str(installed))
    assert version.startswith("nearid ")
    assert (installed / "nearid" / "py.typed").is_file()
    assert (installed / "bin" / "nearid").is_file()
