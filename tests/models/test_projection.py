import numpy as np
import pytest
from sklearn.decomposition import PCA

from nearid.errors import InputError
from nearid.models import fit_projection


@pytest.fixture
def images(dtype):
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(300, 5)) * [5, 4, 3, 2, 1]
    return (factors @ rng.normal(size=(5, 48)) + 1).reshape(300, 3, 4, 4).astype(dtype)


def test_it_is_the_pca_of_scikit_learn(images):
    found = fit_projection(images, 3)
    flat = images.reshape(300, 48).astype("d")
    pca = PCA(3, svd_solver="full").fit(flat)
    cosines = np.abs(np.sum(found.components * pca.components_, axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-6)
    np.testing.assert_allclose(found.components @ found.components.T, np.eye(3), atol=1e-10)
    assert found.explained == pytest.approx(pca.explained_variance_ratio_.sum(), abs=1e-6)
    np.testing.assert_allclose(
        np.abs(found.project(images)), np.abs(pca.transform(flat)), rtol=1e-3, atol=1e-4
    )


def test_types_stay_and_all_directions_lead_back(images):
    found = fit_projection(images, 5)
    assert found.explained == pytest.approx(1)
    again = found.back(found.project(images))
    assert found.project(images).dtype == again.dtype == images.dtype
    np.testing.assert_allclose(again, images.reshape(300, 48), atol=1e-4)


def test_errors_differ_by_a_constant(images):
    found = fit_projection(images, 2)
    flat = images.reshape(300, 48)
    rng = np.random.default_rng(1)
    differences = []
    for _ in range(2):
        guess = rng.normal(size=(300, 2)).astype(images.dtype)
        outside = ((found.back(guess) - flat) ** 2).sum()
        inside = ((guess - found.project(images)) ** 2).sum()
        differences.append(float(outside - inside))
    assert differences[0] == pytest.approx(differences[1], rel=1e-4)


@pytest.mark.parametrize(
    ("data", "k", "message"),
    [
        (np.ones((4, 9)), 5, "n_components must be from 1 to 4"),
        (np.ones((4, 9)), 0, "n_components must be from 1 to 4"),
        (np.ones((9, 4), np.uint8), 2, "floating numbers; got uint8: scale them"),
        (np.full((9, 4), np.nan), 2, "images has 36 NaN or infinite values"),
    ],
)
def test_wrong_arguments_have_messages(data, k, message):
    with pytest.raises(InputError, match=message):
        fit_projection(data, k)


def test_only_what_it_was_fitted_on_is_projected(images):
    with pytest.raises(InputError, match="fitted on rows of 48 numbers; got rows of 16"):
        fit_projection(images, 2).project(images[:, 0])
