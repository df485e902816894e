"""Two processes with one folder at once: both end right, and no file is a half one."""

import numpy as np
import pytest

from nearid.io import read_safetensors

FIT = """
import numpy as np
from nearid import LatentICA
ica = LatentICA(checkpoint=arguments[1], random_state=3).fit(np.load(arguments[0]))
np.save(arguments[2], ica.components_)
"""
TRAIN = """
import numpy as np
from functools import partial
from nearid.models import mlp_autoencoder, train_runs
data = np.random.default_rng(0).normal(size=(64, 4)).astype("f4")
runs = train_runs(partial(mlp_autoencoder, 4, 2), data, seeds=[0, 1], steps=12, n_jobs=1,
                  cache_dir=arguments[1], checkpoint_every=3)
np.save(arguments[2], np.concatenate([run.losses for run in runs]))
"""
UNPACK = """
import numpy as np
from pathlib import Path
from nearid.datasets.archives import find_member, load_member
member = find_member(Path(arguments[0]), "imgs")
np.save(arguments[2], np.array(load_member(member, cache=Path(arguments[1]))[::1000]))
"""


@pytest.fixture
def given(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "z.npy", rng.laplace(size=(4000, 6)) @ rng.normal(size=(6, 6)))
    images = rng.integers(0, 2, size=(20_000, 16, 16), dtype="u1")
    np.savez_compressed(tmp_path / "images.npz", imgs=images)
    return tmp_path


def together(at_once, code, place, source, kept):
    """Run three processes at once, then one alone; return what they found."""
    outs = [place / f"found{i}.npy" for i in range(4)]
    calls = [
        {"folder": str(place), "code": code, "arguments": [str(source), str(folder), str(out)]}
        for out, folder in zip(outs, [kept, kept, kept, place / "alone"], strict=True)
    ]
    for done in (*at_once(*calls[:3]), *at_once(calls[3])):
        assert done.returncode == 0, done.stderr
    *found, alone = map(np.load, outs)
    return found, alone


@pytest.mark.parametrize("code", [FIT, TRAIN, UNPACK], ids=["passes", "trainings", "data"])
def test_processes_share_a_folder(at_once, given, code):
    source = given / ("images.npz" if code is UNPACK else "z.npy")
    found, alone = together(at_once, code, given, source, given / "kept")
    for each in found:
        np.testing.assert_array_equal(each, alone)
    files = [path for path in (given / "kept").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if path.name.startswith(".") or path.suffix == ".part"]
    whole = {p.relative_to(given / "alone"): p.read_bytes()
             for p in (given / "alone").rglob("*") if p.is_file()}  # fmt: skip
    assert {path.relative_to(given / "kept"): path.read_bytes() for path in files} == whole
    for path in files:
        if path.suffix == ".safetensors":
            read_safetensors(path)
