"""Frames: what is a feature, what describes rows, and what is said of the rest."""

import datetime
import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nearid import io
from nearid.errors import InputError
from nearid.io import Table


def refuse(location, match, **options):
    with pytest.raises(InputError, match=match) as caught:
        io.read(location, **options)
    assert "\n" not in str(caught.value)


def frame(n=5):
    return pd.DataFrame(
        {
            "Metadata_count": np.arange(n),
            "a": np.arange(n, dtype="f4"),
            "note": pd.Categorical(["x", "y", None, "x", "y"][:n]),
            "b": np.arange(n, dtype="i2") * 2,
            "flag": np.arange(n) > 2,
        }
    )


def test_the_roles_of_columns(tmp_path):
    path = tmp_path / "x.parquet"
    frame().to_parquet(path)
    [table] = io.read(path)
    assert table.columns == ("a", "b")
    assert table.values.dtype == np.float32
    assert table.ids is None  # the index only counts
    assert table.metadata["note"].tolist() == ["x", "y", "", "x", "y"]
    assert table.metadata["flag"].tolist() == [False, False, False, True, True]
    assert table.metadata["Metadata_count"].dtype.kind == "i"
    assert set(table.notices) == {
        "not numeric, so metadata and not features: note, flag",
        "note: 1 missing texts were read as ''",
    }


@pytest.mark.parametrize(
    ("index", "expected"),
    [(list("vwxyz"), list("vwxyz")), ([7, 3, 5, 1, 9], [7, 3, 5, 1, 9]), (range(5), None)],
)
@pytest.mark.parametrize("name", [None, "cell"])
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_the_index_of_pandas_becomes_the_ids(suffix, name, index, expected, tmp_path):
    path = tmp_path / f"x.{suffix}"
    held = frame().set_index(pd.Index(index, name=name))
    if suffix == "csv" and name is not None:
        return  # in text nothing tells a named index from a column
    getattr(held, f"to_{suffix}")(path)
    [table] = io.read(path)
    assert (None if table.ids is None else table.ids.tolist()) == expected
    assert table.columns == ("a", "b")


def test_an_index_that_is_not_unique_is_metadata(tmp_path):
    path = tmp_path / "x.parquet"
    frame().set_index(pd.Index(list("abcab"))).to_parquet(path)
    [table] = io.read(path)
    assert table.ids is None
    assert table.metadata["index"].tolist() == list("abcab")
    assert (
        "__index_level_0__ holds a more than once, so it is metadata and not ids" in table.notices
    )


def test_a_named_id_column_wins_over_the_index(tmp_path):
    path = tmp_path / "x.parquet"
    held = frame().set_index(pd.Index(list("vwxyz"), name="cell"))
    held["key"] = [5, 4, 3, 2, 1]
    held.to_parquet(path)
    [table] = io.read(path, id_column="key")
    assert table.ids.tolist() == [5, 4, 3, 2, 1]
    assert table.metadata["cell"].tolist() == list("vwxyz")
    assert table.columns == ("a", "b")


def test_ids_must_not_be_missing(tmp_path):
    frame().to_parquet(tmp_path / "x.parquet")
    refuse(tmp_path / "x.parquet", "note holds missing values", id_column="note")


def test_pandas_reads_what_we_write(tmp_path):
    path = tmp_path / "x.parquet"
    table = Table(np.eye(2, dtype="f4"), "z", np.array(["p", "q"]), {"label": np.arange(2)})
    io.write(path, table)
    held = pd.read_parquet(path)
    assert held.index.tolist() == ["p", "q"]
    assert held.columns.tolist() == ["Metadata_label", "0", "1"]
    io.write(path, Table(np.eye(2), "z", np.array([5, 3])))
    assert pd.read_parquet(path).index.tolist() == [5, 3]
    assert io.read(path)[0].ids.tolist() == [5, 3]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["f4", "f2", "i2", "u1"], "f4"),
        (["f4", "i4"], "f8"),
        (["f8"], "f8"),
        (["u2"], "f4"),
        (["u4"], "f8"),
    ],
)
def test_the_type_of_the_features(kinds, expected, tmp_path):
    path = tmp_path / "x.parquet"
    columns = {str(i): np.arange(4).astype(kind) for i, kind in enumerate(kinds)}
    pq.write_table(pa.table(columns), path)
    [table] = io.read(path)
    assert table.values.dtype == np.dtype(expected)
    np.testing.assert_array_equal(table.values[:, 0], np.arange(4))


