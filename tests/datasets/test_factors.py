import numpy as np
import pytest

from nearid.datasets.factors import FactorDataset, Layout, classes_of, grid_rows
from nearid.errors import InputError

LAYOUT = Layout("toy", {"hue": 4, "size": 3, "x": 2}, (2, 2, 1), {"hue": 4})


def toy(rows=None):
    """A data set whose images show their own place in the file."""
    return FactorDataset(
        LAYOUT, lambda at: np.repeat(at.astype("u1"), 4).reshape(-1, 2, 2, 1), rows=rows
    )


def test_index_and_factors_are_inverse_and_the_last_factor_is_the_fastest():
    data = toy()
    grid = np.stack(np.meshgrid(*map(np.arange, LAYOUT.sizes), indexing="ij"), -1).reshape(-1, 3)
    np.testing.assert_array_equal(data.factors(np.arange(24)), grid)
    np.testing.assert_array_equal(data.index(grid), np.arange(24))
    assert data.circular == (True, False, False)


def test_a_file_in_any_order_gives_the_same_images_as_in_memory():
    rng = np.random.default_rng(0)
    order = rng.permutation(24)
    rows = grid_rows(toy().factors(order), LAYOUT, "labels")
    data = toy(rows)
    asked = rng.integers(24, size=50)
    np.testing.assert_array_equal(order[data.images(asked)[:, 0, 0, 0]], asked)
    np.testing.assert_array_equal(data.in_memory().images(asked), data.images(asked))
    assert grid_rows(toy().factors(np.arange(24)), LAYOUT, "labels") is None
    assert data.images([]).shape == (0, 2, 2, 1)


def test_samples_are_seeded_and_belong_to_their_factors():
    data = toy()
    images, factors = data.sample(40, random_state=1)
    np.testing.assert_array_equal(images[:, 0, 0, 0], data.index(factors))
    np.testing.assert_array_equal(data.sample(40, random_state=1)[1], factors)
    assert (data.sample(40, random_state=2)[1] != factors).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: d.images([24]), "from 0 to 23"),
        (lambda d: d.images([-1]), "got -1"),
        (lambda d: d.images([0.5]), "whole numbers"),
        (lambda d: d.images([[0]]), r"shape \(n,\)"),
        (lambda d: d.index([[0, 0]]), r"\(n, 3\)"),
        (lambda d: d.index([[4, 0, 0]]), "hue must be from 0 to 3; got 4"),
        (lambda d: d.sample(0), "at least 1"),
    ],
)
def test_wrong_arguments_have_messages(call, message):
    with pytest.raises(InputError, match=message):
        call(toy())


def test_labels_of_another_data_set_are_refused():
    labels = toy().factors(np.arange(24)) / 3.0
    classes, values = classes_of(labels, LAYOUT, "labels")
    np.testing.assert_array_equal(classes, toy().factors(np.arange(24)))
    np.testing.assert_allclose(values[1], [0, 1 / 3, 2 / 3])
    with pytest.raises(InputError, match="another data set"):
        classes_of(labels[:, ::-1], LAYOUT, "labels")
    with pytest.raises(InputError, match=r"shape \(24, 3\)"):
        classes_of(labels[1:], LAYOUT, "labels")
    with pytest.raises(InputError, match="1 labels are not finite"):
        classes_of(np.where(np.arange(72).reshape(24, 3) == 5, np.nan, labels), LAYOUT, "labels")
    with pytest.raises(InputError, match="1 of 24 are missing, 1 are there more than once"):
        grid_rows(toy().factors(np.r_[0, :23]), LAYOUT, "labels")
