import tracemalloc

import numpy as np
import pytest

from nearid.datasets.archives import find_member, load_member, map_npy
from nearid.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 9, size=(50, 4, 4), dtype="u1")


class Trap:
    """A pickle that fails the test when it is opened."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


def write(path, *, packed, **arrays):
    (np.savez_compressed if packed else np.savez)(path, **arrays)
    return path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("cached", [False, True])
def test_what_was_written_is_read(tmp_path, packed, cached):
    path = write(tmp_path / "x.npz", packed=packed, imgs=IMAGES)
    cache = tmp_path / "cache" if cached else None
    for _ in range(2):
        found = load_member(find_member(path, "imgs"), cache=cache)
        np.testing.assert_array_equal(found, IMAGES)
    assert isinstance(found, np.memmap) == (cached or not packed)
    assert len(list(tmp_path.glob("cache/*"))) == (cached and packed)


@pytest.mark.parametrize("packed", [False, True])
def test_a_pickle_is_never_opened(tmp_path, packed):
    trap = np.array([Trap()], dtype=object)
    path = write(tmp_path / "x.npz", packed=packed, imgs=IMAGES, metadata=trap)
    np.testing.assert_array_equal(load_member(find_member(path, "imgs")), IMAGES)
    with pytest.raises(InputError, match="a pickle is never opened"):
        find_member(path, "metadata")
    with pytest.raises(pytest.fail.Exception):  # the trap is one
        np.load(path, allow_pickle=True)["metadata"]


def test_a_part_of_a_stored_array_is_read_without_the_rest(tmp_path):
    path = write(tmp_path / "x.npz", packed=False, imgs=np.zeros((20_000, 32, 32), "u1"))
    tracemalloc.start()
    part = np.array(load_member(find_member(path, "imgs"))[np.arange(0, 20_000, 200)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert part.shape == (100, 32, 32)
    assert peak < 1_000_000  # of 20 million


@pytest.mark.parametrize("packed", [False, True])
def test_every_cut_is_refused(tmp_path, packed):
    content = write(tmp_path / "x.npz", packed=packed, imgs=IMAGES).read_bytes()
    for length in range(0, len(content), 7):
        (tmp_path / "cut.npz").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cut\.npz"):
            load_member(find_member(tmp_path / "cut.npz", "imgs"))


@pytest.mark.parametrize("packed", [False, True])
def test_a_changed_byte_is_refused_or_read(tmp_path, packed):
    content = write(tmp_path / "x.npz", packed=packed, imgs=IMAGES).read_bytes()
    refused = 0
    for at in [*range(0, 170), *range(len(content) - 90, len(content))]:
        changed = bytearray(content)
        changed[at] ^= 0xFF
        (tmp_path / "changed.npz").write_bytes(changed)
        try:
            load_member(find_member(tmp_path / "changed.npz", "imgs"))
        except InputError:
            refused += 1
    assert refused > 60


def test_npy(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    np.testing.assert_array_equal(map_npy(tmp_path / "x.npy"), IMAGES)
    content = (tmp_path / "x.npy").read_bytes()
    for changed in [content[:k] for k in range(0, len(content), 7)] + [content + b"0"]:
        (tmp_path / "x.npy").write_bytes(changed)
        with pytest.raises(InputError, match=r"x\.npy"):
            map_npy(tmp_path / "x.npy")


def test_what_is_not_the_file_is_named(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(InputError, match="does not exist"):
        find_member(path, "imgs")
    with pytest.raises(InputError, match="is a folder"):
        find_member(tmp_path, "imgs")
    path.write_text("<!DOCTYPE html><html>Quota exceeded</html>")
    with pytest.raises(InputError, match=r"is a web page, not an \.npz archive"):
        find_member(path, "imgs")
    path.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(InputError, match="a pointer of Git LFS"):
        find_member(path, "imgs")
    write(path, packed=False, images=IMAGES)
    with pytest.raises(InputError, match="no array imgs; it holds images"):
        find_member(path, "imgs")
    with pytest.raises(InputError, match=r"expected shape \(9,\) of kind u1"):
        find_member(path, "images").check(shape=(9,), kinds="u", itemsize=1)


def test_names_in_an_archive_stay_on_one_line(tmp_path):
    path = write(tmp_path / "x.npz", packed=False, **{"imgs\n": IMAGES})
    with pytest.raises(InputError, match=r"has no array imgs; it holds imgs \.npy: is it"):
        find_member(path, "imgs")
