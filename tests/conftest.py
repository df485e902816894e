"""What tests share: where the real inputs are, and the types of number that they run with."""

import os
from pathlib import Path

import numpy as np
import pytest


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
