"""A file is there in full or not at all."""

import os
import stat
import subprocess
import sys

import pytest

from nearid.errors import InputError
from nearid.io import atomic_path


def test_success_replaces(tmp_path):
    target = tmp_path / "model.csv.gz"
    target.write_text("old")
    with atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".csv.gz")
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_the_old_file(error, tmp_path):
    target = tmp_path / "model.npz"
    target.write_text("old")

    def fail_halfway():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise error("no more")

    with pytest.raises(error, match="no more"):
        fail_halfway()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_killed_process_leaves_the_old_file(tmp_path):
    target = tmp_path / "model.npz"
    target.write_text("old")
    code = (
        "import os, sys; from nearid.io import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, target], check=False).returncode == 9
    assert target.read_text() == "old"


def test_two_writers_do_not_meet(tmp_path):
    target = tmp_path / "model.npz"
    with atomic_path(target) as first, atomic_path(target) as second:
        first.write_text("first")
        second.write_text("second")
        assert first != second
    assert target.read_text() == "first"  # which was finished last
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_the_umask_is_respected(umask, mode, tmp_path):
    before = os.umask(umask)
    try:
        with atomic_path(tmp_path / "new") as temporary:
            temporary.write_text("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode


def test_the_mode_of_an_old_file_is_kept(tmp_path):
    target = tmp_path / "old"
    target.touch()
    target.chmod(0o640)
    with atomic_path(target) as temporary:
        temporary.write_text("x")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with atomic_path(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_what_cannot_be_written_is_said(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="is a folder"), atomic_path(tmp_path):
        pass
    with pytest.raises(InputError, match="create it first"), atomic_path(tmp_path / "no" / "x"):
        pass
    with pytest.raises(InputError, match="too long"), atomic_path(tmp_path / ("x" * 300)):
        pass

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # whoever runs as root may write everywhere
    with pytest.raises(InputError, match="Permission denied"), atomic_path(tmp_path / "x"):
        pass
    assert list(tmp_path.iterdir()) == []
