"""The formats of an extra: .h5ad and Zarr. Without the extra, the error names it."""

import json
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from nearid import io
from nearid.errors import InputError, MissingExtraError
from nearid.io import h5ad, hdf5


def refuse(location, match, **options):
    with pytest.raises(InputError, match=match) as caught:
        io.read(location, **options)
    assert "\n" not in str(caught.value)


def lacks(extra, path):
    """Whether the extra is absent; then reading must say how to get it."""
    if find_spec(extra) is not None:
        return False
    with pytest.raises(MissingExtraError, match=rf"nearid\[{extra}\]"):
        io.read(path)
    return True


@pytest.fixture
def cells():
    import anndata
    import scipy.sparse

    obs = pd.DataFrame(
        {"type": pd.Categorical(["t", "b", "t", None]), "n": [1, 2, 3, 4]}, index=list("wxyz")
    )
    var = pd.DataFrame(index=["gene 1", "gene 2", "gene 3"])
    adata = anndata.AnnData(X=np.arange(12, dtype="f4").reshape(4, 3), obs=obs, var=var)
    adata.obsm["X_pca"] = np.arange(8.0).reshape(4, 2)
    adata.obsm["frame"] = pd.DataFrame({"p": [1.0, 2, 3, 4], "q": [0.0] * 4}, index=obs.index)
    adata.obsm["sparse"] = scipy.sparse.csr_matrix(np.eye(4))
    return adata


def test_h5ad(tmp_path, request):
    path = tmp_path / "cells.h5ad"
    if lacks("anndata", path):
        return
    adata = request.getfixturevalue("cells")
    adata.write_h5ad(path)
    [table] = io.read(f"{path}::X_pca")
    assert table.name == "X_pca"
    np.testing.assert_array_equal(table.values, adata.obsm["X_pca"])
    assert table.ids.tolist() == list("wxyz")
    assert table.metadata["type"].tolist() == ["t", "b", "t", ""]
    assert table.metadata["n"].tolist() == [1, 2, 3, 4]
    assert table.notices == ("type: 1 missing texts were read as ''",)
    [genes] = io.read(f"{path}::X", features="gene ?")
    assert genes.columns == ("gene 1", "gene 2", "gene 3")
    assert genes.values.dtype == np.float32
    [framed] = io.read(f"{path}::frame", id_column="n")
    assert framed.columns == ("p", "q")
    assert framed.ids.tolist() == [1, 2, 3, 4]
    assert framed.metadata["obs_names"].tolist() == list("wxyz")
    [dense] = io.read(f"{path}::sparse")
    np.testing.assert_array_equal(dense.values, np.eye(4))
    assert "it is sparse in the file (4 values), and was made dense" in dense.notices
    refuse(path, "holds 3 entries in obsm.* KEY is one of X, X_pca, frame, sparse")
    refuse(f"{path}::X_pka", "no X_pka in obsm; did you mean X_pca")
    refuse(f"{path}::X", "no column kind to take the ids from; there is", id_column="kind")


def test_h5ad_with_a_sparse_matrix_and_repeated_genes(tmp_path, request):
    path = tmp_path / "cells.h5ad"
    if lacks("anndata", path):
        return
    import scipy.sparse

    adata = request.getfixturevalue("cells")
    adata.X = scipy.sparse.csc_matrix(adata.X)
    adata.obs_names = list("0123")  # what anndata calls cells without a name
    del adata.obsm
    adata.write_h5ad(path)
    [table] = io.read(f"{path}::X")
    np.testing.assert_array_equal(table.values, np.arange(12).reshape(4, 3))
    assert table.ids is None
    assert table.name == "cells"
    refuse(path, "holds 0 entries in obsm")
    adata.var.index = pd.Index(["a", "a", "b"])
    adata.write_h5ad(path)
    refuse(f"{path}::X", "two columns are called 'a'; make them unique")


def test_h5ad_that_is_another_hdf5(tmp_path):
    path = tmp_path / "x.h5ad"
    if lacks("anndata", path):
        return
    import h5py

    with h5py.File(path, "w") as file:
        file["obsm/z"] = np.ones((2, 2))
    refuse(path, "cannot be read as an .h5ad file")
    with h5py.File(path, "a") as file:
        file["obs"] = np.ones(2)
    refuse(path, r"before 0\.8")
    with h5py.File(path, "w") as file:
        file.create_dataset("obsm/z", shape=(2**40, 2**10), dtype="f8", chunks=(16, 16))
        file.create_group("obs").attrs["encoding-type"] = "dataframe"
    refuse(path, "cannot be read|never written")


