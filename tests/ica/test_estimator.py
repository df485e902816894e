import signal
import subprocess
import sys
import threading
import warnings
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from nearid.errors import InputError
from nearid.ica import LatentICA
from nearid.rows import Rows, as_rows

KINDS = ("laplace",) * 3 + ("uniform",) * 3


def correlations(first, second):
    k = first.shape[1]
    return np.abs(np.corrcoef(first.T.astype(float), second.T.astype(float))[:k, k:])


@pytest.fixture(scope="module")
def data(mixture):
    return mixture(*KINDS, n=6_000, dtype="float32")


@pytest.fixture(scope="module")
def ica(data):
    return LatentICA(random_state=0).fit(data.rows)


def test_what_is_promised_is_there(ica, data):
    k = d = 6
    assert ica.components_.shape == (k, d)
    assert ica.mixing_.shape == (d, k)
    assert ica.mean_.shape == (d,)
    assert ica.converged_ is True
    assert ica.n_passes_ <= ica.max_passes
    assert ica.angle_ <= ica.tolerance
    assert ica.identifiable_.dtype == bool
    assert ica.identifiable_.all()
    assert ica.blocks_ == []
    assert ica.rank_ == d
    columns = {"negentropy", "tau", "predicted_leakage", "leakage_from", "replication"}
    assert columns <= set(ica.components_report_.columns)
    assert len(ica.components_report_) == k
    assert (ica.components_report_["replication"] > 0.98).all()
    assert ica.explained_variance_ratio_.sum() == pytest.approx(1)


def test_components_are_the_sources_with_unit_variance(ica, data):
    found = ica.transform(data.rows)
    assert found.dtype == np.float32
    assert correlations(data.sources, found).max(axis=1).min() > 0.999
    np.testing.assert_allclose(np.cov(found.T.astype(float)), np.eye(6), atol=1e-3)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-3)


def test_components_are_ordered_by_negentropy_and_positively_skewed(ica, data):
    assert (np.diff(ica.components_report_["negentropy"]) <= 0).all()
    found = ica.transform(data.rows).astype(float)
    assert ((found**3).mean(axis=0) > 0).all()


def test_the_inverse_gives_the_rows_back(ica, data):
    back = ica.inverse_transform(ica.transform(data.rows))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, data.rows, atol=1e-4)


FORMS = ["array", "list", "frame", "rows", "path", "memmap", "fortran"]
FORMS += ["tensor"] if find_spec("torch") else []


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_input_gives_the_same_components(form, ica, data, tmp_path):
    path = tmp_path / "run.npy"
    np.save(path, data.rows)
    forms = {
        "array": lambda: data.rows,
        "list": lambda: data.rows.tolist(),
        "frame": lambda: pd.DataFrame(data.rows, columns=list("abcdef")),
        "tensor": lambda: import_module("torch").from_numpy(data.rows),
        "rows": lambda: as_rows(data.rows),
        "path": lambda: path,
        "memmap": lambda: np.load(path, mmap_mode="r"),
        "fortran": lambda: np.asfortranarray(data.rows),
    }
    given = forms[form]()
    other = LatentICA(random_state=0).fit(given)
    np.testing.assert_allclose(other.components_, ica.components_, atol=1e-4)
    np.testing.assert_allclose(
        np.asarray(other.transform(given)), ica.transform(data.rows), atol=1e-3
    )


def test_order_dtype_and_workers_give_the_same_components(ica, data):
    shuffled = data.rows[np.random.default_rng(0).permutation(len(data.rows))]
    cases = [
        (shuffled, {}),
        (data.rows.astype(np.float64), {}),
        (data.rows, {"n_jobs": 3}),
    ]
    cases += [(data.rows, {"compiled": True})] if find_spec("numba") else []
    cases += [(data.rows, {"device": "cpu"})] if find_spec("torch") else []
    for rows, options in cases:
        other = LatentICA(random_state=0, **options).fit(rows)
        np.testing.assert_allclose(other.components_, ica.components_, atol=2e-4)


def test_another_seed_gives_the_same_components(ica, data):
    other = LatentICA(random_state=1).fit(data.rows)
    np.testing.assert_allclose(other.components_, ica.components_, atol=5e-3)


