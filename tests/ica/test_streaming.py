"""Files larger than the memory that is allowed, and files that change while they are read."""

import resource
import subprocess
import sys

import numpy as np
import pytest

from nearid.errors import InputError
from nearid.ica import LatentICA
from nearid.ica.views import guarded, halves, subsample
from nearid.rows import Rows

# The file has 512 MB. Beyond the interpreter, its libraries and a cold fit, 64 MB are allowed and
# the subsample (34 MB).
STREAMED = """
import resource, sys
import numpy as np
from nearid.ica import LatentICA
from nearid.rows import Rows

class File:
    shape, dtype = (int(sys.argv[2]), 64), np.dtype("float32")
    def __getitem__(self, picked):
        if not isinstance(picked, slice):
            return np.concatenate([self[i : i + 1] for i in picked.tolist()])
        start, stop, _ = picked.indices(self.shape[0])
        with open(sys.argv[1], "rb") as file:
            file.seek(128 + start * 256)
            return np.fromfile(file, np.float32, (stop - start) * 64).reshape(-1, 64)

warm = np.random.default_rng(0).laplace(size=(20_000, 64)).astype("f")
LatentICA(random_state=0, replication=False).fit(warm)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 98 * 2**20,) * 2)
ica = LatentICA(random_state=0, replication=False, memory_limit=2**25, compiled=False)
ica.fit(Rows(File()))
print(ica.converged_, ica.n_components_)
"""


def test_a_file_larger_than_the_allowed_memory_is_streamed(tmp_path):
    path, n = tmp_path / "large.npy", 2_000_000
    table = np.lib.format.open_memmap(path, mode="w+", dtype="float32", shape=(n, 64))
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((64, 64)).astype("f")
    for start in range(0, n, 50_000):
        uniform = rng.random((50_000, 64), dtype=np.float32) - 0.5
        table[start : start + 50_000] = (uniform**3) @ mixing
    table.flush()
    del table
    done = subprocess.run(
        [sys.executable, "-c", STREAMED, str(path), str(n)],
        capture_output=True,
        text=True,
        check=False,
        env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PATH": ""},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    )
    assert done.stdout == "True 64\n", done.stderr[-2000:]


def test_a_file_that_shrinks_is_an_error_and_not_a_crash(tmp_path):
    path = tmp_path / "run.npy"
    np.save(path, np.random.default_rng(0).laplace(size=(50_000, 8)).astype("f"))
    rows = guarded(Rows(np.load(path, mmap_mode="r")))
    with open(path, "r+b") as file:
        file.truncate(10_000)
    with pytest.raises(InputError, match=r"was cut while it was read: expected 1600128 bytes"):
        rows.read(0, 50_000)
    with pytest.raises(InputError, match=r"cut|truncated|bytes"):
        LatentICA().fit(path)


def test_halves_are_disjoint_and_complete_and_read_alike():
    rows = Rows(np.arange(20_001.0)[:, None])
    first, second = halves(rows, np.random.default_rng(0))
    one, two = first.read(0, 10_000)[:, 0], second.read(0, 10_000)[:, 0]
    np.testing.assert_array_equal(np.sort(np.concatenate([one, two])), np.arange(20_000))
    assert abs(one.mean() - two.mean()) < 0.1
    np.testing.assert_array_equal(first.read(13, 4_321)[:, 0], one[13:4_321])
    picked = np.array([5, 9_999, 17])
    np.testing.assert_array_equal(first.take(picked).read(0, 3)[:, 0], one[picked])


def test_a_subsample_is_random_and_without_repeats():
    part = subsample(Rows(np.arange(100_000.0)[:, None]), 20_000, np.random.default_rng(0))
    values = part.read(0, 20_000)[:, 0]
    assert len(np.unique(values)) == 20_000
    assert abs(values[:5_000].mean() - 50_000) < 2_000