def test_zarr_array(tmp_path):
    path = tmp_path / "run.zarr"
    if lacks("zarr", path):
        return
    import zarr

    values = np.arange(40, dtype="f4").reshape(20, 2)
    zarr.create_array(path, data=values, chunks=(6, 2))
    [table] = io.read(path)
    assert not isinstance(table.values, np.ndarray)  # nothing is read yet
    np.testing.assert_array_equal(table.values[[19, 0, 0]], values[[19, 0, 0]])
    np.testing.assert_array_equal(table.values[3:9], values[3:9])
    np.testing.assert_array_equal(np.asarray(table.values), values)
    refuse(f"{path}::z", "no keys")
    (path / "c" / "1" / "0").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"run\.zarr cannot be read"):
        io.read(path)[0].values[6:8]  # anew: what was unpacked is kept
    (path / "c" / "1" / "0").unlink()
    assert io.read(path)[0].notices == ("1 of 4 chunks are not stored: all of them is 0.0",)


@pytest.mark.filterwarnings("ignore:.*does not have a Zarr V3 specification")
@pytest.mark.parametrize("version", [2, 3])
def test_zarr_group(version, tmp_path):
    path = tmp_path / "runs.zarr"
    if lacks("zarr", path):
        return
    import zarr

    group = zarr.open_group(path, mode="w", zarr_format=version)
    group.create_array("seed/0", data=np.full((3, 2), 2.0))
    group.create_array("seed/1", data=np.ones((3, 2)))
    group.create_array("ids", data=np.array(["a", "bb", "c"]))
    group.create_array("deep", data=np.ones((1, 2, 3)))
    (path / "README.txt").write_text("no part of it")
    tables = io.read(path)
    assert [table.name for table in tables] == ["seed/0", "seed/1"]
    assert tables[0].ids.tolist() == ["a", "bb", "c"]
    assert tables[0].notices == ("deep (shape (1, 2, 3), type float64) was not read",)
    [table] = io.read(f"{path}::seed/1")
    assert table.values[:].sum() == 6
    refuse(f"{path}::seed/2", "no array seed/2; did you mean seed/1 or seed/0")


def test_zarr_without_an_array(tmp_path):
    path = tmp_path / "x.zarr"
    if lacks("zarr", path):
        return
    import zarr

    path.mkdir()
    refuse(path, "cannot be read as a Zarr folder")
    zarr.open_group(path, mode="w")
    refuse(path, "it holds nothing")


@pytest.mark.parametrize(("dtype", "place"), [("|O", "filters"), ("<f8", "compressor")])
def test_a_pickle_in_zarr_is_never_opened(dtype, place, tmp_path):
    path = tmp_path / "x.zarr"
    if lacks("zarr", path):
        return
    codec = {"id": "pickle", "protocol": 5}
    described = {
        "zarr_format": 2, "shape": [2, 2], "chunks": [2, 2], "dtype": dtype, "order": "C",
        "fill_value": 0, "compressor": codec if place == "compressor" else None,
        "filters": [codec] if place == "filters" else None,
    }  # fmt: skip
    path.mkdir()
    (path / ".zarray").write_text(json.dumps(described))
    (path / "0.0").write_bytes(b"cpytest\nfail\n(S'a pickle was opened'\ntR.")
    refuse(path, "pickle")


@pytest.mark.parametrize("sparse", [False, True])
def test_h5ad_that_would_unpack_to_hundreds_of_times_as_much(sparse, tmp_path):
    if lacks("anndata", tmp_path / "run.h5ad"):
        return
    import anndata
    import scipy.sparse

    n, d = 4000, 3000
    values = scipy.sparse.csr_matrix(([1.0], ([3], [4])), shape=(n, d), dtype="f4")
    adata = anndata.AnnData(X=values if sparse else values.toarray())
    adata.write_h5ad(tmp_path / "run.h5ad", compression="gzip")
    with pytest.raises(InputError, match="more than 200 times as many"):
        io.read(f"{tmp_path / 'run.h5ad'}::X")


def test_h5ad_that_another_process_does_not_survive(tmp_path, request, monkeypatch):
    path, target = tmp_path / "cells.h5ad", tmp_path / "more.h5ad"
    if lacks("anndata", path):
        return
    request.getfixturevalue("cells").write_h5ad(path)
    (tmp_path / "walk.py").write_text("import os; print('begun', flush=True); os.abort()")
    monkeypatch.setattr(hdf5, "WALK", tmp_path / "walk.py")
    refuse(f"{path}::X_pca", "is damaged: HDF5, .* crashes on it .*copy it again")
    with pytest.raises(InputError, match="crashes on it"):
        h5ad.add_to(path, target, "X_more", np.zeros((4, 1)), {})
    assert not target.exists()
    (tmp_path / "walk.py").write_text("print('begun'); print('bad heap')")
    refuse(f"{path}::X_pca", r"cannot be read as an \.h5ad file \(bad heap\)")
