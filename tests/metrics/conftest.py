"""Stored values of other implementations."""

import json

import numpy as np
import pytest


@pytest.fixture(scope="session")
def reference(data_folder):
    """What public implementations return for each case."""
    folder = data_folder.parent / "reference" / "metrics"
    return json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="session")
def case(data_folder):
    """Load a case's factors and codes."""
    folder = data_folder.parent / "reference" / "metrics" / "cases"

    def load(name):
        with np.load(folder / f"{name}.npz") as found:
            return found["sources"], found["latents"]

    return load
