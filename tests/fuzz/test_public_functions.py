"""Odd arrays, tables and options for the public functions: a valid result, or one clear line.

Warnings of arithmetic are errors here: what overflows or divides by nothing is not an answer.
"""

import os
import warnings

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import nearid
from nearid.deconfounding import evaluate
from nearid.errors import InputError

TYPES = ["f8", "f8", "f4", "f2", ">f8", "<i4", "u1", "?", "c16", "O", "U3", "M8[s]"]
CONTENTS = ["normal", "laplace", "constant", "one constant", "copies", "nan", "inf", "huge", "tiny"]
CONTENTS += ["offset", "whole", "rank one", "outlier", "zero"]
LAYOUTS = ["C", "F", "strided", "reversed", "read-only", "list", "frame"]
SHAPES = [
    (0, 3),
    (1, 3),
    (2, 2),
    (3, 1),
    (5, 8),
    (40, 1),
    (40, 3),
    (60, 4),
    (60, 0),
    (40,),
    (9, 3, 2),
]

quick = settings(
    max_examples=int(os.environ.get("NEARID_EXAMPLES", "40")),
    deadline=None,
    derandomize=True,
    database=None,
)


def filled(rng, shape, content):
    """Return numbers of a kind."""
    z = rng.laplace(size=shape) if content == "laplace" else rng.normal(size=shape)
    if not z.size:
        return z
    return {
        "constant": lambda: np.full(shape, 3.7),
        "zero": lambda: np.zeros(shape),
        "one constant": lambda: np.concatenate([z[..., :1] * 0 + 1, z[..., 1:]], axis=-1),
        "copies": lambda: np.repeat(z[:1], len(z), axis=0),
        "nan": lambda: np.where(np.arange(z.size).reshape(shape) == z.size // 2, np.nan, z),
        "inf": lambda: np.where(np.arange(z.size).reshape(shape) == z.size // 2, -np.inf, z),
        "huge": lambda: z * 1e300,
        "tiny": lambda: z * 1e-300,
        "offset": lambda: z + 1e9,
        "whole": lambda: np.round(3 * z),
        "rank one": lambda: z[:, :1] * np.ones(shape) if len(shape) == 2 else z,
        "outlier": lambda: np.where(np.arange(z.size).reshape(shape) == 0, 1e12, z),
    }.get(content, lambda: z)()


def laid_out(array, layout):
    """Return an array as somebody may hold it."""
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "strided" and array.ndim == 2:
        wide = np.zeros((2 * array.shape[0], 2 * array.shape[1]), array.dtype)
        wide[::2, 1::2] = array
        return wide[::2, 1::2]
    if layout == "reversed":
        return np.ascontiguousarray(array[::-1])[::-1]
    if layout == "read-only":
        array = array.copy()
        array.flags.writeable = False
    if layout == "list":
        return array.tolist()
    if layout == "frame" and array.ndim == 2:
        return pd.DataFrame(array)
    return array


@st.composite
def odd_arrays(draw, shapes=SHAPES, types=TYPES):
    """An array, list or frame of any shape, type, content and layout."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    values = filled(rng, draw(st.sampled_from(shapes)), draw(st.sampled_from(CONTENTS)))
    with np.errstate(all="ignore"):
        array = values.astype(draw(st.sampled_from(types)))
    return laid_out(array, draw(st.sampled_from(LAYOUTS)))


@st.composite
def odd_runs(draw):
    """Two or three runs: most often of one shape, for else nothing but that is ever said."""
    shape = draw(st.sampled_from(SHAPES))
    n = draw(st.integers(1, 3))
    plain = draw(st.booleans())
    types = ["f8", "f4", "f2", ">f8", "<i4"] if plain else TYPES
    same = [draw(odd_arrays(shapes=[shape], types=types)) for _ in range(n)]
    return [*same, draw(odd_arrays())] if draw(st.integers(0, 5)) == 0 else same


def frozen(value):
    """Return what an input holds, to be compared after the call."""
    if isinstance(value, list | tuple):
        return [frozen(part) for part in value]
    if isinstance(value, dict):
        return {name: frozen(part) for name, part in value.items()}
    if isinstance(value, pd.DataFrame):
        return value.to_dict("list"), str(value.dtypes.tolist())
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.flags.writeable, repr(value.tolist())
    return repr(value)


def called(function, *given, errors=InputError, **settings):
    """Return a result, or None if it was refused in one clear line; inputs stay what they were."""
    before, result, said = frozen(given), None, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what is said on purpose
        warnings.simplefilter("error", RuntimeWarning)
        try:
            result = function(*given, **settings)
        except errors as error:
            said = error
    if said is not None:
        assert len(str(said)) > 10
        assert "\n" not in str(said) or not isinstance(said, InputError)
    assert repr(frozen(given)) == repr(before)
    return result


def ordered(frame, low, middle, high):
    """Assert that intervals are in order where they are known."""
    held = frame[[low, middle, high]].dropna().to_numpy(float)
    scale = 1e-9 * np.maximum(1, np.abs(held[:, 1])) if len(held) else 0
    assert (held[:, 0] <= held[:, 1] + scale).all()
    assert (held[:, 1] <= held[:, 2] + scale).all()


@quick
@given(odd_runs(), st.booleans(), st.sampled_from([0.99, 1, 2, None, 0, -1, 1.5, "x", np.nan]))
def test_statistical_identifiability(runs, ica, n_components):
    few = {"n_bootstrap": 3, "n_null": 1, "n_random": 1, "random_state": 0}
    found = called(
        nearid.statistical_identifiability, runs, ica=ica, n_components=n_components, **few
    )
    if found is None:
        return
    assert found.verdict in (None, *nearid.GROUPS)
    low, high = found.ica_efficiency_ci
    assert np.isnan(low) or low <= high
    for name in ("epsilon", "chance"):
        if name in found.overall:
            assert (found.overall[name].dropna() >= 0).all()
    repr(found)
    found.to_dict()


@quick
@given(odd_arrays(), odd_arrays(), st.booleans())
def test_structural_identifiability(representation, factors, same_length):
    if same_length and np.ndim(representation) == 2 and len(representation):
        rng = np.random.default_rng(0)
        factors = rng.integers(0, 3, size=(len(representation), 2)).astype(float)
    few = {"n_bootstrap": 3, "n_null": 1, "n_random": 1, "random_state": 0}
    found = called(
        nearid.structural_identifiability, representation, factors, metrics=["mcc", "r2"], **few
    )
    if found is None:
        return
    scores = found.scores["score"] if "score" in found.scores else pd.Series(dtype=float)
    assert (scores.dropna() <= 1 + 1e-9).all()
    found.to_dict()


@quick
@given(odd_runs(), st.sampled_from(["rigid", "linear", "similarity", "nonsense"]))
def test_consensus(runs, group):
    few = {"n_bootstrap": 3, "n_null": 1, "random_state": 0}
    found = called(nearid.consensus, runs, group=group, check_replication=False, **few)
    if found is None:
        return
    assert 0 <= found.n_reproduced <= found.n_components
    for view in found.views.values():
        known = ~np.isnan(view.correlation)
        assert (np.abs(view.correlation[known]) <= 1 + 1e-6).all()
    found.to_dict()


@quick
@given(odd_arrays(), st.sampled_from([None, 1, 2, 0.9, "stable", 0, -1, 99, "x"]))
def test_latent_ica(table, n_components):
    """scikit-learn validates for it, and raises ValueError or TypeError with its own messages."""
    ica = nearid.LatentICA(n_components, random_state=0, replication=False, max_passes=20)
    fitted = called(ica.fit, table, errors=(ValueError, TypeError))
    if fitted is None:
        return
    assert np.isfinite(fitted.components_).all()
    assert fitted.components_.shape == (fitted.n_components_, fitted.n_features_in_)
    sources = np.asarray(called(fitted.transform, table))
    assert np.isfinite(sources).all()
    assert 1 <= fitted.n_components_ <= fitted.n_features_in_


@st.composite
def odd_profiles(draw):
    """A frame of profiles whose batches or labels may be few, one, missing or numbers."""
    array = draw(
        odd_arrays(
            shapes=[(24, 3), (24, 3), (6, 2), (1, 2), (0, 2), (24, 1)], types=["f8", "f4", "f8"]
        )
    )
    frame = pd.DataFrame(array) if len(array) else pd.DataFrame({0: [], 1: []})
    frame = frame.add_prefix("f")
    n = len(frame)
    kinds = {
        "two": np.arange(n) % 2,
        "three": np.arange(n) % 3,
        "text": np.array(list("abcd"))[np.arange(n) % 4],
        "one": np.zeros(n, int),
        "each": np.arange(n),
        "missing": np.where(np.arange(n) == 0, None, "a"),
        "nan": np.where(np.arange(n) == 0, np.nan, 1.0),
    }
    batch = kinds[draw(st.sampled_from(list(kinds)))]
    label = kinds[draw(st.sampled_from(list(kinds)))]
    return frame.assign(Metadata_b=batch, Metadata_l=label)


@quick
@given(
    odd_profiles(),
    st.sampled_from(["none", "standard", "robust"]),
    st.sampled_from([None, "0", 0, "a"]),
)
def test_evaluate(profiles, scaling, control):
    found = called(
        evaluate,
        profiles,
        batch="Metadata_b",
        label="Metadata_l",
        control=control,
        methods=("base",),
        scaling=scaling,
        n_repeats=1,
    )
    if found is None:
        return
    numbers = found.scores.select_dtypes("number")
    for name in ("score", "auroc", "average_precision", "accuracy"):
        if name in numbers:
            assert numbers[name].dropna().between(0, 1).all()
    repr(found)


@quick
@given(odd_arrays(), st.sampled_from(["mean", "cls", "flatten", "tokens", "x"]), st.integers(-1, 9))
def test_embed(inputs, pool, batch_size):
    import torch

    from nearid.embed import embed

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh())
    found = called(lambda given: embed(model, given, pool=pool, batch_size=batch_size), inputs)
    if found is None:
        return
    for name, rows in found.layers.items():
        assert rows.shape[0] == len(found.row_ids[name])
    assert len(np.unique(found.ids)) == len(found.ids)


@quick
@given(odd_arrays())
def test_rows_and_moments(table):
    rows = called(nearid.as_rows, table)
    if rows is not None and len(rows):
        total = rows.fold(lambda x: (np.full(x.shape[1], float(len(x))),))[0]
        assert total.tolist() == [len(rows)] * rows.n_columns
