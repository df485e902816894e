"""A fit that was killed goes on, and ends with the same bits."""

import signal
import subprocess
import sys

import numpy as np
import pytest

from nearid import InputError, LatentICA
from nearid.ica import checkpoint, passes
from nearid.ica.saved import load, save
from nearid.io import write_safetensors

KILLED = """
import os, signal, sys
import numpy as np
from nearid import LatentICA
from nearid.ica import checkpoint

write, left = checkpoint.write_safetensors, [int(sys.argv[3])]

def until_killed(*arguments):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    write(*arguments)

checkpoint.write_safetensors = until_killed
table = np.load(sys.argv[1], mmap_mode="r")
LatentICA(checkpoint=sys.argv[2], random_state=3).fit(table)
"""


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return rng.laplace(size=(4000, 6)) @ rng.normal(size=(6, 6))


@pytest.fixture
def counted(monkeypatch):
    """How many passes were done, and not recalled."""
    done, fold = [], passes.fold
    monkeypatch.setattr(passes, "fold", lambda *a, **k: (done.append(None), fold(*a, **k))[1])
    return done


def same(one, other):
    np.testing.assert_array_equal(one.components_, other.components_)
    assert one.components_report_.equals(other.components_report_)
    assert (one.n_passes_, one.angle_) == (other.n_passes_, other.angle_)


@pytest.mark.parametrize("last", [1, 2, 5, 14])
def test_a_killed_fit_goes_on_to_the_same_bits(table, tmp_path, counted, last):
    np.save(tmp_path / "table.npy", table)
    folder = tmp_path / "kept"
    arguments = [str(tmp_path / "table.npy"), str(folder), str(last)]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(folder.glob("pass-*"))) == last - 1
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r")
    expected = LatentICA(random_state=3).fit(mapped)
    whole = len(counted)
    counted.clear()
    same(LatentICA(checkpoint=folder, random_state=3).fit(mapped), expected)
    recalled = max(0, last - 2)  # of what was kept, the first are moments
    assert whole - recalled <= len(counted) <= whole - recalled + 2  # those of halves too


@pytest.mark.parametrize(
    "settings",
    [{}, {"n_components": "stable"}, {"n_init": 2}, {"solver": "jade"}, {"n_components": 3}],
    ids=str,
)
def test_done_again_it_is_recalled(table, tmp_path, counted, settings):
    expected = LatentICA(random_state=0, **settings).fit(table)
    kept = LatentICA(random_state=0, checkpoint=tmp_path, **settings)
    same(kept.fit(table), expected)
    counted.clear()
    same(kept.fit(table), expected)
    assert not counted


def test_other_rows_seeds_and_settings_share_a_folder(table, tmp_path):
    for rows in (table, table[::-1].copy(), table[:3000], table.astype("f")):
        for settings in ({}, {"contrast": "cube"}, {"random_state": 1}):
            settings = {"random_state": 0, "replication": False} | settings
            same(
                LatentICA(checkpoint=tmp_path, **settings).fit(rows),
                LatentICA(**settings).fit(rows),
            )


def test_a_seed_is_asked_for(table, tmp_path):
    with pytest.raises(InputError, match="needs a seed: pass random_state"):
        LatentICA(checkpoint=tmp_path).fit(table)


def test_a_file_in_the_way_and_a_damaged_pass_are_named(table, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be used as a folder"):
        LatentICA(checkpoint=tmp_path / "file", random_state=0).fit(table)
    LatentICA(checkpoint=tmp_path / "kept", random_state=0).fit(table)
    next((tmp_path / "kept").iterdir()).write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"pass-.*cannot be read"):
        LatentICA(checkpoint=tmp_path / "kept", random_state=0).fit(table)


def test_a_kept_model_does_not_name_the_folder(table, tmp_path):
    ica = LatentICA(checkpoint=tmp_path / "kept", random_state=0).fit(table)
    save(ica, tmp_path / "ica.safetensors")
    assert load(tmp_path / "ica.safetensors").checkpoint is None


def test_what_is_not_kept_is_done(tmp_path):
    assert checkpoint.recalled(None, ("key",), lambda: (1,)) == (1,)
    assert not list(tmp_path.iterdir())


def test_a_file_that_holds_no_pass_is_named(tmp_path):
    checkpoint.recalled(str(tmp_path), ("key",), lambda: (np.zeros(2),))
    [kept] = tmp_path.iterdir()
    write_safetensors(kept, {"1": np.zeros(2)})
    with pytest.raises(InputError, match=r"pass-.* holds no pass: delete it"):
        checkpoint.recalled(str(tmp_path), ("key",), lambda: (np.zeros(2),))
