"""What every format must do: give back what was written, and say in one line why it cannot."""

import subprocess
import sys
import warnings
from importlib.util import find_spec

import numpy as np
import pytest

from nearid import io
from nearid.errors import InputError, MissingExtraError
from nearid.io import READERS, WRITERS, Table

#: The formats of an extra: what is imported for them, and the extra's name.
EXTRAS = {
    ".h5ad": (("h5py", "anndata", "anndata.io"), "anndata"),
    ".zarr": (("zarr",), "zarr"),
}
FORMATS = [s for s in READERS if s not in EXTRAS or find_spec(EXTRAS[s][1]) is not None]
FILES = [s for s in FORMATS if s != ".zarr"]  # which is a folder
KEYED = [s for s in FORMATS if s in (".npz", ".safetensors", ".h5ad", ".zarr")]
TEXTS = (".csv", ".csv.gz", ".tsv", ".tsv.gz")


def sample(dtype="f4", n_rows=7):
    rng = np.random.default_rng(0)
    return Table(
        rng.normal(size=(n_rows, 3)).astype(dtype),
        "X_z",
        ids=np.array([f"cell {i}" for i in range(n_rows)][::-1]),
        metadata={
            "Metadata_batch": np.array(["ä", "b,c", 'd"e', "f", "g", "h", "i"])[:n_rows],
            "Metadata_label": np.arange(n_rows) * 3,
            "Metadata_score": np.linspace(0, 1, n_rows),
        },
        columns=("first", "second one", "third"),
    )


def make_h5ad(path, table):
    import anndata
    import pandas as pd

    index = pd.Index(table.ids)
    adata = anndata.AnnData(obs=pd.DataFrame(dict(table.metadata), index=index))
    adata.obsm[table.name] = pd.DataFrame(table.values, index=index, columns=list(table.columns))
    adata.write_h5ad(path)


def make_zarr(path, table):
    import zarr

    group = zarr.open_group(path, mode="w")
    group.create_array(table.name, data=table.values, chunks=(2, 3))
    parts = {"ids": table.ids, "columns": np.array(table.columns), **table.metadata}
    for name, column in parts.items():
        if column.dtype.kind == "U":
            array = group.create_array(name, shape=column.shape, dtype=str)
            array[:] = column.astype(object)
        else:
            group.create_array(name, data=column)


def make(path, table):
    makers = {".h5ad": make_h5ad, ".zarr": make_zarr}
    makers.get(path.suffix, io.write)(path, table)


@pytest.fixture(params=FORMATS)
def suffix(request):
    return request.param


@pytest.fixture
def made(suffix, tmp_path):
    path = tmp_path / f"run{suffix}"
    bare = Table(sample().values, "X_z")
    make(path, bare if suffix == ".npy" else sample())
    return path


def refuse(location, match, **options):
    def read_all():
        for table in io.read(location, **options):
            np.asarray(table.values[:])

    with pytest.raises(InputError, match=match) as caught:
        read_all()
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_every_format_can_be_made_here():
    assert set(READERS) == set(WRITERS) | set(EXTRAS)


def test_what_was_written_is_read(made, suffix):
    expected = sample()
    [table] = io.read(made)
    assert table.name == "run"
    assert table.notices == ()
    # text has no types: float64 holds every float32
    assert table.values.dtype == (np.float64 if suffix in TEXTS else np.float32)
    np.testing.assert_array_equal(np.asarray(table.values[:]), expected.values)
    if suffix == ".npy":
        return
    assert table.ids.tolist() == expected.ids.tolist()
    assert table.columns == expected.columns
    assert sorted(table.metadata) == sorted(expected.metadata)
    for name, column in expected.metadata.items():
        assert table.metadata[name].tolist() == column.tolist()
        assert table.metadata[name].dtype.kind == column.dtype.kind


@pytest.mark.parametrize("dtype", ["f8", ">f4", "f2", "i4", "u1"])
def test_numbers_survive(suffix, dtype, tmp_path):
    path = tmp_path / f"run{suffix}"
    values = (np.arange(12).reshape(4, 3) * 1.25).astype(dtype)
    table = Table(values, "X_z", columns=("a", "b", "c"), ids=np.array(list("wxyz")))
    if suffix in (".npy", ".h5ad"):  # a DataFrame in obsm has no big-endian numbers
        table = Table(values.astype(np.dtype(dtype).newbyteorder("=")), "X_z", ids=table.ids)
    if suffix == ".npy":
        make(path, Table(values, "X_z"))
    elif suffix == ".h5ad":
        make(path, Table(table.values, "X_z", ids=table.ids, columns=("a", "b", "c")))
    else:
        make(path, table)
    [read] = io.read(path)
    np.testing.assert_array_equal(np.asarray(read.values[:]), values)


def test_rows_are_indexed_as_numpy_does(made):
    [table] = io.read(made)
    expected = sample().values
    for index in (slice(2, 5), np.array([5, 0, 0, 3]), slice(4, 4), np.array([], dtype=int)):
        np.testing.assert_array_equal(np.asarray(table.values[index]), expected[index])


