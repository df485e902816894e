"""Other libraries' corrections: what they may see is told, and what they promise is seen."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from nearid.deconfounding import METHODS, evaluate
from nearid.deconfounding.batches import retrieval

ASKED = {"batch": "Metadata_Plate", "label": "Metadata_Label", "control": "Metadata_control"}


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if m.transductive])
def test_transductive_methods_are_marked(frame, name):
    found = evaluate(
        frame, **ASKED, methods=["pca", name], classifiers=["l2"], n_repeats=1, n_components=8
    )  # fmt: skip
    table = found.to_frame().set_index("method")
    assert table.loc[name, "transductive"].all()
    assert not table.loc["pca", "transductive"].any()
    told = found.batch_scores().set_index("method")
    assert told.loc[name, "new_batch_auroc"] < told.loc["pca", "new_batch_auroc"]


def test_spherize_is_fitted_on_training_controls(frame, fold_of):
    """A planted row of the held-out batch changes nothing of the others."""
    values = frame.filter(like="Cells").to_numpy()
    held_out = (frame["Metadata_Plate"] == "plate0").to_numpy()
    planted = values.copy()
    planted[np.flatnonzero(held_out)[0]] = 1e4
    before = METHODS["spherize"].codes(fold_of(frame, values, held_out))
    after = METHODS["spherize"].codes(fold_of(frame, planted, held_out))
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_allclose(before[1][1:], after[1][1:])
    control = frame["Metadata_control"].to_numpy(dtype=bool)[~held_out]
    cov = np.cov(before[0][control].T)
    np.testing.assert_allclose(cov, np.eye(len(cov)), atol=0.2)


def test_retrieval_is_average_precision_written_out():
    rng = np.random.default_rng(0)
    label = rng.choice(list("abc"), size=40)
    codes = rng.normal(size=(40, 3)) + 2.0 * (label == "a")[:, None]
    similarity = 1 - cdist(codes, codes, "cosine")
    expected = []
    for i in range(40):
        others = np.delete(np.arange(40), i)
        order = others[np.argsort(-similarity[i, others])]
        hit = label[order] == label[i]
        expected.append((np.cumsum(hit) / np.arange(1, 40))[hit].mean())
    found, chance = retrieval(codes, label)
    assert found == pytest.approx(np.mean(expected), abs=1e-6)
    assert chance < found


def test_retrieval_is_part_of_the_batch_scores(frame):
    found = evaluate(
        frame, **ASKED, methods=["pca"], classifiers=["l2"], n_repeats=1, with_retrieval=True
    )
    told = found.batch_scores().iloc[0]
    assert told["retrieval_map"] > told["chance_retrieval_map"] > 0.4
