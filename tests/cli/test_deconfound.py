"""``nearid deconfound``: from profiles to a table, corrected profiles, and a page."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from nearid.io import read_one

ASKED = ["--batch", "Metadata_Plate", "--label", "Metadata_Gene", "--repeats", "1"]
ASKED += ["--classifiers", "l2", "--components", "6"]


@pytest.fixture(scope="module")
def frame():
    """Four plates with a shift each, and two genes, one with a hostile name."""
    rng = np.random.default_rng(0)
    plate = np.repeat(list("pqrs"), 40)
    gene = np.where(np.arange(160) % 2, "<b>TP53</b>", "DMSO")
    sources = rng.laplace(size=(160, 6))
    sources[:, 0] += 2 * (gene == "DMSO")
    sources[:, 1] += 4 * np.repeat([0.0, 1.0, 2.0, 3.0], 40)
    frame = pd.DataFrame(sources @ rng.normal(size=(6, 6))).add_prefix("Nuclei_Texture_")
    wells = np.tile([f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(5)], 4)
    return frame.assign(Metadata_Plate=plate, Metadata_Gene=gene, Metadata_Well=wells)


@pytest.fixture(scope="module")
def profiles(frame, tmp_path_factory):
    """The file."""
    path = tmp_path_factory.mktemp("deconfound") / "profiles.parquet"
    frame.to_parquet(path)
    return path


def test_summary_page_and_corrected_profiles(run, profiles, frame, tmp_path):
    page, out = tmp_path / "page.html", tmp_path / "corrected.parquet"
    options = ["--control", "DMSO", "--position", "Metadata_Well", "--report", page, "--out", out]
    done = run("deconfound", profiles, *ASKED, *options)
    assert done.exit_code == 0, done.output
    assert "pca_random" in done.stdout
    assert "technical components, dropped" in done.stdout
    text = page.read_text()
    assert "<b>TP53" not in text
    assert "texture of nuclei" in text
    written = pd.read_parquet(out)
    for name in ("Metadata_Plate", "Metadata_Gene", "Metadata_Well"):
        assert (written[name] == frame[name]).all()
    left = [name for name in written if name.startswith("ica")]
    assert len(left) == 5  # the plates' shift is one component


def test_json(run, profiles, strict_json):
    found = strict_json(run("deconfound", profiles, *ASKED, "--json").stdout)
    assert {row["method"] for row in found["scores"]} >= {"base", "pca_ica", "nap"}
    assert len(found["attribution"]["components"]) == 6
    assert len(found["dropped"]) == 1


def test_anndata_is_written_back_unchanged_elsewhere(run, frame, tmp_path):
    if find_spec("anndata") is None:
        with pytest.raises(ModuleNotFoundError):
            __import__("anndata")
        return
    import anndata

    values = frame.filter(like="Nuclei").to_numpy()
    adata = anndata.AnnData(
        values.astype(np.float32),
        obs=frame.filter(like="Metadata").set_axis([f"cell{i}" for i in range(160)]),
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch", "Metadata_Plat"], "no column Metadata_Plat"),
        (["--methods", "pca,magic"], "methods must be some of"),
        (["--methods", "tvn"], "needs control="),
        (["--scaling", "log"], "scaling must be one of"),
    ],
)
def test_wrong_options_fail_with_one_line(run, profiles, failed, options, message):
    assert message in failed(run("deconfound", profiles, *ASKED, *options))


def test_an_unknown_format_is_refused_before_the_work(run, profiles, tmp_path, failed):
    done = run("deconfound", profiles, *ASKED, "--out", tmp_path / "x.docx")
    assert ".parquet" in failed(done, status=2)


def test_h5ad_needs_h5ad(run, profiles, tmp_path, failed):
    done = run("deconfound", profiles, *ASKED, "--out", tmp_path / "x.h5ad")
    assert "only be written from an .h5ad file" in failed(done)
    assert not (tmp_path / "x.h5ad").exists()
