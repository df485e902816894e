"""What the page says of a representation beside its factors."""

from dataclasses import replace

import numpy as np
import pytest

import nearid
from nearid.report.structural import structural_page


@pytest.fixture(scope="module")
def found():
    """Noise beside factors that it knows nothing of."""
    rng = np.random.default_rng(0)
    codes, factors = rng.standard_normal((400, 3)), rng.uniform(size=(400, 2))
    return nearid.structural_identifiability(codes, factors, metrics=["r2"], random_state=0)


@pytest.mark.parametrize(
    ("efficiency", "interval", "said"),
    [
        (0.5, (0.4, 0.6), "ICA removes 50\u00a0% (95 % interval 40\u00a0% to 60\u00a0%) of what"),
        (-0.9, (-1.2, -0.6), "to the factors than principal axes do."),
        (np.nan, (np.nan, np.nan), "ICA efficiency is undefined"),
    ],
)
def test_efficiency_is_said_plainly(found, efficiency, interval, said):
    judged = replace(found, ica_efficiency=efficiency, ica_efficiency_ci=interval)
    text = structural_page(judged).headline.text
    assert said in text
    assert ("removes" in text) == (efficiency > 0)
