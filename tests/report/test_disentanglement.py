"""The headline claims no more of the auto-encoder than the models beside it leave."""

import pandas as pd
import pytest

from nearid.report.disentanglement import _headline

TITLES = {"ae": "AE", "beta_vae": "β-VAE", "qlae": "QLAE", "untrained": "AE, untrained"}


def summary(**infom):
    """Return the mean InfoM of each model and version, from ``model_version=value``."""
    keys = [name.rpartition("_") for name in infom]
    rows = [(model, version, infom[f"{model}_{version}"]) for model, _, version in keys]
    return pd.DataFrame(rows, columns=["model", "version", "infom"])


AE = {"ae_raw": 0.4, "ae_pca": 0.5, "ae_ica": 0.8, "untrained_raw": 0.9, "untrained_ica": 0.9}


@pytest.mark.parametrize(
    ("others", "status", "ahead"),
    [
        ({"qlae_raw": 0.7, "qlae_ica": 0.75}, "yes", ""),
        ({"qlae_raw": 0.7, "qlae_ica": 0.9}, "yes", "After ICA as well, higher: QLAE (0.900)."),
        ({"qlae_raw": 0.85, "qlae_ica": 0.85}, "no", "higher: QLAE (0.850)."),
    ],
)
def test_models_are_compared_as_they_are_and_after_ica(others, status, ahead):
    found = _headline(summary(**AE, beta_vae_raw=0.6, beta_vae_ica=0.6, **others), TITLES)
    assert found.status == status
    assert "than the others are by themselves" in found.title
    assert found.text.endswith(ahead or "0.800 after ICA.")
