"""HDF5 files that its C library does not survive are refused, and all others pass."""

import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from nearid.errors import InputError
from nearid.io import hdf5, hdf5_walk
from nearid.io.hdf5 import check_survived

PLACES = ["obs", "obsm/X_*"]


@pytest.fixture
def path(tmp_path):
    """A file with texts in attributes, groups, and a loop of hard links."""
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        obs = file.create_group("obs")
        obs.attrs["column-order"] = np.array(["one", "two", "three"], dtype=object)
        obs["one"] = np.arange(5)
        obs["two"] = np.array(["a", "b"], dtype=object)
        obs["loop"] = obs
        file.create_dataset("obsm/X_z", data=np.ones((5, 3)), chunks=(2, 2), compression="gzip")
        file["obsm/X_none"] = h5py.Empty("f4")
        file["obsm/other"] = np.zeros(3)
    return path


@pytest.fixture
def processes(monkeypatch):
    """The processes that were started."""
    started = []

    class Recorded(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(hdf5.subprocess, "Popen", Recorded)
    return started


def empty_object_in_heap(path):
    """Make the second of the texts in a file one of no number and no bytes, where HDF5 stays."""
    content = bytearray(path.read_bytes())
    first = content.index(b"GCOL") + 16
    length = int.from_bytes(content[first + 8 : first + 16], "little")
    second = first + 16 + -(-length // 8) * 8
    content[second : second + 16] = bytes(16)
    path.write_bytes(content)


def walker(tmp_path, monkeypatch, code):
    """Let another script be run in place of the walk."""
    script = tmp_path / "walk.py"
    script.write_text(code)
    monkeypatch.setattr(hdf5, "WALK", script)


def test_an_honest_file_passes(path, processes):
    assert check_survived(path, PLACES) is None
    assert [process.returncode for process in processes] == [0]


def test_a_file_in_which_hdf5_stays_is_refused_in_time(path, processes, monkeypatch):
    monkeypatch.setattr(hdf5, "SECONDS", 1.0)
    empty_object_in_heap(path)
    begun = time.perf_counter()
    with pytest.raises(
        InputError, match=r"did not come to an end of it in 1 s; copy it again"
    ) as e:
        check_survived(path, PLACES)
    assert time.perf_counter() - begun < 30
    assert str(e.value).startswith(f"{path} is damaged")
    assert "\n" not in str(e.value)
    assert processes[0].poll() not in (None, 0)


def test_a_file_of_which_hdf5_crashes_is_refused(path, tmp_path, monkeypatch):
    walker(tmp_path, monkeypatch, "import os; print('begun', flush=True); os.abort()")
    with pytest.raises(InputError, match=r"is damaged: HDF5.* crashes on it \(status -?\d+\)"):
        check_survived(path, PLACES)


def test_a_larger_file_has_more_time(path, tmp_path, monkeypatch):
    walker(tmp_path, monkeypatch, "import time; print('begun', flush=True); time.sleep(2)")
    monkeypatch.setattr(hdf5, "SECONDS", 0.1)
    monkeypatch.setattr(hdf5, "BYTES_PER_SECOND", path.stat().st_size / 60)
    check_survived(path, PLACES)
    monkeypatch.setattr(hdf5, "BYTES_PER_SECOND", path.stat().st_size)
    with pytest.raises(InputError, match="did not come to an end of it in 1 s"):
        check_survived(path, PLACES)


def test_where_no_other_process_can_read_the_file_passes(path, tmp_path, monkeypatch, processes):
    walker(tmp_path, monkeypatch, "raise ImportError('h5py')")
    check_survived(path, PLACES)
    assert [process.returncode for process in processes] == [1]
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    check_survived(path, PLACES)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    check_survived(path, PLACES)
    assert len(processes) == 1


def test_what_hdf5_says_of_damage_is_raised(tmp_path, processes):
    path = tmp_path / "run.h5"
    path.write_bytes(b"no HDF5")
    with pytest.raises(OSError, match="file signature not found"):
        check_survived(path, PLACES)
    assert [process.returncode for process in processes] == [0]


def test_the_walk_reads_what_is_meant_and_nothing_twice(path, monkeypatch):
    seen = recorded(path, monkeypatch)
    assert sorted(seen) == [("/obs/one", ()), ("/obs/two", ()), ("/obsm/X_z", ())]


def test_of_what_is_large_the_walk_reads_both_ends(path, monkeypatch):
    monkeypatch.setattr(hdf5_walk, "WHOLE_BYTES", 100)
    seen = recorded(path, monkeypatch)
    assert ("/obsm/X_z", (0, 0)) in seen
    assert ("/obsm/X_z", (4, 2)) in seen
    assert ("/obsm/X_z", ()) not in seen


def recorded(path, monkeypatch):
    """Walk, and return which data sets were read, and where."""
    seen, read = [], h5py.Dataset.__getitem__

    def note(data, index, **options):
        seen.append((data.name, index))
        return read(data, index, **options)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", note)
    with h5py.File(path) as file:
        hdf5_walk.walk(file, PLACES)
    return seen


def test_damage_that_hdf5_notices_is_said_in_its_words(path):
    with h5py.File(path) as file:
        chunk = file["obsm/X_z"].id.get_chunk_info(1)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    with pytest.raises(OSError, match="filter returned failure"):
        check_survived(path, PLACES)
    check_survived(path, ["obs"])  # what is not read may be damaged


def test_what_is_no_damage_passes(path):
    """Links to nowhere, data elsewhere, a type that NumPy lacks, a filter that is not here."""
    with h5py.File(path, "a") as file:
        file.create_dataset("obs/raw", (3,), "u1", external=[("no such file", 0, 3)])
        file["obs/gone"] = h5py.SoftLink("/nowhere")
        file["obs/elsewhere"] = h5py.ExternalLink("no such file.h5", "/x")
        bits = h5py.h5t.STD_B8LE.copy()
        space = h5py.h5s.create_simple((2,))
        h5py.h5d.create(file["obs"].id, b"bits", bits, space)
        h5py.h5a.create(file["obs"].id, b"bits", bits, space)
        packing = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        packing.set_chunk((2,))
        packing.set_filter(32_001, h5py.h5z.FLAG_OPTIONAL)
        packed = h5py.h5d.create(file["obs"].id, b"packed", h5py.h5t.NATIVE_INT8, space, packing)
        packed.write_direct_chunk((0,), b"??")
    check_survived(path, PLACES)
