"""A file that is changed between passes, or while it is read, is noticed and named."""

import os
import shutil
import threading

import numpy as np
import pytest

from nearid import InputError, LatentICA
from nearid.io import Table, parquet, read_one, write
from nearid.io.origin import FEW, Origin, is_lazy
from nearid.rows import as_rows, fold, map_chunks

N = 4000


@pytest.fixture
def values():
    return np.random.default_rng(0).laplace(size=(N, 3)).astype("f4")


def stored(suffix, folder, values):
    path = folder / f"run{suffix}"
    write(path, Table(values, "run"))
    return path


@pytest.fixture(params=[".npy", ".safetensors", ".parquet"])
def path(request, tmp_path, values, monkeypatch):
    monkeypatch.setattr(parquet, "WHOLE_BYTES", 0)  # else it is held in memory
    return stored(request.param, tmp_path, values)


def sums(rows):
    return fold(lambda x: (x.sum(axis=0, dtype="f8"),), rows, chunk_rows=1000)[0]


def rewrite(path, values):
    write(path, Table(values, "run"))


def in_place(path, values):
    other = path.with_name(f"other{path.suffix}")
    write(other, Table(values, "run"))
    path.write_bytes(other.read_bytes())
    other.unlink()


def cut(path, values):
    os.truncate(path, path.stat().st_size // 2)


def gone(path, values):
    path.unlink()


CHANGES = [rewrite, in_place, cut, gone]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_passes_is_noticed(path, values, change):
    rows = as_rows(path)
    assert is_lazy(rows.source)
    np.testing.assert_allclose(sums(rows), values.sum(axis=0, dtype="f8"))
    change(path, values[::-1])
    with pytest.raises(InputError, match=rf"{path.name} was changed while it was read"):
        sums(rows)
    for view in (rows.take([5, 3]), rows.take(np.arange(N))):
        with pytest.raises(InputError, match="was changed"):
            view.read(0, 2)


# a map that is cut under a second thread ends the process before anyone can look
@pytest.mark.parametrize(
    ("change", "n_jobs"), [*((c, 1) for c in CHANGES), (rewrite, 3), (gone, 3)]
)
def test_a_change_within_a_pass_is_noticed(path, values, change, n_jobs):
    first = threading.Lock()

    def kernel(chunk):
        if first.acquire(blocking=False):
            change(path, values[::-1])

    with pytest.raises(InputError, match="was changed while it was read"):
        list(map_chunks(kernel, as_rows(path), n_jobs=n_jobs, chunk_rows=50))


def test_a_change_in_the_last_chunk_is_noticed(path, values):
    rows = as_rows(path)
    assert len(rows.read(0, N - 1)) == N - 1

    class Changing:
        shape, dtype = rows.source.shape, rows.source.dtype

        def __getitem__(self, picked):
            held = np.array(rows.source[picked])
            in_place(path, values[::-1])
            return held

    changing = type(rows)(Changing(), origin=rows.origin)
    with pytest.raises(InputError, match="was changed"):
        changing.read(0, N)


@pytest.mark.parametrize("change", CHANGES)
def test_a_fit_does_not_mix_two_files(path, values, change, monkeypatch):
    from nearid.ica import passes

    calls, plain = [], passes.fold

    def third(*arguments, **settings):
        calls.append(None)
        if len(calls) == 3:
            change(path, values[::-1])
        return plain(*arguments, **settings)

    monkeypatch.setattr(passes, "fold", third)
    with pytest.raises(InputError, match=rf"{path.name} was changed while it was read"):
        LatentICA(random_state=0).fit(path)
    assert len(calls) == 3


def test_the_same_bytes_written_again_are_a_change_too(path, values):
    """Of what was read before and after, only who wrote it knows that it is the same."""
    rows = as_rows(path)
    rewrite(path, values)
    with pytest.raises(InputError, match="it was written again"):
        sums(rows)


def test_what_is_held_in_memory_may_change_on_disk(tmp_path, values):
    for suffix in (".csv", ".npz"):
        path = stored(suffix, tmp_path, values)
        table = read_one(path)
        assert table.origin is None
        path.unlink()
        assert np.isfinite(sums(as_rows(table.values))).all()


def test_a_file_that_is_changed_by_its_reader_is_refused(tmp_path, values, monkeypatch):
    path, plain = stored(".npz", tmp_path, values), np.empty

    def late(*arguments, **settings):
        rewrite(path, values[::-1])
        return plain(*arguments, **settings)

    monkeypatch.setattr("nearid.io.npz.read_body", lambda *a: (late(1), values)[1])
    with pytest.raises(InputError, match="was changed while it was read"):
        read_one(path)


def test_many_files_are_looked_at_once_a_pass(tmp_path, values, monkeypatch):
    folder = tmp_path / "parts"
    folder.mkdir()
    monkeypatch.setattr(parquet, "WHOLE_BYTES", 0)
    for i, part in enumerate(np.array_split(values, FEW + 4)):
        write(folder / f"{i:02}.parquet", Table(part, "part"))
    rows, looked, check = as_rows(folder), [], Origin.check
    monkeypatch.setattr(Origin, "check", lambda self: (looked.append(None), check(self))[1])
    sums(rows)
    assert len(looked) == 2
    shutil.copyfile(folder / "00.parquet", folder / "07.parquet")
    with pytest.raises(InputError, match=r"07\.parquet was changed"):
        sums(rows)


def test_the_working_directory_may_change(tmp_path, values, monkeypatch):
    stored(".npy", tmp_path, values)
    monkeypatch.chdir(tmp_path)
    rows = as_rows("run.npy")
    monkeypatch.chdir("/")
    assert np.isfinite(sums(rows)).all()