def test_missing_numbers_are_nan(suffix, tmp_path):
    path = tmp_path / f"run{suffix}"
    table = sample()
    table.values[1, 2] = np.nan
    make(path, Table(table.values, "X_z") if suffix == ".npy" else table)
    [read] = io.read(path)
    np.testing.assert_array_equal(np.asarray(read.values[:]), table.values)


def test_ids_from_a_named_column(made, suffix):
    if suffix == ".npy":
        refuse(made, "numbers only", id_column="Metadata_label")
        return
    [table] = io.read(made, id_column="Metadata_label")
    assert table.ids.tolist() == [0, 3, 6, 9, 12, 15, 18]
    assert "Metadata_label" not in table.metadata
    refuse(made, "no column Metadata_labl.*did you mean Metadata_label", id_column="Metadata_labl")


def test_ids_must_be_unique(suffix, tmp_path):
    if suffix == ".npy":
        return
    path = tmp_path / f"run{suffix}"
    table = sample()
    table.metadata["Metadata_batch"][:] = list("abcdbea")
    make(path, table)
    refuse(
        path,
        "unique, but Metadata_batch holds b more than once; name another",
        id_column="Metadata_batch",
    )


def test_features_are_chosen(made, suffix):
    if suffix == ".npy":
        refuse(made, "no column names", features="first")
        return
    [table] = io.read(made, features="t*, second one")
    assert table.columns == ("third", "second one")
    np.testing.assert_array_equal(np.asarray(table.values[:]), sample().values[:, [2, 1]])
    assert table.notices == ("1 of 3 features were not chosen",)
    refuse(made, "no feature fist; did you mean first", features="first,fist")


def test_not_there(suffix, tmp_path):
    (tmp_path / f"run1{suffix}").touch()
    refuse(tmp_path / f"run2{suffix}", f"does not exist; did you mean run1{suffix}")


@pytest.mark.parametrize("suffix", FILES)
def test_a_folder(suffix, tmp_path):
    path = tmp_path / f"run{suffix}"
    path.mkdir()
    refuse(path, "folder")


def test_an_empty_file(suffix, tmp_path):
    path = tmp_path / f"run{suffix}"
    path.touch()
    refuse(path, "0 bytes|is a file")


@pytest.mark.parametrize(
    "content", [b"\0" * 100, b"PK\x03\x04 but no more", bytes(range(256)) * 40]
)
def test_garbage(suffix, content, tmp_path):
    path = tmp_path / f"run{suffix}"
    if suffix == ".zarr":
        path.mkdir()
        (path / "zarr.json").write_bytes(content)
    else:
        path.write_bytes(content)
    refuse(path, "run")


@pytest.mark.parametrize("suffix", FILES)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.97])
def test_cut_short(made, suffix, kept):
    content = made.read_bytes()
    content = content[: int(len(content) * kept)]
    if suffix in TEXTS[::2]:  # text that ends between two rows cannot be told from a shorter file
        content = content.rstrip(b"\n").rsplit(b"," if suffix == ".csv" else b"\t", 1)[0]
        content = content if b"\n" in content else b'"first"\n"text"'
    made.write_bytes(content)
    refuse(made, "run")


@pytest.mark.parametrize("suffix", KEYED)
def test_keys(made):
    [table] = io.read(f"{made}::X_z")
    assert table.values.shape == (7, 3)
    assert len(io.read(f"{made}::X_*")) == 1
    refuse(f"{made}::X_y", r"X_y.*; did you mean X_z\?; it holds .*X_z")


@pytest.mark.parametrize("suffix", [s for s in FORMATS if s not in KEYED])
def test_no_keys(made):
    refuse(f"{made}::key", "no keys")


def test_an_unknown_suffix(tmp_path):
    path = tmp_path / "run.pkl"
    refuse(path, "does not exist")
    path.write_bytes(b"x")
    refuse(path, r"format \.pkl cannot be read; expected one of \.npy, ")
    refuse(tmp_path, "without a suffix cannot be read")
    with pytest.raises(InputError, match=r"format \.parqet cannot be written; did you mean"):
        io.write(tmp_path / "run.parqet", sample())


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_same_table_gives_the_same_bytes(made, suffix, tmp_path):
    again = tmp_path / f"again{suffix}"
    make(again, Table(sample().values, "X_z") if suffix == ".npy" else sample())
    assert again.read_bytes() == made.read_bytes()


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_failed_write_leaves_the_old_file(made, suffix):
    before = made.read_bytes()
    ids = np.array([object() for _ in range(7)])
    with pytest.raises(InputError):
        io.write(made, Table(sample().values, "X_z", ids=ids))
    assert made.read_bytes() == before
    assert list(made.parent.iterdir()) == [made]


@pytest.mark.parametrize("suffix", EXTRAS)
def test_a_missing_extra_is_named(suffix, tmp_path, monkeypatch):
    modules, extra = EXTRAS[suffix]
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"nearid\[{extra}\]"):
        io.read(tmp_path / f"run{suffix}")


def test_nothing_heavy_is_imported_before_it_is_needed():
    heavy = "{'pandas', 'pyarrow', 'h5py', 'anndata', 'zarr', 'torch', 'safetensors'}"
    code = f"import sys, nearid.io; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_leaves_the_filters_of_warnings_alone(made):
    before = list(warnings.filters)
    io.read(made)
    assert warnings.filters == before
