"""``nearid deconfound`` of .h5ad files."""

import anndata
import numpy as np
import pandas as pd

from nearid.io import read_one

ASKED = ["--batch", "Metadata_Plate", "--label", "Metadata_Gene", "--repeats", "1"]
ASKED += ["--classifiers", "l2", "--components", "6"]


def test_anndata_is_written_back_unchanged_elsewhere(run, wells, tmp_path):
    values = wells.filter(like="Nuclei").to_numpy()
    adata = anndata.AnnData(
        values.astype(np.float32),
        obs=wells.filter(like="Metadata").set_axis([f"cell{i}" for i in range(160)]),
        obsm={"X_mae": values, "X_umap": values[:, :2]},
        uns={"kept": {"by": "the way"}},
        layers={"raw": values},
    )
    path, out = tmp_path / "in.h5ad", tmp_path / "out.h5ad"
    adata.write_h5ad(path)
    before = path.read_bytes()
    done = run("deconfound", f"{path}::X_mae", *ASKED, "--out", out)
    assert done.exit_code == 0, done.output
    assert path.read_bytes() == before
    again = anndata.read_h5ad(out)
    assert again.obsm["X_nearid"].shape == (160, 5)
    assert "verdict" in again.uns["nearid"]
    assert len(again.uns["nearid"]["components"]) == 6
    np.testing.assert_array_equal(again.obsm["X_umap"], adata.obsm["X_umap"])
    np.testing.assert_array_equal(again.layers["raw"], values)
    pd.testing.assert_frame_equal(again.obs, anndata.read_h5ad(path).obs)
    assert again.uns["kept"] == {"by": "the way"}
    np.testing.assert_array_equal(read_one(f"{out}::X_nearid").values, again.obsm["X_nearid"])
