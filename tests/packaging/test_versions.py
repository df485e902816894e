"""Bounds, pins and licences say the same everywhere."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRAS = {
    name: [Requirement(text) for text in texts]
    for name, texts in PROJECT["optional-dependencies"].items()
}


def pins(name):
    """Return the versions that a file of constraints names."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(package): Version(version) for package, version in pairs}


def lower_bound(requirement):
    (bound,) = [part for part in requirement.specifier if part.operator == ">="]
    return Version(bound.version)


def test_the_lowest_versions_are_the_declared_bounds():
    lowest = pins("constraints-lowest.txt")
    for requirement in CORE:
        pinned, bound = lowest[canonicalize_name(requirement.name)], lower_bound(requirement)
        assert pinned.release[: len(bound.release)] == bound.release, requirement.name


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_what_is_tested_is_within_the_bounds(extra):
    pinned = pins("constraints.txt")
    for requirement in EXTRAS[extra] if extra else CORE:
        name = canonicalize_name(requirement.name)
        if name != "nearid":
            assert name in pinned, f"pin {name} in constraints.txt"
            assert requirement.specifier.contains(pinned[name]), name


def test_every_version_of_python_is_named():
    named = [text for text in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", text)]
    lowest = PROJECT["requires-python"].removeprefix(">=")
    assert named[0].endswith(lowest)


def test_what_is_under_the_gpl_is_an_extra_of_its_own():
    """Harmony's adapter is the only one; see docs/licences.md."""
    (everything,) = EXTRAS["all"]
    assert "harmony" not in everything.extras
    users = [name for name in EXTRAS if any(r.name == "harmonypy" for r in EXTRAS[name])]
    assert users == ["harmony", "test"]
    assert all(requirement.name != "harmonypy" for requirement in CORE)
