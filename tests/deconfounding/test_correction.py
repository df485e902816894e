"""Further rows are treated as the first ones were, however they come."""

import numpy as np
import pytest

from nearid.deconfounding import correct
from nearid.errors import InputError

ASKED = {"batch": "Metadata_Plate", "label": "Metadata_Label", "n_permutations": 19}


@pytest.fixture(scope="module")
def dead(frame):
    """The wells, with a feature that does not vary and so is left out."""
    return frame.assign(Cells_Dead=1.0)


@pytest.fixture(scope="module")
def kept(dead):
    """Their components without the technical ones."""
    return correct(dead, **ASKED)


def test_rows_of_the_frame_itself_give_their_values(kept, dead):
    np.testing.assert_allclose(kept.transform(dead), kept.values, atol=1e-10)
    np.testing.assert_allclose(kept.transform(dead.filter(like="Cells")), kept.values, atol=1e-10)


def test_features_are_found_by_name(kept, dead):
    turned = dead[dead.columns[::-1]].assign(note="text")
    np.testing.assert_allclose(kept.transform(turned[:7]), kept.values[:7], atol=1e-10)


def test_an_array_is_taken_as_it_is(kept, dead):
    values = dead.filter(like="Cells").to_numpy()
    np.testing.assert_allclose(kept.transform(values), kept.values, atol=1e-10)


def test_lacking_features_are_named(kept, dead):
    first = kept.attribution.features[0]
    with pytest.raises(InputError, match=rf"lack 1 of the \d+ features .* such as '{first}'; they"):
        kept.transform(dead.drop(columns=first))