def test_row_groups_and_nulls(tmp_path):
    path = tmp_path / "x.parquet"
    values = [None if i % 7 == 0 else i for i in range(1000)]
    whole = pa.array(values, pa.int32())
    names = pa.array([f"r{i}" for i in range(1000)]).dictionary_encode()
    pq.write_table(pa.table({"a": whole, "Metadata_n": names}), path, row_group_size=77)
    [table] = io.read(path)
    expected = np.array([np.nan if v is None else v for v in values])
    np.testing.assert_array_equal(table.values[:, 0], expected)
    assert table.metadata["Metadata_n"][[0, 999]].tolist() == ["r0", "r999"]


def test_kinds_of_metadata(tmp_path):
    path = tmp_path / "x.parquet"
    utc = datetime.timezone.utc  # noqa: UP017
    pq.write_table(
        pa.table(
            {
                "a": [1.0, 2.0],
                "price": pa.array(["1.5", None]).cast(pa.float64()).cast(pa.decimal128(5, 2)),
                "Metadata_day": [datetime.date(2020, 1, 1), None],
                "Metadata_when": [datetime.datetime(2020, 1, 1, tzinfo=utc)] * 2,
                "Metadata_flag": [True, None],
                "Metadata_whole": pa.array([1, None], pa.int8()),
                "Metadata_list": [[1], [2]],
                "Metadata_none": pa.nulls(2),
            }
        ),
        path,
    )
    [table] = io.read(path)
    assert table.columns == ("a", "price")
    np.testing.assert_array_equal(table.values[:, 1], [1.5, np.nan])
    assert np.isnat(table.metadata["Metadata_day"][1])
    np.testing.assert_array_equal(table.metadata["Metadata_flag"], [1, np.nan])
    np.testing.assert_array_equal(table.metadata["Metadata_whole"], [1, np.nan])
    assert "Metadata_list" not in table.metadata
    said = " / ".join(table.notices)
    assert "Metadata_list (type list<" in said
    assert "Metadata_none (type null)" in said
    assert "Metadata_when: times were converted from UTC to UTC" in said


def test_a_folder_of_files(tmp_path):
    folder = tmp_path / "profiles"
    folder.mkdir()
    for i in range(3):
        held = frame().drop(columns="note").set_index(pd.Index([f"{i}{c}" for c in "vwxyz"]))
        held["a"] += i
        held.to_parquet(folder / f"part{i}.parquet")
    (folder / "_SUCCESS").touch()
    [table] = io.read(folder)
    assert table.name == "profiles"
    assert table.values.shape == (15, 2)
    assert table.values[[0, 5, 10], 0].tolist() == [0, 1, 2]
    assert table.ids[[0, 14]].tolist() == ["0v", "2z"]
    frame().rename(columns={"a": "c"}).to_parquet(folder / "part3.parquet")
    refuse(folder, "part3.parquet and .*part0.parquet differ in their columns: ")
    (folder / "part4.csv").touch()
    refuse(folder, r"folder of \.parquet files alone, but it holds part4\.csv")


def test_frames_without_features(tmp_path):
    path = tmp_path / "x.parquet"
    frame()[["note", "Metadata_count"]].to_parquet(path)
    refuse(path, "no numeric column to use as a feature; it has note, Metadata_count")
    pq.write_table(pa.table([[1.0], [2.0]], names=["a", "a"]), path)
    refuse(path, "two columns are called 'a'; rename one")