def test_the_same_seed_gives_the_same_bits(data):
    first, second = (LatentICA(random_state=5).fit(data.rows).components_ for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_chunks_do_not_matter_to_transform(ica, data):
    whole = ica.transform(data.rows)
    parts = [ica.transform(data.rows[start : start + 997]) for start in range(0, 6_000, 997)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_picard_may_be_the_solver(ica, data):
    other = LatentICA(solver="picard", random_state=0).fit(data.rows)
    np.testing.assert_allclose(other.components_, ica.components_, atol=5e-3)


def test_frames_keep_their_index_and_components_have_names(data):
    frame = pd.DataFrame(data.rows, index=[f"row{i}" for i in range(6_000)])
    frame.columns = list("abcdef")
    ica = LatentICA(2, random_state=0).set_output(transform="pandas").fit(frame)
    found = ica.transform(frame)
    assert list(found.columns) == ["ica0", "ica1"]
    assert found.index.equals(frame.index)


def test_not_converged_is_a_warning_that_names_components(data):
    with pytest.warns(ConvergenceWarning, match=r"in 3 passes: .*ica\d.* raise max_passes"):
        ica = LatentICA(max_passes=3, replication=False, random_state=0).fit(data.rows)
    assert not ica.converged_


def test_a_tolerance_below_rounding_is_not_blamed_on_the_passes(data):
    with pytest.warns(ConvergenceWarning, match="no step lowers the loss any more: raise"):
        ica = LatentICA(tolerance=1e-15, replication=False, random_state=0).fit(data.rows)
    assert ica.n_passes_ < ica.max_passes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contrast": "sigmoid"}, "contrast must be one of"),
        ({"tolerance": 0.0}, "tolerance must be a positive angle"),
        ({"max_passes": 1}, "max_passes must be at least 2"),
        ({"solver": "fastica"}, "solver must be nearid, jade or picard"),
        ({"n_components": "all"}, "n_components must be a number"),
        ({"n_components": 7}, "7 components were asked for, but the data have rank 6"),
        ({"n_components": 0}, "n_components must be"),
        ({"n_components": float("nan")}, "n_components must be a whole number.*got nan"),
        ({"n_components": float("inf")}, "n_components must be a whole number.*got inf"),
        ({"n_components": [3]}, r"n_components must be a whole number.*got \[3\]"),
        ({"contrast": ["cube"]}, "contrast must be one of"),
        ({"tolerance": "tight"}, "tolerance must be a positive angle.*got 'tight'"),
        ({"max_passes": 2.5}, "max_passes must be at least 2, a whole number, got 2.5"),
        ({"n_init": "3"}, "n_init must be at least 1, a whole number, got '3'"),
    ],
)
def test_wrong_parameters_are_refused_with_a_reason(options, message, data):
    with pytest.raises(InputError, match=message):
        LatentICA(**options).fit(data.rows)


def test_other_columns_are_refused(ica, data):
    with pytest.raises(InputError, match="has 5 columns, but this ICA was fitted on 6"):
        ica.transform(as_rows(data.rows[:, :5]))
    with pytest.raises(InputError, match="expected one column per component, 6, got 5"):
        ica.inverse_transform(data.rows[:, :5])


def test_rank_deficient_data_keep_their_rank(data):
    doubled = np.concatenate([data.rows, data.rows[:, :2], np.ones((6_000, 1), "f")], axis=1)
    ica = LatentICA(random_state=0).fit(doubled)
    assert ica.n_components_ == ica.rank_ == 6
    assert correlations(data.sources, ica.transform(doubled)).max(axis=1).min() > 0.999
    np.testing.assert_allclose(ica.inverse_transform(ica.transform(doubled)), doubled, atol=1e-4)


def test_constant_data_are_refused():
    with pytest.raises(InputError, match="the data are constant"):
        LatentICA().fit(np.ones((100, 3)))


