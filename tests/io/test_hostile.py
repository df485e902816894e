"""Files that are made for harm, or damaged such that a check was passed: what fuzzing found."""

import gzip
import io as streams
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nearid import io
from nearid.datasets.mnist import read_idx
from nearid.datasets.smallnorb import read_norb
from nearid.errors import InputError
from nearid.io import Table, location
from nearid.io.arrays import LONGEST_TEXT, text_array
from nearid.io.npy import map_array

BOMB = 2**26


def head(shape, descr="<f4"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        io.read(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("shape", [(0, 2**62), (2**62, 2**62), (2**60, 3), (-1, 3)])
def test_shapes_that_no_memory_holds(tmp_path, shape):
    (tmp_path / "run.npy").write_bytes(head(shape) + bytes(64))
    refused(tmp_path / "run.npy", "cut short|cannot be read|damaged")


def test_zeros_that_unpack_to_a_thousand_times_as_many(tmp_path):
    with zipfile.ZipFile(tmp_path / "run.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("z.npy", head((BOMB // 4, 1)) + bytes(BOMB))
    refused(tmp_path / "run.npz", "more than 200 times as many: no measured numbers")
    (tmp_path / "run.csv.gz").write_bytes(gzip.compress(b"a\n" + b"0\n" * (BOMB // 2), 1))
    refused(tmp_path / "run.csv.gz", "more than 200 times as many")
    columns = {name: np.zeros(BOMB // 16, "f4") for name in "abcd"}
    pq.write_table(pa.table(columns), tmp_path / "run.parquet", row_group_size=BOMB)
    refused(tmp_path / "run.parquet", "more than 200 times as many")


def test_what_is_packed_densely_and_small_is_read(tmp_path):
    np.savez_compressed(tmp_path / "run.npz", z=np.zeros((1000, 1000), "f4"))
    assert io.read(tmp_path / "run.npz")[0].values.shape == (1000, 1000)
    location.check_packing(tmp_path, 737280 * 4096, 26_492_000)  # dSprites


def test_zeros_in_parquet_are_read_a_row_group_at_a_time(tmp_path):
    columns = {name: np.zeros(BOMB // 16, "f4") for name in "abcd"}
    pq.write_table(pa.table(columns), tmp_path / "run.parquet", row_group_size=2**20)
    [table] = io.read(tmp_path / "run.parquet")
    assert not isinstance(table.values, np.ndarray)
    assert table.values[5:7].tolist() == [[0.0] * 4] * 2


def test_zeros_in_data_sets(tmp_path):
    raw = bytes([0, 0, 8, 1]) + BOMB.to_bytes(4, "big") + bytes(BOMB)
    (tmp_path / "a-idx1-ubyte.gz").write_bytes(gzip.compress(raw, 1))
    with pytest.raises(InputError, match="too many for a data set of digits"):
        read_idx(tmp_path / "a-idx1-ubyte.gz")
    start = np.array([0x1E3D4C55, 1, BOMB, 1, 1], "<i4").tobytes()
    (tmp_path / "a.mat.gz").write_bytes(gzip.compress(start + bytes(BOMB), 1))
    with pytest.raises(InputError, match="more than 200 times as many"):
        read_norb(tmp_path / "a.mat.gz")


def test_one_text_is_not_padded_to_all(tmp_path):
    texts = ["x" * (LONGEST_TEXT + 1), *["y"] * 1000]
    with pytest.raises(InputError, match=r"cut it, or leave it out"):
        text_array(texts, "ids")
    assert text_array(texts[1:], "ids").dtype == "<U1"
    many = pa.array(["x" * 2**20] * 300).dictionary_encode()
    frame = pa.table({"a": np.arange(300.0), "Metadata_long": many})
    pq.write_table(frame, tmp_path / "run.parquet", compression="zstd")
    [table] = io.read(tmp_path / "run.parquet")
    assert not table.metadata
    assert "a text of 1048576 characters" in table.notices[-1]


def test_text_in_a_dictionary_is_read_as_text(tmp_path):
    words = pa.chunked_array([["p", None, "p"], ["q", "", "r"]]).dictionary_encode()
    frame = pa.table({"a": np.arange(6.0), "Metadata_word": words})
    pq.write_table(frame, tmp_path / "run.parquet", row_group_size=4)
    [table] = io.read(tmp_path / "run.parquet")
    assert table.metadata["Metadata_word"].tolist() == ["p", "", "p", "q", "", "r"]
    assert table.notices == ("Metadata_word: 1 missing texts were read as ''",)


def test_names_with_several_lines_stay_on_one(tmp_path):
    (tmp_path / "run.csv").write_text('"a\nb",c\nx,y\n')
    refused(tmp_path / "run.csv", "it has a b, c")
    np.savez(tmp_path / "run.npz", **{"a\nb": np.zeros(3)})
    refused(tmp_path / "run.npz", r"it holds a b \(3,\)")
    assert len(location.one_line("x" * 999)) < 300
    (tmp_path / "run.tsv").write_text("a\n1\n")
    with pytest.raises(InputError, match="has no feature b c; its 1 features are a"):
        io.read(tmp_path / "run.tsv", features="b\nc")


def test_text_of_no_characters(tmp_path):
    codes = np.array([[65, 2**31], [66, 0]], "u4")
    raw = streams.BytesIO()
    np.lib.format.write_array(raw, codes.view("<U2")[:, 0], allow_pickle=False)
    with zipfile.ZipFile(tmp_path / "run.npz", "w") as archive:
        archive.writestr("ids.npy", raw.getvalue())
        archive.writestr("z.npy", head((2, 1)) + bytes(8))
    refused(tmp_path / "run.npz", "text of what are no characters")
    (tmp_path / "ids.npy").write_bytes(raw.getvalue())
    with pytest.raises(InputError, match="no characters"):
        map_array(tmp_path / "ids.npy")


def test_objects_are_not_mapped(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="unsafe unpickling"):
        map_array(tmp_path / "o.npy")


def test_a_damaged_page_of_parquet_is_refused(tmp_path):
    io.write(tmp_path / "run.parquet", Table(np.eye(40), "run"))
    content = bytearray((tmp_path / "run.parquet").read_bytes())
    content[4:40] = bytes(36)
    (tmp_path / "run.parquet").write_bytes(content)
    refused(tmp_path / "run.parquet", "cannot be read as a Parquet file")


def test_a_footer_of_parquet_holds_no_more_than_its_bytes(tmp_path):
    path = tmp_path / "run.parquet"
    io.write(path, Table(np.eye(3), "run"))
    content = path.read_bytes()
    at = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    # Thrift: the version, then a list of four structures, which is to hold 999,999
    assert content[at + 2 : at + 4] == b"\x19\x4c"
    footer = content[at : at + 3] + b"\xfc\xbf\x84\x3d" + content[at + 4 : -8]
    path.write_bytes(content[:at] + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    refused(path, "Exceeded size limit")


def test_files_of_parquet_that_no_number_of_32_bits_counts(tmp_path):
    path = tmp_path / "run.parquet"
    io.write(path, Table(np.eye(3), "run"))
    content = path.read_bytes()
    with path.open("r+b") as stream:  # a hole, which takes no place
        stream.truncate(2**31)
        stream.seek(-int.from_bytes(content[-8:-4], "little") - 8, 2)
        stream.write(content[stream.tell() - 2**31 :])
    np.testing.assert_array_equal(io.read(path)[0].values, np.eye(3))


def test_a_nan_that_signals_is_a_nan(tmp_path):
    signals = np.array([0x7F800001, 0x3F800000], "u4").view("f4")
    pq.write_table(pa.table({"a": signals, "b": [2.0, 3.0]}), tmp_path / "run.parquet")
    [table] = io.read(tmp_path / "run.parquet")
    np.testing.assert_array_equal(table.values, [[np.nan, 2], [1, 3]])
