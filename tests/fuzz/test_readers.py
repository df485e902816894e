"""Damaged and hostile files of every format: read or refused in one line, and nothing else.

``make nightly`` reads a hundred times as many.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: The formats of tables, of what a user keeps, and of data sets.
FORMATS = ["npy", "npz", "safetensors", "parquet", "csv", "tsv", "csv.gz", "h5ad", "zarr", "ica"]
FORMATS += ["pass", "checkpoint", "idx", "matfile", "norb", "archive", "embedding", "inputs"]
FORMATS += ["images", "lines", "model", "wells", "pairs"]


def fuzzed(tmp_path, *arguments):
    """Run the fuzzer as the nightly job does; return its exit status and its numbers."""
    numbers = tmp_path / "numbers.json"
    command = [sys.executable, "-m", "tests.fuzz", *arguments, "--json", str(numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert numbers.exists(), done.stderr
    return done.returncode, json.loads(numbers.read_text()), done.stdout


def available():
    """Which formats can be read here; the extras bring some."""
    code = "from tests.fuzz.subjects import *; print(*SUBJECTS); print(*available())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return [line.split() for line in done.stdout.splitlines()]


KNOWN, HERE = available()


def test_every_format_is_fuzzed():
    from nearid.io import READERS

    assert set(FORMATS) == set(KNOWN)
    assert {suffix.removeprefix(".") for suffix in READERS} - {"tsv.gz"} <= set(KNOWN)


@pytest.mark.parametrize("name", [name for name in FORMATS if name in HERE])
def test_damaged_files_are_read_or_refused(name, tmp_path):
    files = 100 if name == "h5ad" else 2000  # each .h5ad starts a process
    status, [found], said = fuzzed(tmp_path, "--format", name, "--files", str(files))
    counts = found["counts"]
    assert status == 0, said
    assert found["files"] == files
    assert counts["refused"] > files / 10
    assert counts["read"] > files / 50
    assert counts.get("died", 0) + counts.get("hung", 0) == 0


@pytest.mark.parametrize(
    ("sin", "said"),
    [
        ("sin_code", "forbidden: exec"),
        ("sin_pickle", "forbidden: pickle.find_class"),
        ("sin_file", "forbidden: open"),
        ("sin_memory", "memory: "),
        ("sin_hang", "hung: 14"),
        ("sin_crash", "died: 11"),
        ("sin_error", "escaped: KeyError"),
        ("sin_lines", "said not one line"),
    ],
)
def test_every_sin_of_a_reader_is_noticed(sin, said, tmp_path):
    """The fuzzer itself: readers that do what none may do."""
    status, [found], out = fuzzed(tmp_path, "--format", sin, "--files", "1")
    assert status == 1
    assert any(ended.startswith(said) for ended in found["broken"]), out