def test_fewer_rows_than_dimensions_is_a_warning():
    rows = np.random.default_rng(0).laplace(size=(20, 50))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with pytest.warns(UserWarning, match="20 rows for 19 components"):
            LatentICA(random_state=0, max_passes=50).fit(rows)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_missing_value_in_a_late_chunk_is_found_and_named(value):
    rows = np.random.default_rng(0).standard_normal((200_000, 4)).astype("f")
    rows[199_990, 2] = value
    with pytest.raises(InputError, match="first in row 199990, column 2"):
        LatentICA().fit(rows)


def test_heavy_tails_are_warned_of():
    rows = np.random.default_rng(0).standard_cauchy((5_000, 3))
    with pytest.warns(UserWarning, match="a few rows carry most of the variance.*n_init"):
        LatentICA(replication=False, random_state=0).fit(rows)


def test_of_several_starts_the_best_is_kept(data):
    one, three = (
        LatentICA(n_init=n, replication=False, random_state=0).fit(data.rows) for n in (1, 3)
    )
    total = [fit.components_report_["negentropy"].sum() for fit in (one, three)]
    assert total[1] >= total[0]
    assert three.n_passes_ > one.n_passes_
    with pytest.raises(InputError, match="n_init must be at least 1, a whole number, got 0"):
        LatentICA(n_init=0).fit(data.rows)


def test_sparse_zeros_are_separated():
    rng = np.random.default_rng(0)
    sources = rng.exponential(size=(20_000, 4)) * (rng.random((20_000, 4)) < 0.1)
    mixing = rng.standard_normal((4, 4))
    ica = LatentICA(random_state=0).fit((sources @ mixing.T).astype("f"))
    assert correlations(sources, ica.transform(sources @ mixing.T)).max(axis=1).min() > 0.999


def test_a_large_offset_costs_no_digits(data):
    ica = LatentICA(random_state=0).fit((data.rows + 1000).astype("f"))
    assert ica.converged_
    found = ica.transform((data.rows + 1000).astype("f"))
    assert correlations(data.sources, found).max(axis=1).min() > 0.999


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(scale, ica, data):
    other = LatentICA(random_state=0).fit(data.rows * np.float32(scale))
    np.testing.assert_allclose(other.components_ * scale, ica.components_, atol=1e-3)


def test_gaussian_noise_is_flagged_and_does_not_replicate():
    noise = np.random.default_rng(0).standard_normal((4_000, 16))
    ica = LatentICA(random_state=0).fit(noise)
    assert not ica.identifiable_.any()
    assert [len(block) for block in ica.blocks_] == [16]
    assert (ica.components_report_["kind"] == "Gaussian").all()
    assert ica.components_report_["replication"].median() < 0.75


class Interrupting:
    """Rows whose reading is interrupted, as by Ctrl-C, after a while."""

    shape, dtype = (50_000, 4), np.dtype("float64")

    def __init__(self):
        self.reads = 0

    def __getitem__(self, picked):
        self.reads += 1
        if self.reads == 40:
            raise KeyboardInterrupt
        start, stop, _ = picked.indices(self.shape[0])
        return np.random.default_rng(start).laplace(size=(stop - start, 4))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interruption_leaves_no_half_fitted_model(n_jobs):
    ica = LatentICA(random_state=0, n_jobs=n_jobs)
    with pytest.raises(KeyboardInterrupt):
        ica.fit(Rows(Interrupting()))
    assert not hasattr(ica, "components_")


def test_ctrl_c_ends_a_fit():
    script = (
        # a job in the background ignores interruptions, and so would what it starts
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "import numpy as np; from nearid.ica import LatentICA;"
        "X = np.random.default_rng(0).standard_normal((400_000, 64)).astype('f');"
        "print('ready', flush=True); "
        "LatentICA(random_state=0, tolerance=1e-12, max_passes=100_000).fit(X)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    for _ in range(20):  # Python itself loses an interruption within a callback of an import
        threading.Timer(0.5, process.send_signal, (signal.SIGINT,)).start()
        try:
            _, errors = process.communicate(timeout=3)
            break
        except subprocess.TimeoutExpired:
            continue
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors


def test_importing_the_package_loads_no_frames_and_no_framework():
    script = (
        "import sys, nearid.ica;"
        "print([m for m in ('pandas', 'matplotlib', 'torch', 'numba') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"
