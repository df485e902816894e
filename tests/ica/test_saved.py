import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from nearid.errors import InputError
from nearid.ica import LatentICA
from nearid.ica.saved import load, save
from nearid.io.safetensors import write_safetensors


@pytest.fixture(scope="module")
def ica(mixture):
    data = mixture("laplace", "skewed", "gaussian", "gaussian", n=4_000)
    frame = pd.DataFrame(data.rows, columns=list("abcd"))
    return LatentICA(random_state=3).fit(frame)


def test_what_is_saved_comes_back(ica, tmp_path):
    path = tmp_path / "ica.safetensors"
    save(ica, path)
    back = load(path)
    assert back.get_params() == ica.get_params()
    frame = pd.DataFrame(np.eye(4), columns=list("abcd"))
    np.testing.assert_array_equal(back.transform(frame), ica.transform(frame))
    np.testing.assert_array_equal(back.identifiable_, ica.identifiable_)
    assert [block.tolist() for block in back.blocks_] == [block.tolist() for block in ica.blocks_]
    pd.testing.assert_frame_equal(back.components_report_, ica.components_report_)
    for name in ("converged_", "n_passes_", "angle_", "rank_", "n_features_in_"):
        assert getattr(back, name) == getattr(ica, name)


def test_the_original_library_reads_the_file(ica, tmp_path):
    save(ica, tmp_path / "ica.safetensors")
    tensors = load_file(tmp_path / "ica.safetensors")
    np.testing.assert_array_equal(tensors["components_"], ica.components_)


def test_what_is_no_ica_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    write_safetensors(path, {"x": np.zeros(3)}, {})
    with pytest.raises(InputError, match="holds no fitted ICA"):
        load(path)


def test_a_file_with_a_part_missing_is_damaged(ica, tmp_path):
    path = tmp_path / "ica.safetensors"
    save(ica, path)
    from nearid.io.safetensors import read_safetensors

    tensors, metadata = read_safetensors(path)
    kept = {name: np.array(tensor) for name, tensor in tensors.items() if name != "mean_"}
    write_safetensors(tmp_path / "cut.safetensors", kept, metadata)
    with pytest.raises(InputError, match="is damaged, or of another version: KeyError"):
        load(tmp_path / "cut.safetensors")


@pytest.mark.parametrize(
    ("key", "old", "new", "said"),
    [
        ("fitted", '"n_features_in_": 4', '"n_features_in_": 7', "n_features_in_ is 7, not 4"),
        ("features", '["a"', '[["a"]', "names of the features are no text"),
        ("blocks", "[", "{", "is damaged"),
        ("params", '"contrast"', '"contrasts"', "is damaged"),
    ],
)
def test_metadata_that_contradict_the_arrays_are_refused(ica, tmp_path, key, old, new, said):
    from nearid.io.safetensors import read_safetensors

    save(ica, tmp_path / "ica.safetensors")
    tensors, metadata = read_safetensors(tmp_path / "ica.safetensors")
    assert old in metadata[key]
    changed = metadata | {key: metadata[key].replace(old, new, 1)}
    write_safetensors(tmp_path / "changed.safetensors", tensors, changed)
    with pytest.raises(InputError, match=said):
        load(tmp_path / "changed.safetensors")


def test_a_file_does_not_say_where_to_write(ica, tmp_path):
    from nearid.io.safetensors import read_safetensors

    save(ica, tmp_path / "ica.safetensors")
    tensors, metadata = read_safetensors(tmp_path / "ica.safetensors")
    assert '"checkpoint": null' in metadata["params"]
    aimed = metadata["params"].replace('"checkpoint": null', f'"checkpoint": "{tmp_path}/there"')
    write_safetensors(tmp_path / "aimed.safetensors", tensors, metadata | {"params": aimed})
    assert load(tmp_path / "aimed.safetensors").checkpoint is None