def write(path, text):
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".CSV"])
def test_text(suffix, tmp_path):
    text = '\ufeffa,Metadata_w,b,note\n1,"x\ny",,p\n0.1,NA,1e-3,"q,r"\ninf,é,nan,\n'
    separator = "\t" if suffix.startswith(".tsv") else ","
    text = text.replace('"q,r"', "qr").replace(",", separator) if separator == "\t" else text
    [table] = io.read(write(tmp_path / f"x{suffix}", text))
    assert table.name == "x"
    assert table.columns == ("a", "b")
    np.testing.assert_array_equal(table.values, [[1, np.nan], [0.1, 1e-3], [np.inf, np.nan]])
    assert table.metadata["Metadata_w"].tolist() == ["x\ny", "NA", "é"]
    assert table.metadata["note"].tolist() == ["p", "qr" if separator == "\t" else "q,r", ""]


def test_numbers_in_text_that_are_names_stay_text(tmp_path):
    text = "id,Metadata_plate,Metadata_day,Metadata_dose,a\n007,1,,0.5,1\n08,2,3,.25,2\n"
    [table] = io.read(write(tmp_path / "x.csv", text), id_column="id")
    assert table.ids.tolist() == ["007", "08"]
    assert table.metadata["Metadata_plate"].tolist() == [1, 2]
    assert table.metadata["Metadata_plate"].dtype.kind == "i"
    np.testing.assert_array_equal(table.metadata["Metadata_day"], [np.nan, 3])
    assert table.metadata["Metadata_dose"].tolist() == [0.5, 0.25]
    [again] = io.read(write(tmp_path / "x.csv", "id,a\n7,1\n8,2\n"), id_column="id")
    assert again.ids.tolist() == [7, 8]
    huge = f"Metadata_n,a\n{10**30},1\n"
    [table] = io.read(write(tmp_path / "x.csv", huge))
    assert table.metadata["Metadata_n"].tolist() == [str(10**30)]


def test_a_type_that_shows_late_in_the_file(tmp_path):
    rows = "".join(f"{i},{i}\n" for i in range(200_000))
    [table] = io.read(write(tmp_path / "x.csv", f"a,b\n{rows}0.5,7\n"))
    assert table.values[-1].tolist() == [0.5, 7]
    [table] = io.read(write(tmp_path / "x.csv", f"a,b\n{rows}0.5,x\n"))
    assert table.columns == ("a",)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a,b\n1,2,3\n", "Expected 2 columns, got 3"),
        ("a,b\n1\n", "Expected 2 columns, got 1"),
        ("a,b,a\n1,2,3\n", "two columns are called 'a'; rename one"),
        ("a;b\n1;2\n", "separated by ';'"),
        ("a,b\nx,y\n", "no numeric column"),
        ("a,b\n", "no numeric column"),
        ("\n\n", "no header"),
    ],
)
def test_text_that_is_no_table(text, match, tmp_path):
    refuse(write(tmp_path / "x.csv", text), match)


def test_text_that_is_not_utf8(tmp_path):
    path = tmp_path / "x.csv"
    for content in ("a,ü\n1,2\n".encode("latin-1"), "a,b\n1,ü\n".encode("latin-1")):
        path.write_bytes(content)
        refuse(path, "utf-8|UTF-8|UTF8")
    path.write_bytes("a,Metadata_b\n1,ü\n".encode("latin-1"))
    refuse(path, "utf-8")


def test_numbers_are_written_digit_for_digit(tmp_path):
    values = np.random.default_rng(0).normal(size=(50, 2)) * 10.0 ** np.arange(-25, 25)[:, None]
    io.write(tmp_path / "x.tsv.gz", Table(values, "x", metadata={"m": np.arange(50)}))
    [table] = io.read(tmp_path / "x.tsv.gz")
    np.testing.assert_array_equal(table.values, values)
    assert list(table.metadata) == ["Metadata_m"]


def test_two_columns_of_one_name_are_not_written(tmp_path):
    table = Table(np.ones((1, 1)), "x", columns=("Metadata_m",), metadata={"m": np.ones(1)})
    with pytest.raises(InputError, match="two columns are called Metadata_m"):
        io.write(tmp_path / "x.csv", table)
