import gzip

import numpy as np
import pytest

from nearid.datasets import load_smallnorb
from nearid.datasets.factors import Layout
from nearid.datasets.smallnorb import FILES, TYPES, read_norb
from nearid.errors import InputError

REST = {"elevation": 2, "azimuth": 3, "lighting": 2}
SMALL = {
    split: Layout("small", {"category": 2, "instance": n, **REST}, (4, 5, 1), {"azimuth": 3})
    for split, n in (("train", 2), ("test", 2), ("both", 4))
}
EACH = SMALL["train"].n_images
INSTANCES = {"train": [4, 6], "test": [0, 9]}


def norb(array, code):
    """Pack an array as the files have it."""
    shape = [*array.shape, 1, 1][: max(3, array.ndim)]
    header = np.array([code, array.ndim, *shape], "<i4").tobytes()
    return header + array.astype(TYPES[code]).tobytes()


def small_part(split, rng):
    """Labels (category, instance, elevation, azimuth, lighting) and images of a split."""
    grid = np.stack(np.unravel_index(rng.permutation(EACH), SMALL[split].sizes), axis=1)
    grid[:, 1] = np.array(INSTANCES[split])[grid[:, 1]]
    return grid * [1, 1, 1, 2, 1], rng.integers(0, 256, size=(EACH, 2, 4, 5), dtype="u1")


@pytest.fixture(params=[False, True], ids=["plain", "packed"])
def files(request, tmp_path, rng, expecting):
    """A folder of both splits, and what they hold."""
    expecting(load_smallnorb, SMALL)
    held = {split: small_part(split, rng) for split in INSTANCES}
    for split, (labels, images) in held.items():
        contents = {
            "dat": norb(images, 0x1E3D4C55),
            "cat": norb(labels[:, 0], 0x1E3D4C54),
            "info": norb(labels[:, 1:], 0x1E3D4C54),
        }
        for key, raw in contents.items():
            name = f"{FILES[split][0]}{key}.mat{'.gz' if request.param else ''}"
            (tmp_path / name).write_bytes(gzip.compress(raw) if request.param else raw)
    return tmp_path, held


@pytest.mark.parametrize("split", ["both", "train", "test"])
@pytest.mark.parametrize("camera", [0, 1])
def test_every_photograph_is_where_its_labels_say(files, split, camera):
    folder, held = files
    data = load_smallnorb(folder, split=split, camera=camera)
    assert data.circular == (False, False, False, True, False)
    parts = list(held.values()) if split == "both" else [held[split]]
    for labels, images in parts:
        ranks = [np.searchsorted(v, c) for v, c in zip(data.factor_values, labels.T, strict=True)]
        found = data.images(data.index(np.stack(ranks, axis=1)))
        np.testing.assert_array_equal(found[..., 0], images[:, camera])
    everything = np.arange(data.n_images)
    np.testing.assert_array_equal(data.in_memory().images(everything), data.images(everything))


def test_the_layout_is_that_of_the_files():
    layouts = load_smallnorb.__globals__["LAYOUT"]
    assert layouts["both"].sizes == (5, 10, 9, 18, 6)
    assert (layouts["train"].n_images, layouts["both"].n_images) == (24_300, 48_600)


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("shape", [(3,), (3, 2), (1, 2, 3), (2, 1, 2, 1, 3)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_was_written_is_read(tmp_path, code, shape, pack, rng):
    array = rng.integers(0, 100, size=shape).astype(TYPES[code])
    (tmp_path / "x.mat").write_bytes(pack(norb(array, code)))
    found = read_norb(tmp_path / "x.mat")
    np.testing.assert_array_equal(found, array)
    assert found.dtype == np.dtype(TYPES[code])


@pytest.mark.parametrize("key", ["dat", "cat", "info"])
def test_damage_is_refused_or_read(files, refusals, key):
    path = next(files[0].glob(f"*training-{key}.mat*"))
    flips = range(min(path.stat().st_size, 100))
    everything = np.arange(SMALL["train"].n_images)
    count = refusals(
        path, lambda: load_smallnorb(files[0], split="train").images(everything), flips
    )
    assert count > 15


def test_other_files_and_arguments_are_refused(files):
    folder, held = files
    with pytest.raises(InputError, match="split must be one of train, test, both; got 'all'"):
        load_smallnorb(folder, split="all")
    with pytest.raises(InputError, match="camera must be 0 or 1; got 2"):
        load_smallnorb(folder, camera=2)
    path = next(folder.glob("*testing-dat.mat*"))
    path.write_bytes(norb(held["test"][1][1:], 0x1E3D4C55))
    with pytest.raises(InputError, match=r"expected shape \(48, 2, 4, 5\) of uint8; got \(47"):
        load_smallnorb(folder, split="test")
    path.unlink()
    with pytest.raises(InputError, match=r"has no smallnorb-5x01235.*-testing-dat\.mat \(or"):
        load_smallnorb(folder)
    assert load_smallnorb(folder, split="train").n_images == EACH
