"""Every package that nearid and its extras need has a licence, which a page names, and none GPL."""

import tomllib
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "licences.md"


@pytest.fixture(scope="module")
def lister(tool):
    """The script that writes the page."""
    return tool("list_licences")


@pytest.fixture(scope="module")
def found(lister):
    """Every package."""
    return lister.packages()


def test_the_extras_are_those_of_all(lister):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (everything,) = project["optional-dependencies"]["all"]
    assert sorted(Requirement(everything).extras) == list(lister.EXTRAS)


def test_all_are_known_and_none_is_gpl(found):
    assert {"numpy", "pyarrow", "torch", "zarr"} <= {one.name for one in found}
    for one in found:
        assert one.licence != "unknown", f"{one.name} names no licence"
        assert "GPL" not in one.licence.upper(), f"{one.name} is under {one.licence}"
        assert "GENERAL PUBLIC" not in one.licence.upper(), one.name


def test_the_page_is_as_the_script_writes_it(lister, found):
    # versions differ where torch comes for another device, and names do not
    written = [line.split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    now = [line.split(" | ") for line in lister.page(found).splitlines()]
    assert [row[:1] + row[2:] for row in written] == [row[:1] + row[2:] for row in now], (
        "run `make licences`"
    )


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ([("License-Expression", "MIT")], "MIT"),
        ([("Classifier", "License :: OSI Approved :: BSD License")], "BSD License"),
        ([("Classifier", "License :: OSI Approved"), ("License", "ISC\n\nCopyright")], "ISC"),
        (
            [("License", "Permission is hereby granted, free of charge, to any person to")],
            "unknown",
        ),
        ([], "unknown"),
    ],
)
def test_a_licence_is_read_off_metadata(lister, fields, licence):
    about = Message()
    for name, value in fields:
        about[name] = value
    assert lister.licence(about) == licence


def test_a_package_under_the_gpl_would_be_seen(lister):
    about = lister.metadata("harmonypy")
    assert "GPL" in lister.licence(about).upper() or "GENERAL PUBLIC" in lister.licence(about)
