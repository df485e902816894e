"""Microscopy from files to page, at next to no size; and embeddings that others computed."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from nearid.datasets.cell_statistics import nucleus_statistics
from nearid.errors import InputError
from nearid.experiments.microscopy_given import METADATA, load_embeddings
from nearid.experiments.microscopy_nuclei import CROPS, DESCRIBED, NUCLEI, Nuclei, read_nuclei
from nearid.experiments.microscopy_profiles import Study, read_table, shuffled_verdicts
from nearid.experiments.microscopy_reproduction import SCALES, reproduce_microscopy
from nearid.plots.microscopy import gains_figure
from nearid.plots.theme import THEMES
from nearid.report import render_page

N = 48


@pytest.fixture
def wells():
    """Wells of three experiments, two treatments each, with plate numbers that come again."""
    rng = np.random.default_rng(0)
    number = np.arange(N)
    return pd.DataFrame(
        {
            "well_id": [f"w{n}" for n in number],
            "experiment_name": np.repeat(["gene-001", "gene-002", "gene-003"], N // 3),
            "plate": number % 2 + 1,
            "address": [f"A{n % 16 + 1:02}" for n in number],
            "gene": "EIF3H",
            "treatment": np.where(number % 4 < 2, "EIF3H_guide_1", "CRISPR_control"),
            **{f"feature_{j}": rng.standard_normal(N).astype("f4") for j in range(20)},
        }
    )


def described(wells):
    return wells.filter(regex="^(?!feature_)")


def embedded(wells):
    return wells.filter(regex="^(well_id|feature_)")


def test_embeddings_with_their_metadata_beside(wells, tmp_path):
    embedded(wells).to_parquet(tmp_path / "e.parquet")
    described(wells)[::-1].to_csv(tmp_path / METADATA, index=False)
    wells.drop(columns="well_id").to_parquet(tmp_path / "whole.parquet")
    found, whole = (load_embeddings(tmp_path / name) for name in ("e.parquet", "whole.parquet"))
    pd.testing.assert_frame_equal(found, whole)
    assert found["Metadata_Plate"].nunique() == 6
    np.testing.assert_array_equal(found["feature_7"], wells["feature_7"])
    assert found.columns[:2].tolist() == ["Metadata_Batch", "Metadata_Plate"]


def test_damaged_embeddings_are_refused_in_one_line(wells, tmp_path):
    embedded(wells).to_parquet(tmp_path / "e.parquet")
    described(wells).to_csv(tmp_path / METADATA, index=False)
    (tmp_path / METADATA).write_bytes(b"\xad\xff" + (tmp_path / METADATA).read_bytes())
    with pytest.raises(InputError, match=rf"{METADATA} cannot be read as a .csv file"):
        load_embeddings(tmp_path / "e.parquet")
    (tmp_path / "e.parquet").write_bytes((tmp_path / "e.parquet").read_bytes()[:-20])
    with pytest.raises(InputError, match=r"e.parquet cannot be read as a Parquet file"):
        load_embeddings(tmp_path / "e.parquet")


def test_numbers_of_no_size_that_describe_wells_are_read(wells, tmp_path):
    embedded(wells).to_parquet(tmp_path / "e.parquet")
    plates = ["1e999589934592", "-1e999589934592", "1e-999589934592"] * (N // 3)
    described(wells).assign(plate=plates).to_csv(tmp_path / METADATA, index=False)
    found = load_embeddings(tmp_path / "e.parquet")
    assert found["Metadata_Plate"].str.startswith("gene-00").all()


def test_damaged_text_of_embeddings_is_refused(wells, tmp_path):
    path = tmp_path / "e.parquet"
    wells.to_parquet(path, compression=None)
    path.write_bytes(path.read_bytes().replace(b"CRISPR_control", b"\xffRISPR_control"))
    with pytest.raises(InputError, match=r"e.parquet cannot be read as a Parquet file"):
        load_embeddings(path)


def test_embeddings_of_jump(wells, tmp_path):
    names = {"experiment_name": "Metadata_Source", "plate": "Metadata_Plate"}
    names |= {"address": "Metadata_Well", "treatment": "Metadata_JCP2022"}
    wells.rename(columns=names).drop(columns="well_id").to_parquet(tmp_path / "jump.parquet")
    found = load_embeddings(tmp_path / "jump.parquet")
    assert set(found["Metadata_Perturbation"]) == {"EIF3H_guide_1", "CRISPR_control"}


def test_bad_embeddings_are_told(wells, tmp_path):
    path = tmp_path / "e.parquet"
    with pytest.raises(InputError, match="put them there, and name the file by --embeddings"):
        load_embeddings(path)
    embedded(wells).to_parquet(path)
    with pytest.raises(InputError, match=f"put {METADATA}"):
        load_embeddings(path)
    described(wells)[:-3].to_csv(tmp_path / METADATA, index=False)
    with pytest.raises(InputError, match=r"3 of 48 wells .* first w45"):
        load_embeddings(path)
    described(wells.iloc[[0, 0]]).to_csv(tmp_path / METADATA, index=False)
    with pytest.raises(InputError, match="one row for each well_id"):
        load_embeddings(path)
    described(wells).to_parquet(path)
    with pytest.raises(InputError, match="no columns feature_0"):
        load_embeddings(path)
    wells[["gene"]].to_parquet(path)
    with pytest.raises(InputError, match="has no columns experiment_name, plate"):
        load_embeddings(path)


def test_from_files_to_page(wells, data_folder, tmp_path, monkeypatch):
    worlds, tables = SCALES["ci"]
    small = replace(worlds, n_plates=4, n_wells=2, n_cells=3)
    monkeypatch.setitem(SCALES, "ci", (small, replace(tables, classifiers=("l2",))))
    wells.to_parquet(tmp_path / "e.parquet")
    options = {"scale": "ci", "cache_dir": tmp_path / "cache", "data_dir": data_folder}
    result = reproduce_microscopy(**options, embeddings=tmp_path / "e.parquet")
    assert set(result.tables) == {"targeted_fibrosis", "embeddings", *NUCLEI}
    assert result.purity["unseen"].between(0.5, 1).all()
    assert not result.tables["targeted_fibrosis"].verdict.startswith("ICA helps")
    told = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert told["verdict"].startswith("no verdict")
    assert len(result.to_frame()) == len(result.measured.scores)
    page = render_page(result.page(command="nearid reproduce microscopy"))
    for text in ("Bars, and what was found", "targeted_fibrosis", "new plate told"):
        assert text in page
    assert "L2 the same across rotations" in result.summary()
    for theme in THEMES:
        drawn = gains_figure(result.bars, theme=theme).axes[0]
        names = [label.get_text() for label in drawn.get_yticklabels()]
        assert "encoders: top 3, ICA − random above 0" in names
        marks = [line.get_xdata()[0] for line in drawn.lines if line.get_marker() in ("s", "o")]
        found = result.bars.set_index("bar").loc[names, "found"]
        np.testing.assert_allclose(marks, found)


def test_shuffled_labels_are_shuffled_within_batches():
    """ICA must not help where labels say nothing."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.laplace(size=(90, 20)))
    frame["Metadata_batch"] = np.repeat(["a", "b", "c"], 30)
    frame["Metadata_label"] = np.where(frame[0] > 0, "x", "y")
    frame.columns = frame.columns.astype(str)
    said = shuffled_verdicts(frame, Study("toy", "Metadata_label"), n=5)
    assert len(said) == 5
    assert not any(verdict.startswith("ICA helps") for verdict in said)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "huge"}, "scale must be one of ci, cpu, paper; got 'huge'"),
        ({"tables": ["odd"]}, "tables must be some of t2d_lipocyte"),
        ({"embeddings": "nowhere.parquet", "tables": []}, "no embeddings at nowhere.parquet"),
        ({"data_dir": "nowhere"}, "put them into a folder profiles"),
        ({"data_dir": "nowhere", "tables": ["nuclei"]}, "put them into a folder images"),
    ],
)
def test_wrong_arguments_have_messages(options, message):
    with pytest.raises(InputError, match=message):
        reproduce_microscopy(**{"scale": "cpu"} | options)


