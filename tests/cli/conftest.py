"""The command line run in this process, on real runs cut small."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from nearid.cli import app


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    """Have a terminal wide enough that help texts are not broken inside a phrase."""
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def run():
    """Run the command line with the given arguments."""

    def invoke(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture(scope="session")
def strict_json():
    """Parse JSON that has no NaN, no infinity, and nothing before or after it."""

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return lambda text: json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="session")
def members(data_folder):
    """Three trainings of one real network: 600 molecules, 40 coordinates each."""
    with np.load(data_folder / "representations" / "admet_members.npz") as archive:
        found = {f"member_{i}": archive[f"member_{i}"][:600, :40] for i in range(3)}
        found["molecule"] = archive["molecule"][:600]
    return found


@pytest.fixture(scope="session")
def runs_file(members, tmp_path_factory):
    """The three runs and the ids of their rows in one archive."""
    path = tmp_path_factory.mktemp("runs") / "runs.npz"
    np.savez(path, **members)
    return path


@pytest.fixture
def failed():
    """Assert that a command failed with one clear line, and return that line."""

    def check(result, status=1):
        assert result.exit_code == status, result.output
        assert result.stdout == ""
        lines = [line for line in result.stderr.splitlines() if "nearid: note: " not in line]
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("nearid: ")
        assert "Traceback" not in result.stderr
        assert "unexpected" not in lines[0]
        return lines[0]

    return check


@pytest.fixture(scope="session")
def wells():
    """Four plates with a shift each, and two genes, one with a hostile name."""
    rng = np.random.default_rng(0)
    plate = np.repeat(list("pqrs"), 40)
    gene = np.where(np.arange(160) % 2, "<b>TP53</b>", "DMSO")
    sources = rng.laplace(size=(160, 6))
    sources[:, 0] += 2 * (gene == "DMSO")
    sources[:, 1] += 4 * np.repeat([0.0, 1.0, 2.0, 3.0], 40)
    frame = pd.DataFrame(sources @ rng.normal(size=(6, 6))).add_prefix("Nuclei_Texture_")
    well = np.tile([f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(5)], 4)
    return frame.assign(Metadata_Plate=plate, Metadata_Gene=gene, Metadata_Well=well)
