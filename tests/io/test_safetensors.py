"""Our reader and writer of .safetensors against the original library."""

import json

import numpy as np
import pytest
import safetensors
import safetensors.numpy as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nearid import io
from nearid.errors import InputError
from nearid.io import Table, read_safetensors, write_safetensors

DTYPES = ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]
NAMES = st.text(max_size=8).filter(lambda name: name != "__metadata__")
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
)


def same(ours, theirs):
    assert set(ours) == set(theirs)
    for name, array in theirs.items():
        assert ours[name].dtype == array.dtype
        assert ours[name].shape == array.shape
        assert ours[name].tobytes() == array.tobytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tensors") / "x.safetensors"


@settings(deadline=None, max_examples=60)
@given(
    tensors=st.dictionaries(NAMES, ARRAYS, max_size=4),
    metadata=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
)
def test_parity_with_the_original(tensors, metadata, path):
    write_safetensors(path, tensors, metadata)
    same(oracle.load_file(path), tensors)
    with safetensors.safe_open(path, framework="numpy") as file:
        assert (file.metadata() or {}) == metadata
    oracle.save_file(tensors, path, metadata=metadata or None)
    ours, held = read_safetensors(path)
    same(ours, tensors)
    assert held == metadata


def write_raw(path, header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "body", "match"),
    [
        ({"a": tensor([2], 0, 8)}, b"\0" * 4, "fill 8 bytes, but the file has 4"),
        ({"a": tensor([2], 0, 8)}, b"\0" * 16, "fill 8 bytes, but the file has 16"),
        ({"a": tensor([2], 4, 12)}, b"\0" * 12, "hole"),
        ({"a": tensor([2], 0, 8), "b": tensor([1], 4, 8)}, b"\0" * 8, "overlaps"),
        ({"a": tensor([2], 0, 4)}, b"\0" * 4, "needs 8 bytes and has 4"),
        ({"a": tensor([2**60, 4], 0, 8)}, b"\0" * 8, "needs 18446744073709551616 bytes"),
        ({"a": tensor([-1], 0, 8)}, b"\0" * 8, "damaged shape"),
        ({"a": tensor([2], 8, 0)}, b"\0" * 8, "damaged shape"),
        ({"a": tensor([True], 0, 4)}, b"\0" * 4, "damaged shape"),
        ({"a": tensor([2], 0, 8, "F99")}, b"\0" * 8, "has the type F99, expected one of BOOL"),
        ({"a": {"dtype": "F32"}}, b"", "lacks"),
        ({"__metadata__": {"a": 1}}, b"", "not a mapping of text"),
        ([1], b"", "no JSON object"),
        (b"{" * 5000, b"", "cannot be read"),
        (b'{"a":' * 5000, b"", "cannot be read"),
        (b'{"a":{"dtype":"F32"},"a":1}', b"", "a name twice"),
        (b"\xff\xfe", b"", "cannot be read"),
    ],
)
def test_a_damaged_header_is_refused_by_both(header, body, match, tmp_path):
    path = tmp_path / "x.safetensors"
    write_raw(path, header, body)
    with pytest.raises(InputError, match=match):
        read_safetensors(path)
    if header != b'{"a":{"dtype":"F32"},"a":1}':  # the original keeps the last of the two
        with pytest.raises(safetensors.SafetensorError):
            oracle.load_file(path)


def test_a_header_longer_than_the_file(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes((2**63).to_bytes(8, "little") + b"{}")
    with pytest.raises(InputError, match="a header of 9223372036854775808 bytes in a file of 10"):
        read_safetensors(path)


def test_bfloat16_becomes_float32_and_that_is_said(tmp_path):
    path = tmp_path / "x.safetensors"
    values = np.array([[1.0, -2.5], [np.inf, 2.0**-130]], dtype="f4")  # all exact in 8 bits
    upper = (values.view("u4") >> 16).astype("<u2")
    write_raw(path, {"z": tensor([2, 2], 0, 8, "BF16")}, upper.tobytes())
    [table] = io.read(path)
    np.testing.assert_array_equal(table.values, values)
    assert table.notices == ("BF16 was converted to float32",)


def test_tensors_are_mapped_not_read(tmp_path):
    path = tmp_path / "x.safetensors"
    write_safetensors(path, {"z": np.ones((3, 2))})
    array = read_safetensors(path)[0]["z"]
    assert isinstance(array, np.memmap)
    assert not array.flags.writeable


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([1 + 2j]), np.array([None])])
def test_types_that_the_format_lacks(array, tmp_path):
    with pytest.raises(InputError, match="lacks; convert it"):
        write_safetensors(tmp_path / "x.safetensors", {"z": array})
    assert list(tmp_path.iterdir()) == []


def test_several_runs_and_their_text(tmp_path):
    path = tmp_path / "x.safetensors"
    text = {"ids": ["a", "b"], "batch": ["x", "y"], "columns": ["p", "q", "r"]}
    runs = {f"run_{i}": np.full((2, 3), float(i)) for i in range(3)}
    write_safetensors(path, runs | {"deep": np.ones((1, 2, 2))}, {"nearid.text": json.dumps(text)})
    tables = io.read(f"{path}::run_[12]")
    assert [table.name for table in tables] == ["run_1", "run_2"]
    assert tables[0].ids.tolist() == ["a", "b"]
    assert tables[0].columns == ("p", "q", "r")
    assert tables[0].metadata["batch"].tolist() == ["x", "y"]
    assert io.read(path)[0].notices == ("deep (shape (1, 2, 2), type float64) was not read",)
    write_safetensors(path, runs, {"nearid.text": '{"ids": [1]}'})
    with pytest.raises(InputError, match="no list of text"):
        io.read(path)


def test_a_written_table_needs_types_of_the_format(tmp_path):
    dates = np.array(["2020-01-01"], dtype="M8[D]")
    with pytest.raises(InputError, match=r"day has the type datetime64\[D\]"):
        io.write(tmp_path / "x.safetensors", Table(np.ones((1, 1)), "z", metadata={"day": dates}))


def test_a_file_that_is_replaced_while_it_is_read_is_the_old_or_the_new_one(tmp_path, monkeypatch):
    """Header and numbers of one file: those of two would be numbers that nobody wrote."""
    path = tmp_path / "state.safetensors"
    old = {"a": np.zeros(3, "f4"), "b": np.ones(4, "f4")}
    new = {"a": np.full(6, 2, "f4"), "b": np.full(4, 3, "f4")}
    write_safetensors(path, old)
    parse = json.loads

    def meanwhile(*given, **options):
        monkeypatch.undo()
        write_safetensors(path, new)
        return parse(*given, **options)

    monkeypatch.setattr(json, "loads", meanwhile)
    tensors, _ = read_safetensors(path)
    assert {name: array.tolist() for name, array in tensors.items()} == {
        name: array.tolist() for name, array in old.items()
    }
    assert read_safetensors(path)[0]["b"].tolist() == [3.0] * 4
