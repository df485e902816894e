"""``import nearid`` costs next to nothing, and offers exactly what it says."""

import subprocess
import sys

import pytest

import nearid

PUBLIC = [
    "GROUPS",
    "BiLipschitz",
    "Chunks",
    "Consensus",
    "Identity",
    "InputError",
    "LatentICA",
    "Layerwise",
    "Linear",
    "MissingExtraError",
    "NearIdError",
    "Rigid",
    "Rows",
    "SignedPermutation",
    "Similarity",
    "StatisticalIdentifiability",
    "StructuralIdentifiability",
    "Transformation",
    "as_rows",
    "bilipschitz",
    "consensus",
    "fold",
    "fold_into",
    "layerwise",
    "statistical_identifiability",
    "structural_identifiability",
]
HEAVY = ("matplotlib", "pandas", "pyarrow", "typer", "rich", "jinja2", "sklearn", "torch", "numba")


def loaded_after(code):
    """Top-level modules that a fresh interpreter holds after running the code."""
    script = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_import_loads_nothing_heavy():
    modules = loaded_after("import nearid")
    assert "nearid" in modules
    assert modules.isdisjoint({*HEAVY, "scipy"})


def test_groups_and_moments_need_only_numpy_and_scipy():
    code = "import nearid; nearid.Rigid().fit([[0.0], [1.0]], [[1.0], [0.0]])"
    modules = loaded_after(code)
    assert {"numpy", "scipy"} <= modules
    assert modules.isdisjoint(HEAVY)


def test_public_names_are_these():
    assert nearid.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_resolves_and_says_what_it_is(name):
    value = getattr(nearid, name)
    assert value.__doc__
    assert name in dir(nearid)


def test_packages_need_no_import_of_their_own():
    code = "import nearid; nearid.report.write_report, nearid.metrics.mcc, nearid.io.read"
    assert "jinja2" in loaded_after(code)
    for name in nearid._PACKAGES:
        assert getattr(nearid, name).__name__ == f"nearid.{name}"
        assert name in dir(nearid)


def test_groups_are_in_order():
    assert list(nearid.GROUPS) == [
        "identity",
        "signed_permutation",
        "rigid",
        "similarity",
        "linear",
    ]


def test_public_names_do_not_depend_on_what_was_imported_before():
    code = "import nearid, nearid.identifiability, nearid.cli\n"
    code += "assert all(not isinstance(getattr(nearid, n), type(nearid)) for n in nearid.__all__)"
    loaded_after(code)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Rotation'"):
        _ = nearid.Rotation
