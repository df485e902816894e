"""Arrays as inputs: mapped, with the ids beside them, and whatever is wrong said."""

import numpy as np
import pytest
import torch
from torch import nn

from nearid.embed import arrays, embed
from nearid.errors import InputError

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


def test_sources_of_one_array_are_the_same_inputs(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", x=X)
    found = [arrays(given) for given in (X, torch.from_numpy(X), tmp_path / "x.npy")]
    found += [arrays(tmp_path / "x.npz"), arrays(f"{tmp_path}/x.npz::x")]
    assert len({inputs.fingerprint() for inputs in found}) == 1
    for inputs in found:
        assert np.array_equal(inputs.batch(1, 4).array, X[1:4])
        assert inputs.ids(3, 5) == ["3", "4"]


def test_a_file_is_mapped_and_not_read(tmp_path):
    np.save(tmp_path / "x.npy", X)
    assert isinstance(arrays(tmp_path / "x.npy").values, np.memmap)
    assert not isinstance(arrays(tmp_path / "x.npy").batch(0, 2).array, np.memmap)


def test_ids_lie_beside_or_within(tmp_path):
    names = [f"é{i}" for i in range(5)]
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "ids.npy", names)
    np.savez(tmp_path / "x.npz", x=X, ids=names)
    for name in ("x.npy", "x.npz"):
        assert arrays(tmp_path / name).ids(0, 5) == names
    assert arrays(tmp_path / "x.npy", ids=range(5, 10)).ids(0, 2) == ["5", "6"]


def test_fingerprint_is_of_values_type_shape_and_ids():
    digest = arrays(X).fingerprint()
    other = X.copy()
    other[4, 2] += 1e-6
    different = [other, X.astype("float64"), X.reshape(5, 3, 1), X[:4]]
    assert digest not in {arrays(x).fingerprint() for x in different}
    assert arrays(X, ids=list("abcde")).fingerprint() != arrays(X, ids=list("abcdf")).fingerprint()
    assert arrays(np.asfortranarray(X)).fingerprint() == digest


def test_numbers_are_given_in_the_type_of_the_model():
    model = nn.Linear(3, 2).double()
    with torch.no_grad():
        expected = model(torch.from_numpy(X).double()).numpy()
    for given in (X, X.astype("float64"), X.astype(">f4")):
        assert np.array_equal(embed(model, given).layers["output"], expected)
    table = nn.Embedding(9, 2)
    for kind in ("uint8", "int32", "int64"):
        tokens = np.arange(6).reshape(2, 3).astype(kind)
        assert embed(table, tokens, pool="tokens").layers["output"].shape == (6, 2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros(4), "an input in each row"),
        (np.zeros((0, 4)), "an input in each row"),
        (np.zeros((4, 0)), "an input in each row"),
        (np.array([["a"], ["b"]]), "array of numbers"),
        (np.array([[1j]]), "array of numbers"),
    ],
)
def test_what_is_no_array_of_inputs(given, said):
    with pytest.raises(InputError, match=said):
        arrays(given)


def test_ids_that_do_not_fit():
    with pytest.raises(InputError, match="5 inputs, but the ids have the shape"):
        arrays(X, ids=["a"])
    with pytest.raises(InputError, match="unique"):
        arrays(X, ids=["a", "b", "c", "d", "a"])


def test_paths_that_do_not_fit(tmp_path):
    np.savez(tmp_path / "two.npz", a=X, b=X)
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY\x01\x00")
    (tmp_path / "empty.npy").touch()
    (tmp_path / "notes.txt").write_text("a")
    np.save(tmp_path / "objects.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    for name, said in (
        ("two.npz", "name one, as in FILE::KEY"),
        ("two.npz::c", "has no array c"),
        ("x.npy::a", "has no keys"),
        ("bad.npy", "cut short inside its header"),
        ("empty.npy", "is empty"),
        ("objects.npy", "holds Python objects"),
        ("none.npy", "does not exist"),
        ("notes.txt", "for text, give texts"),
        ("", "for one of images, give images"),
    ):
        with pytest.raises(InputError, match=said):
            embed(nn.Linear(3, 2), f"{tmp_path}/{name}")


def test_other_arrays_of_a_file_are_named(tmp_path):
    np.savez(tmp_path / "two.npz", a=X, b=X)
    found = embed(nn.Linear(3, 2), f"{tmp_path}/two.npz::a")
    assert found.notices == [f"{tmp_path}/two.npz: b was not read"]


def test_damaged_archives_are_refused_in_one_line(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, x=np.ones((6, 3)))
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x5A]) + content[place + 1 :])
        said = ""
        try:
            arrays(path)
        except InputError as error:
            said = str(error)
        assert "\n" not in said
