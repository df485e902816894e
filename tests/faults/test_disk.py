"""A disk that is full, and a folder that refuses: one line, the old output, and no half file.

Where a small file system can be mounted, one is; elsewhere the system is told to refuse every file
beyond a length, which fails in the same call of ``write``.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

#: Bytes that the small disk has, and what is left of them before a command writes.
DISK, LEFT = 2**20, 4096


class Disk:
    """A folder on a disk that is full but for a few bytes, by whichever means there is."""

    def __init__(self, folder):
        self.folder = folder
        mounted = shutil.which("mount") and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        self.mounted = bool(mounted) and mounted.returncode == 0

    def fill(self):
        """Leave room for a few bytes, on the disk itself or in every file."""
        if self.mounted:
            rest = os.statvfs(self.folder)
            ballast = rest.f_bavail * rest.f_frsize - LEFT
            (self.folder / "ballast").write_bytes(bytes(ballast))

    @property
    def limit(self):
        """The longest file that a process may write; 0 if the disk itself is the limit."""
        return 0 if self.mounted else LEFT

    def close(self):
        """Take the disk away."""
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "disk").mkdir()
    made = Disk(tmp_path / "disk")
    yield made
    made.close()


@pytest.fixture
def inputs(tmp_path):
    """Runs, a model and old outputs, on another disk than the outputs."""
    rng = np.random.default_rng(0)
    z = rng.laplace(size=(300, 30))
    np.save(tmp_path / "a.npy", z)
    np.save(tmp_path / "b.npy", z[:, ::-1])
    np.save(tmp_path / "x.npy", rng.normal(size=(300, 3)).astype("f4"))
    code = "import torch\n\n\ndef wide():\n    return torch.nn.Linear(3, 40)\n"
    (tmp_path / "nets.py").write_text(code)
    return tmp_path


def calls(inputs, out):
    """The commands that write, by their names, and the output that was there before."""
    few = ("--bootstrap", "2", "--null", "1", "--components", "3")
    model = inputs / "ica.safetensors"
    return {
        "compare": (("compare", inputs / "a.npy", inputs / "b.npy", *few, "--report"),
                    out / "report.html"),
        "fit": (("fit", inputs / "a.npy", "--components", "all", "--out"), out / "m.safetensors"),
        "transform": (("transform", model, inputs / "a.npy", "--out"), out / "t.npz"),
        "transform_csv": (("transform", model, inputs / "a.npy", "--out"), out / "t.csv"),
        "transform_parquet": (("transform", model, inputs / "a.npy", "--out"), out / "t.parquet"),
        "transform_npy": (("transform", model, inputs / "a.npy", "--out"), out / "t.npy"),
    }  # fmt: skip


def one_line(done):
    """Assert that a command failed with one clear line, and return it."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("nearid: ")
    assert "unexpected" not in lines[0]
    return lines[0]


def test_a_full_disk_is_said_and_leaves_the_old_output(nearid, inputs, disk):
    fitted = nearid(inputs, "fit", "a.npy", "--components", "all", "--out", "ica.safetensors")
    assert fitted.returncode == 0, fitted.stderr
    chosen = calls(inputs, disk.folder)
    for _, out in chosen.values():
        out.write_text("old")
    disk.fill()
    before = sorted(path.name for path in disk.folder.iterdir())
    for name, (arguments, out) in chosen.items():
        done = nearid(inputs, *arguments, out, limit=disk.limit)
        line = one_line(done)
        assert "No space left on device" in line or "File too large" in line, (name, line)
        assert out.read_text() == "old", name
    assert sorted(path.name for path in disk.folder.iterdir()) == before


def test_a_full_disk_stops_an_embedding_which_goes_on_when_there_is_room(nearid, inputs, disk):
    arguments = ("embed", "nets:wide", "--inputs", "x.npy", "--out", disk.folder / "run")
    disk.fill()
    line = one_line(nearid(inputs, *arguments, limit=disk.limit))
    assert "cannot be written: " in line
    assert not (disk.folder / "run").exists()
    (disk.folder / "ballast").unlink(missing_ok=True)
    done = nearid(inputs, *arguments)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((disk.folder / "run" / "embed.json").read_text())
    assert manifest["layers"]["output"]["shape"] == [300, 40]
    assert [path.name for path in disk.folder.iterdir()] == ["run"]


def test_a_full_disk_stops_passes_that_are_kept(nearid, inputs, disk):
    disk.fill()
    kept = ("fit", "a.npy", "--components", "all", "--out", "m.safetensors", "--checkpoint")
    line = one_line(nearid(inputs, *kept, disk.folder / "kept", limit=disk.limit))
    assert "No space left on device" in line or "File too large" in line
    assert not (inputs / "m.safetensors").exists()
    # every pass that is there is whole
    from nearid.io import read_safetensors

    for path in (disk.folder / "kept").glob("pass-*"):
        read_safetensors(path)
    assert not [p for p in (disk.folder / "kept").iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("name", ["compare", "fit", "transform", "transform_csv"])
def test_a_folder_that_refuses_is_said_before_the_work(nearid, inputs, name):
    """Root may write everywhere: where the tests have its rights, the command gives them up."""
    inputs.chmod(0o755)
    for parent in list(inputs.parents)[:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    fitted = nearid(inputs, "fit", "a.npy", "--components", "all", "--out", "ica.safetensors")
    assert fitted.returncode == 0, fitted.stderr
    refusing = inputs / "refusing"
    refusing.mkdir()
    arguments, out = calls(inputs, refusing)[name]
    out.write_text("old")
    refusing.chmod(0o555)
    try:
        line = one_line(nearid(inputs, *arguments, out, nobody=True))
    finally:
        refusing.chmod(0o755)
    assert "Permission denied" in line
    assert out.read_text() == "old"
    assert [path.name for path in refusing.iterdir()] == [out.name]


def test_an_embedding_below_a_file_is_said(nearid, inputs):
    (inputs / "file").write_text("x")
    out = inputs / "file" / "run"
    line = one_line(nearid(inputs, "embed", "nets:wide", "--inputs", "x.npy", "--out", out))
    assert str(Path("file") / "run") in line
