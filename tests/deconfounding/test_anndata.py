"""AnnData objects: representations by name, obs for what describes the rows."""

import anndata
import numpy as np
import pytest

from nearid.deconfounding import evaluate
from nearid.errors import InputError

BATCH, LABEL = "Metadata_Plate", "Metadata_Label"
QUICK = {"batch": BATCH, "label": LABEL, "n_repeats": 2, "classifiers": ["l1", "l2"]}


def test_anndata_keeps_its_own_conventions(frame):
    values = frame.filter(like="Cells").to_numpy()
    obs = frame.filter(like="Metadata").set_axis(map(str, range(len(frame))))
    adata = anndata.AnnData(obs=obs, obsm={"X_mae": values})
    asked = QUICK | {"classifiers": ["l2"], "methods": ["pca"]}
    found = evaluate(adata, **asked, representation="X_mae").to_frame()
    np.testing.assert_allclose(found["auroc"], evaluate(frame, **asked).to_frame()["auroc"])
    with pytest.raises(InputError, match="has no X_mea"):
        evaluate(adata, **QUICK, representation="X_mea")
