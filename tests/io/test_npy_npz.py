"""NumPy's own formats, without NumPy's evaluation of their headers."""

import io as streams
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nearid import io
from nearid.errors import InputError
from nearid.io import Table
from nearid.io.npy import read_body, read_header


def npy(header, body=b"", version=1):
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2, "little") + text + body


def plain(descr="<f8", shape="(2, 3)", fortran="False"):
    return f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}"


def refuse(location, match, **options):
    with pytest.raises(InputError, match=match) as caught:
        io.read(location, **options)
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=60)
@given(
    array=hnp.arrays(
        st.one_of(
            hnp.floating_dtypes(),
            hnp.integer_dtypes(),
            hnp.boolean_dtypes(),
            hnp.unicode_string_dtypes(max_len=4),
            hnp.datetime64_dtypes(),
        ),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
    ),
    fortran=st.booleans(),
)
def test_headers_are_read_as_numpy_reads_them(array, fortran):
    stream = streams.BytesIO()
    array = np.asfortranarray(array) if fortran else array
    np.save(stream, array)
    stream.seek(0)
    header = read_header(stream, "x")
    read = read_body(stream, header, "x")
    assert read.dtype == array.dtype
    assert read.shape == array.shape
    assert read.tobytes() == array.tobytes()


def test_npy_is_mapped(tmp_path):
    values = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.save(tmp_path / "x.npy", values)
    [table] = io.read(tmp_path / "x.npy")
    assert isinstance(table.values, np.memmap)
    assert table.values.flags.f_contiguous
    np.testing.assert_array_equal(table.values, values)


def test_no_rows(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((0, 3)))
    assert io.read(tmp_path / "x.npy")[0].values.shape == (0, 3)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (npy(plain(shape="(1152921504606846976, 3)"), b"\0" * 48), "cut short: its header promise"),
        (npy(plain(), b"\0" * 47), "176 bytes, but the file has 175"),
        (npy(plain("|O"), b"\0" * 48), "Python objects, which only an unsafe unpickling"),
        (npy(plain("<c8"), b"\0" * 48), "real numbers, got the type complex64; split it"),
        (npy(plain("<U3"), b"\0" * 72), "real numbers, got the type <U3"),
        (npy(plain(shape="(6,)"), b"\0" * 48), r"\(rows, columns\), got an array of shape \(6,\)"),
        (npy(plain(shape="(1, 2, 3)"), b"\0" * 48), "flatten it, or pool"),
        (npy(plain(shape="(6, 0)")), "at least one column"),
        (npy(plain("[('a', '<f8')]").replace("'[", "[").replace("]'", "]")), "records"),
        (npy(plain("<f3"), b"\0" * 48), "header is damaged"),
        (npy(plain(shape="(2, -3)"), b"\0" * 48), "header is damaged"),
        (npy("__import__('os').abort()"), "header is damaged"),
        (npy(plain(), version=9), "of version 9"),
        (npy(plain())[:9], "cut short inside its header"),
        (npy(plain())[:60], "cut short inside its header"),
        (b"\x93NUMPY\x02\x00" + b"\xff" * 20, "expected at most 10000"),
        (b"PK\x03\x04" + b"\0" * 50, "does not begin as one"),
    ],
)
def test_a_damaged_npy(content, match, tmp_path):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    refuse(path, match)


def test_bytes_after_the_array_are_said(tmp_path):
    path = tmp_path / "x.npy"
    path.write_bytes(npy(plain(), b"\0" * 50))
    assert io.read(path)[0].notices == ("2 bytes after the array were not read",)


def test_a_pickle_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    trap = np.array([[Trap()]], dtype=object)
    np.save(tmp_path / "x.npy", trap, allow_pickle=True)
    refuse(tmp_path / "x.npy", "unsafe unpickling")
    np.savez(tmp_path / "x.npz", trap=trap, z=np.ones((1, 2)))
    refuse(f"{tmp_path / 'x.npz'}::trap", "unsafe unpickling")
    [table] = io.read(tmp_path / "x.npz")
    assert table.notices == (
        "trap (Python objects, which only an unsafe unpickling could read) was not read",
    )


