"""What may be given as runs, and one clear line for what may not."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nearid import InputError, as_rows, structural_identifiability
from nearid import statistical_identifiability as compare
from nearid.identifiability.runs import align, collect_runs, split_rows

CHEAP = {"n_bootstrap": 10, "n_null": 1, "n_random": 1, "random_state": 0}
#: The kinds of table that this environment can make; torch is an extra.
KINDS = ["array", "list", "frame", "npy", "memory map", "fortran"]
KINDS += ["tensor", "tensor with gradient"] if find_spec("torch") else []


def laplace(n=400, d=3, seed=0):
    return np.random.default_rng(seed).laplace(size=(n, d))


def made(kind, array, path):
    if kind in ("npy", "memory map"):
        np.save(path, array)
        return path if kind == "npy" else np.load(path, mmap_mode="r")
    if kind.startswith("tensor"):
        import torch

        return torch.tensor(array, requires_grad=kind.endswith("gradient"))
    makers = {
        "array": np.asarray,
        "list": np.ndarray.tolist,
        "frame": pd.DataFrame,
        "fortran": np.asfortranarray,
    }
    return makers[kind](array)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_gives_the_same_answer(kind, tmp_path):
    arrays = [laplace(), laplace() @ np.diag([1.0, 2.0, 3.0])]
    expected = compare(arrays, **CHEAP).pairs
    tables = [made(kind, array, tmp_path / f"{i}.npy") for i, array in enumerate(arrays)]
    numbers = compare(tables, **CHEAP).pairs.drop(columns=["target", "source"])
    pd.testing.assert_frame_equal(
        numbers, expected.drop(columns=["target", "source"]), rtol=1e-9, atol=1e-12
    )


def test_runs_are_a_mapping_a_sequence_a_generator_or_one_array():
    z = laplace()
    for runs in ({"a": z, "b": z}, [z, z], (z, z), (z for _ in range(2)), np.stack([z, z])):
        assert compare(runs, **CHEAP).verdict == "identity"


def test_runs_are_called_by_their_key_their_file_or_their_number(tmp_path):
    z = laplace()
    np.save(tmp_path / "first.npy", z)
    path = tmp_path / "first.npy"
    assert [run.name for run in collect_runs({"a": z, 7: z})] == ["a", "7"]
    assert [run.name for run in collect_runs([z, path, str(path)])] == [
        "run 0",
        "first (1)",
        "first (2)",
    ]


def test_ids_of_another_type_are_the_same_ids():
    z, order = laplace(4, 1), [3, 1, 0, 2]
    texts = as_rows(z[order], ids=np.array(order).astype(str))
    raw = as_rows(z[order], ids=np.array(order).astype("S"))
    for other in (texts, raw):
        [_, aligned], said = align([as_rows(z, ids=range(4)), other])
        np.testing.assert_array_equal(aligned.read(0, 4), z)
        assert said == []


def test_ids_of_some_runs_only_are_not_trusted():
    z = laplace()
    _, [said] = align([as_rows(z, ids=range(400)), as_rows(z, name="bare")])
    assert "bare has no ids: the rows are assumed" in said


def test_holdout_is_a_share_or_a_number():
    z = laplace(100)
    for holdout, n_test in ((0.3, 30), (30, 30), (np.int64(2), 2), (98, 98)):
        train, test = split_rows(100, holdout, np.random.default_rng(0))
        assert (len(train), len(test)) == (100 - n_test, n_test)
        assert sorted([*train, *test]) == list(range(100))
    same = [compare([z, z * 2], holdout=h, **CHEAP).to_dict()["pairs"] for h in (0.3, 30)]
    assert same[0] == same[1]


@pytest.mark.parametrize("n_components", [1, 2, 0.5, 0.999, None, np.int64(2)])
def test_components_are_counted_or_explained(n_components):
    result = compare([laplace(), laplace() * 2], n_components=n_components, **CHEAP)
    k = len(result.components.query("group == 'ica' and target == 'run 0'"))
    assert 1 <= k <= 3
    if isinstance(n_components, int):
        assert k == n_components


@pytest.mark.parametrize("scale", [1e-100, 1e-25, 1e25, 1e100])
def test_extreme_units_change_nothing(scale, dtype):
    if scale in (1e-100, 1e100):
        dtype = np.dtype("float64")  # beyond float32
    z = laplace()
    plain = compare([z, z**3], ica=False, **CHEAP).pairs["relative"]
    runs = [(run * scale).astype(dtype) for run in (z, z**3)]
    found = compare(runs, ica=False, **CHEAP).pairs["relative"]
    np.testing.assert_allclose(found, plain, rtol=1e-3)


def test_types_of_number_may_differ():
    z = np.random.default_rng(0).integers(0, 100, size=(400, 3))
    kinds = ["int16", "uint8", "float16", "float32", "float64"]
    assert compare([z.astype(kind) for kind in kinds], **CHEAP).verdict == "identity"


def test_four_rows_are_enough_to_say_something():
    result = compare([laplace(4), laplace(4)], **CHEAP)
    assert any("N = 2 fitting rows for D = 3 columns" in warning for warning in result.warnings)


Z = laplace()


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "expected at least two runs to compare, got 0"),
        ([Z], "expected at least two runs to compare, got 1"),
        (Z, "expected several runs, .* got one ndarray"),
        (pd.DataFrame(Z), "expected several runs, .* got one DataFrame"),
        ("run.npz", r"expected several runs, .* got 'run\.npz'"),
        (Path("run.npz"), "expected several runs, as a list or a mapping"),
        (None, "expected several runs, .* got one NoneType"),
        (7, "expected several runs, .* got one int"),
        ([Z, Z[:, 0]], r"run 1: expected a table .* got an array of shape \(400,\)"),
        ([Z, Z[None]], r"run 1: .* shape \(1, 400, 3\); flatten it, or pool"),
        ([Z, Z[:, :0]], r"run 1: expected at least one column, got shape \(400, 0\)"),
        ([Z, Z[:399]], "run 0 has 400 rows, run 1 has 399"),
        ([Z, Z.astype(object)], "run 1: expected real numbers, got the type object"),
        ([Z, Z.astype(complex)], "got the type complex128"),
        ([Z, Z.astype(str)], "expected real numbers, got the type <U"),
        ([Z, [[1.0], [2.0, 3.0]]], "run 1 is not a table of numbers"),
        ([Z[:0], Z[:0]], "have 0 rows: at least 4 are needed"),
        ([Z[:1], Z[:1]], "have 1 rows: at least 4 are needed"),
        ([Z[:3], Z[:3]], "have 3 rows: at least 4 are needed, 2 to fit on and 2 held out"),
        ([Z, Z * 1e200], "too large to be squared in float64; rescale"),
        ([Z, "no such file.npy"], "no such file.npy does not exist"),
        (
            [as_rows(Z, ids=range(400)), as_rows(Z, ids=range(1, 401))],
            "has 400 ids, .* 399 are shared and 1 are not, such as '400'",
        ),
        (
            [as_rows(Z, ids=range(400)), as_rows(Z[:350], ids=range(350))],
            "has 400 ids, .* has 350, of which 350 are shared",
        ),
        (
            [as_rows(Z, ids=range(400)), as_rows(Z, ids=[f"cell {i}" for i in range(400)])],
            "share no id: '0' is one of run .*, 'cell 0' of run .*; do both columns of ids name",
        ),
        (
            [as_rows(Z, ids=[0] * 400), as_rows(Z, ids=range(400))],
            "the id '0' occurs 400 times; ids must name one row each",
        ),
    ],
)
def test_bad_runs(runs, message):
    with pytest.raises(InputError, match=message):
        compare(runs, **CHEAP)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": "rigid"}, "groups must be some of identity, .* got"),
        ({"groups": []}, r"groups must be some of identity, .* got \[\]"),
        ({"groups": ["rigid", "affine"]}, r"linear; got \['rigid', 'affine'\]"),
        ({"tolerance": 0.0}, r"tolerance is a share of chance, between 0 and 1; got 0\.0"),
        ({"tolerance": 5}, "tolerance is a share of chance, between 0 and 1; got 5"),
        ({"tolerance": np.nan}, "tolerance .* got nan"),
        ({"epsilon": -0.5}, r"epsilon is a share of the diameter, above 0; got -0\.5"),
        ({"epsilon": np.nan}, "epsilon .* got nan"),
        ({"holdout": 0}, "holdout must be .* between 0 and 1, or a number of rows; got 0"),
        ({"holdout": 1.0}, r"holdout must be .* got 1\.0"),
        ({"holdout": -3}, "holdout must be .* got -3"),
        ({"holdout": "half"}, "holdout must be .* got 'half'"),
        ({"holdout": True}, "holdout must be .* got True"),
        ({"holdout": 399}, "the runs have 400 rows: .*holdout is 399"),
        ({"holdout": 1000}, "the runs have 400 rows: .*holdout is 1000"),
        ({"holdout": 0.001}, r"the runs have 400 rows: .*holdout is 0\.001"),
        ({"n_bootstrap": 1}, "n_bootstrap must be at least 2; got 1"),
        ({"n_null": 0}, "n_null must be at least 1; got 0"),
        ({"n_random": 0}, "n_random must be at least 1; got 0"),
        ({"n_jobs": 0}, "n_jobs is a number of worker threads, from 1; got 0"),
        ({"n_jobs": -1}, "n_jobs is a number of worker threads, from 1; got -1"),
        ({"n_components": 0}, "n_components must be a whole number from 1, .* got 0"),
        ({"n_components": 1.5}, r"n_components must be .* got 1\.5"),
        ({"n_components": "all"}, "n_components must be .* got 'all'"),
        ({"n_components": 4}, "4 components were asked for, but the data have rank 3"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        compare([Z, Z], **(CHEAP | arguments))


def test_held_out_rows_that_are_all_the_same_are_refused():
    x = np.zeros((40, 2))
    train, _ = split_rows(40, 0.5, np.random.default_rng(0))
    x[train] = np.random.default_rng(1).normal(size=(20, 2))
    other = np.random.default_rng(2).normal(size=(40, 2))
    with pytest.raises(InputError, match="20 held-out rows of run 0 are all the same"):
        compare([x, other], n_components=2, random_state=0)
    with pytest.raises(InputError, match="held-out rows of factors are all the same"):
        structural_identifiability(other, x, random_state=0)