def test_nuclei_are_half_of_each_kind_in_every_acquisition(data_folder):
    crops, table = read_nuclei(data_folder, Nuclei(100, least=200))
    assert crops.shape == (len(table), 1, 40, 40)
    assert table["Metadata_batch"].value_counts().unique().tolist() == [100]
    for label in ("large", "wide"):
        share = (table[f"Metadata_{label}"] == label).groupby(table["Metadata_batch"]).mean()
        assert share.between(0.3, 0.7).all()
    # areas are of masks drawn by hand, but can be seen in the crops
    gray = (table["Metadata_batch"] == "256x256_gray").to_numpy()
    area = nucleus_statistics(crops[gray, 0])["area"]
    median = area.groupby(table.loc[gray, "Metadata_large"].to_numpy()).median()
    assert median["large"] > 1.5 * median["not large"]


def test_nuclei_that_are_not_described_are_refused(data_folder, tmp_path):
    (tmp_path / "images").mkdir()
    crops = tmp_path / "images" / CROPS
    np.savez(crops, x=np.zeros((3, 40, 40), dtype=np.uint8))
    known = pd.read_parquet(data_folder / "images" / DESCRIBED)
    known.to_parquet(tmp_path / "images" / DESCRIBED)
    with pytest.raises(InputError, match="has 3 crops, and describes 9332 nuclei"):
        read_nuclei(tmp_path, Nuclei())


def test_tables_are_found_by_the_environment(data_folder, monkeypatch):
    monkeypatch.setenv("NEARID_DATA", str(data_folder))
    assert len(read_table("t2d_lipocyte", None)) == 530


def test_larger_scales_are_what_the_bars_ask_for():
    worlds, tables = SCALES["cpu"]
    assert (worlds.n_worlds, worlds.n_encoders, worlds.n_plates) == (5, 3, 30)
    assert worlds.encoder.epochs == 40
    assert len(tables.names) == 4
