"""A fitted ICA in one ``.safetensors`` file, with its metadata."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.io.safetensors import read_safetensors, write_safetensors

if TYPE_CHECKING:
    from nearid.ica.estimator import LatentICA

__all__ = ["FORMAT", "load", "save"]

#: What the metadata's ``format`` says.
FORMAT = "nearid.LatentICA/1"
ARRAYS = (
    "components_",
    "mixing_",
    "mean_",
    "identifiable_",
    "explained_variance_",
    "explained_variance_ratio_",
)
SCALARS = ("converged_", "n_passes_", "angle_", "rank_", "n_samples_seen_", "n_features_in_")


def save(ica: LatentICA, path: str | os.PathLike[str]) -> None:
    """Write a fitted ICA to a ``.safetensors`` file, in full or not at all.

    Parameters
    ----------
    ica : LatentICA
        Fitted.
    path : str or path

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(ica)
    tensors = {name: np.ascontiguousarray(getattr(ica, name)) for name in ARRAYS}
    text: dict[str, Any] = {}
    for column, values in ica.components_report_.items():
        if values.dtype.kind in "fiub":
            tensors[f"report.{column}"] = values.to_numpy()
        else:
            text[str(column)] = values.tolist()
    params = ica.get_params()
    if not isinstance(params["random_state"], int | None):
        params["random_state"] = None  # a generator's state is no parameter
    params["checkpoint"] = None  # nor is a folder of this machine
    metadata = {
        "format": FORMAT,
        "params": json.dumps(params),
        "fitted": json.dumps({name: getattr(ica, name) for name in SCALARS}, default=_plain),
        "report": json.dumps({"order": list(ica.components_report_.columns), "text": text}),
        "blocks": json.dumps([block.tolist() for block in ica.blocks_]),
        "features": json.dumps(list(getattr(ica, "feature_names_in_", [])), default=str),
    }
    write_safetensors(path, tensors, metadata)


def load(path: str | os.PathLike[str]) -> LatentICA:
    """Read a fitted ICA back from a file that :func:`save` wrote.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    LatentICA

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    import pandas as pd

    from nearid.ica.estimator import LatentICA

    tensors, metadata = read_safetensors(path)
    if metadata.get("format") != FORMAT:
        raise InputError(
            f"{path} holds no fitted ICA: expected the format {FORMAT!r} in its metadata, got "
            f"{metadata.get('format')!r}; write one with nearid fit, or nearid.ica.saved.save"
        )
    try:
        # a file does not say where a later fit is to write
        ica = LatentICA(**{**json.loads(metadata["params"]), "checkpoint": None})
        for name in ARRAYS:
            setattr(ica, name, np.array(tensors[name]))
        fitted = json.loads(metadata["fitted"])
        for name in SCALARS:
            setattr(ica, name, fitted[name])
        report = json.loads(metadata["report"])
        columns = {
            name: report["text"].get(name, tensors.get(f"report.{name}"))
            for name in report["order"]
        }
        blocks = json.loads(metadata["blocks"])
        features = json.loads(metadata["features"])
        ica.identifiable_ = ica.identifiable_.astype(bool)
        ica.n_components_ = len(ica.components_)
        ica.blocks_ = [np.asarray(block, dtype=np.intp) for block in blocks]
        ica.components_report_ = pd.DataFrame(columns).astype({"identifiable": bool})
        if features:
            ica.feature_names_in_ = np.asarray(features, dtype=object)
        _check_arrays(ica)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged, or of another version: {error!r}") from error
    return ica


def _check_arrays(ica: LatentICA) -> None:
    k, d = ica.components_.shape
    expected: dict[str, tuple[int, ...]] = {"mixing_": (d, k), "mean_": (d,)}
    expected |= dict.fromkeys(ARRAYS[3:], (k,))
    if hasattr(ica, "feature_names_in_"):
        expected["feature_names_in_"] = (d,)
    for name, shape in expected.items():
        held: NDArray[Any] = getattr(ica, name)
        if held.shape != shape:
            raise ValueError(f"{name} has the shape {held.shape}, not {shape}")
    if ica.n_features_in_ != d:
        raise ValueError(f"n_features_in_ is {ica.n_features_in_}, not {d}")
    if not all(isinstance(name, str) for name in getattr(ica, "feature_names_in_", [])):
        raise ValueError("the names of the features are no text")
    for name in ARRAYS[:3]:
        if not np.isfinite(getattr(ica, name)).all():
            raise ValueError(f"{name} has NaN or infinite values")


def _plain(value: Any) -> Any:
    return value.item()