def test_npy_holds_values_only(tmp_path):
    with pytest.raises(InputError, match=r"write \.npz"):
        io.write(tmp_path / "x.npy", Table(np.ones((1, 2)), "z", columns=("a", "b")))


def test_npz_of_several_runs(tmp_path):
    path = tmp_path / "runs.npz"
    runs = {f"member_{i}": np.full((4, 2), i, dtype="f4") for i in range(3)}
    np.savez_compressed(
        path,
        **runs,
        other=np.ones((3, 2)),
        ids=np.array(list("abca")),
        label=np.arange(4),
        names=np.array([b"x", b"y", b"z", "ü".encode()]),
        deep=np.ones((2, 2, 2)),
        wave=np.ones((4, 2), dtype=complex),
    )
    tables = io.read(path)
    assert [table.name for table in tables] == ["member_0", "member_1", "member_2", "other"]
    assert tables[1].values.dtype == np.float32
    assert tables[1].values[0, 0] == 1
    assert tables[1].metadata["label"].tolist() == [0, 1, 2, 3]
    assert tables[1].metadata["names"].tolist() == ["x", "y", "z", "ü"]
    assert tables[1].ids is None
    assert set(tables[1].notices) == {
        "deep (shape (2, 2, 2), type float64) was not read",
        "wave (shape (4, 2), type complex128) was not read",
        "ids holds a more than once, so it is metadata and not ids",
    }
    assert "label has 4 values, not one per row: not read" in tables[3].notices
    assert [table.name for table in io.read(f"{path}::member_[02]")] == ["member_0", "member_2"]
    refuse(f"{path}::lab*", "no two-dimensional array of real numbers")
    refuse(f"{path}::wave", "split it into real and imaginary")
    refuse(f"{path}::deep", "flatten it")
    refuse(f"{path}::member_9", "did you mean member_2 or member_1 or member_0")


def test_a_table_is_not_written_over_itself(tmp_path):
    table = Table(np.ones((2, 2)), "label", metadata={"label": np.arange(2)})
    with pytest.raises(InputError, match="two of its parts are called label"):
        io.write(tmp_path / "x.npz", table)


def write_member(path, content, name="z.npy", **claims):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
    raw = bytearray(path.read_bytes())
    directory = raw.index(b"PK\x01\x02")
    for offset, value in claims.items():
        start = directory + int(offset[1:])
        raw[start : start + 4] = value.to_bytes(4, "little")
    path.write_bytes(raw)


def test_a_member_that_lies_about_its_size(tmp_path):
    path = tmp_path / "x.npz"
    write_member(path, npy(plain(shape="(1152921504606846976, 3)"), b"\0" * 48))
    refuse(path, "is damaged: its header promises")
    write_member(path, npy(plain(), b"\0" * 48), _24=2**31)  # the unpacked size in the directory
    refuse(path, "claims 2147483648 bytes, more than the archive can hold")


def test_a_member_whose_bytes_have_changed(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, z=np.ones((50, 2)))
    raw = bytearray(path.read_bytes())
    raw[400] ^= 1
    path.write_bytes(raw)
    refuse(path, "CRC")


def test_an_archive_without_arrays(tmp_path):
    path = tmp_path / "x.npz"
    write_member(path, b"hello", name="hello.txt")
    refuse(path, "it holds nothing")


@pytest.mark.parametrize("order", ["c", "f", "strided"])
def test_what_is_written_is_what_numpy_writes(tmp_path, monkeypatch, order):
    values = np.random.default_rng(0).normal(size=(50, 4)).astype(">f4")
    given = {"c": values, "f": np.asfortranarray(values), "strided": values[::2, ::-1]}[order]
    monkeypatch.setattr("nearid.io.npy.WRITTEN_BYTES", 100)
    io.write(tmp_path / "ours.npy", Table(given, "run"))
    np.save(tmp_path / "theirs.npy", given)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()
