"""What tests share: the real inputs, the types of number, and small results of every kind."""

import os
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

import nearid

#: Kinds of result that a figure and a report must draw, the degenerate ones included.
KINDS = ["same", "turned", "unrelated", "no_ica", "collapsed", "none_left", "one_column"]
KINDS += ["widths", "absolute", "wide", "many", "odd_names"]


#: Tests of what an extra alone brings are collected where it is installed; the environment of
#: `make test` has every extra, that of `make core` has none.
collect_ignore = [] if find_spec("numba") else ["ica/test_compiled.py"]
collect_ignore += (
    []
    if find_spec("torch")
    else [
        "ica/test_module.py",
        "ica/test_torch_pass.py",
        "browser",
        "packaging/test_api.py",
        "packaging/test_licences.py",
        "cli/test_decoder.py",
        "cli/test_embed.py",
        "cli/test_layerwise_embedded.py",
        "cli/test_reproduce.py",
        "decoder",
        "embed",
        "models",
        "experiments",
        "faults",
        "fuzz",
        "sources/test_tensor.py",
    ]
)
collect_ignore += (
    []
    if find_spec("transformers")
    else [
        "models/test_mae.py",
        "experiments/test_microscopy.py",
        "experiments/test_microscopy_reproduction.py",
        "experiments/test_model_pairs_reproduction.py",
    ]
)
collect_ignore += [] if find_spec("transformers") else ["decoder/test_huggingface.py"]
collect_ignore += [] if find_spec("zarr") else ["io/test_zarr_blocks.py"]
collect_ignore += (
    [] if find_spec("distributed") else ["sources/test_dask.py", "cli/test_scheduler.py"]
)
collect_ignore += [] if find_spec("h5py") else ["datasets/test_shapes3d.py", "io/test_hdf5.py"]
collect_ignore += (
    []
    if find_spec("anndata")
    else ["deconfounding/test_anndata.py", "cli/test_deconfound_anndata.py"]
)
collect_ignore += [] if find_spec("pycytominer") else ["deconfounding/test_adapters.py"]
collect_ignore += [] if find_spec("sphinx") else ["docs"]
collect_ignore += [] if find_spec("PIL") else ["datasets/test_pictures.py"]


@pytest.fixture(scope="session")
def data_folder():
    """The folder of real inputs; without it the tests that need it fail, they do not skip."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NEARID_DATA", beside))
    if not folder.is_dir():
        pytest.fail(f"no real inputs in {folder}: set NEARID_DATA to the folder that holds them")
    return folder


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """A type of number that runs may have."""
    return np.dtype(request.param)


def runs_of_kind(kind):
    """Return runs and settings that lead to a result of that kind."""
    rng = np.random.default_rng(0)
    z = rng.laplace(size=(300, 4))
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    noisy = {"a": z, "b": z @ turn + 0.3 * rng.standard_normal(z.shape), "c": z[:, ::-1]}
    odd = ["<script>alert(1)</script>", '$x_1$ & "it\'s"', "表現\x1b[31m", "x" * 300]
    factors = rng.laplace(size=(300, 70))
    return {
        "same": ([z, z], {}),
        "turned": (noisy, {}),
        "unrelated": (list(rng.standard_normal((3, 300, 4))), {}),
        "no_ica": (noisy, {"ica": False}),
        "collapsed": ({"a": z, "flat": 0 * z, "b": z @ turn}, {}),
        "none_left": ({"a": z, "flat": 0 * z}, {}),
        "one_column": ([z[:, :1], -z[:, :1]], {}),
        "widths": ({"small": z[:, :3], "large": z}, {}),
        "absolute": (noisy, {"epsilon": 0.02, "groups": ["rigid"]}),
        "wide": ([factors, factors[:, ::-1]], {"ica": False, "n_components": 66}),
        "many": ([z @ turn + 0.1 * rng.standard_normal(z.shape) for _ in range(14)], {}),
        "odd_names": (dict(zip(odd, [z, z @ turn, -z, z + 1], strict=True)), {}),
    }[kind]


@pytest.fixture(scope="session", params=KINDS)
def result(request):
    """A result of each kind."""
    runs, settings = runs_of_kind(request.param)
    quick = {"n_bootstrap": 10, "n_null": 1, "n_random": 1, "random_state": 0}
    return nearid.statistical_identifiability(runs, **quick, **settings)


@pytest.fixture(scope="session")
def turned():
    """Three runs of one representation, turned and noisy."""
    runs, settings = runs_of_kind("turned")
    return nearid.statistical_identifiability(runs, random_state=0, n_bootstrap=20, **settings)


@pytest.fixture(scope="session")
def tool():
    """What loads a script of the project by its name."""

    def loaded(name):
        path = Path(__file__).parents[1] / "tools" / f"{name}.py"
        spec = spec_from_file_location(name, path)
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded
