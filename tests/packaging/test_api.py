"""The public API is what a reviewed file says it is."""

from difflib import unified_diff
from pathlib import Path

import pytest

FROZEN = Path(__file__).parent / "api.txt"


@pytest.fixture(scope="module")
def lister(tool):
    """The script that writes the file."""
    return tool("list_api")


def test_names_signatures_and_options_are_those_that_were_reviewed(lister):
    frozen = FROZEN.read_text(encoding="utf-8").splitlines()
    changes = list(unified_diff(frozen, lister.api(), "reviewed", "now", lineterm="", n=0))
    if changes:
        told = "\n".join(changes)
        pytest.fail(
            f"the public API changed:\n{told}\nIf that is meant, see docs/policy.md, say it in "
            "CHANGELOG.md, and run: python tools/list_api.py > tests/packaging/api.txt",
            pytrace=False,
        )


def test_a_change_is_seen(lister, monkeypatch):
    import nearid

    def as_rows(data, *, name=None):
        return data, name

    before = lister.api()
    monkeypatch.setattr(nearid, "as_rows", as_rows)
    monkeypatch.setattr(nearid, "__all__", [*nearid.__all__, "__version__"])
    lost, gained = set(before) - set(lister.api()), set(lister.api()) - set(before)
    assert lost == {"nearid.as_rows(data, *, name=None, ids=None)"}
    assert gained == {"nearid.as_rows(data, *, name=None)", "nearid.__version__: str"}


def test_every_public_function_takes_options_by_name_alone(lister):
    """After the data, nothing is told by its place."""
    lines = [line for line in lister.api() if line.startswith("nearid.") and "(" in line]
    assert len(lines) > 60
    optional = [line for line in lines if "=" in line.partition("(")[2].partition("*")[0]]
    known = ("load_mnist(split", "cells(size", "scenes3d(size", "sprites(shape", "fit_projection(")
    known += ("vit_mae(shape", "write_safetensors(")
    assert [line for line in optional if not any(name in line for name in known)] == []
