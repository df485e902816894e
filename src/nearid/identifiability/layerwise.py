"""Where along the depth of two models their layers are the same, and up to what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.errors import InputError
from nearid.groups import GROUPS
from nearid.ica.whitening import RankError
from nearid.identifiability.layer_pairs import rigid_errors
from nearid.identifiability.layerwise_result import Layerwise
from nearid.identifiability.result import StatisticalIdentifiability
from nearid.identifiability.runs import align, split_rows
from nearid.identifiability.statistical import statistical_identifiability
from nearid.identifiability.units import told_unit, unit_codes
from nearid.rows import Rows, as_rows, one_blas_thread

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["layerwise"]

#: What may differ between two warnings that say the same.
NUMBER = re.compile(r"\d[\d.,]*")


def layerwise(
    a: Mapping[str, Any],
    b: Mapping[str, Any],
    *,
    names: tuple[str, str] = ("a", "b"),
    groups: Sequence[str] = tuple(GROUPS),
    ica: bool = True,
    n_components: int | float | None = 0.99,
    tolerance: float = 0.1,
    epsilon: float | None = None,
    holdout: float | int = 0.5,
    unit: Any = None,
    n_bootstrap: int = 200,
    n_null: int = 5,
    n_random: int = 5,
    all_pairs: bool = True,
    memory_limit: int = 2**30,
    n_jobs: int = 1,
    random_state: int | np.random.Generator | None = None,
) -> Layerwise:
    """Measure the ladder of two models at every layer that both have, and map all pairs of layers.

    At each shared layer: :func:`~nearid.statistical_identifiability` of the two.  For all pairs of
    layers: the rigid error as a share of chance.  All on the same split of the rows.

    Parameters
    ----------
    a, b : mapping of layer to table
        Of each model, in the order of its layers; each an array of shape (n, D), a frame, a
        tensor, :class:`~nearid.rows.Rows` or a path.  Layers of one name are compared.
    names : (str, str), default ("a", "b")
        How the models are called.
    groups, ica, n_components, tolerance, epsilon, holdout, unit, n_bootstrap, n_null, n_random
        As for :func:`~nearid.statistical_identifiability`, at every layer; one that has fewer
        dimensions than ``n_components`` keeps all of them, and a warning says so.
    all_pairs : bool, default True
        Whether to map all pairs of layers, shared or not.
    memory_limit : int, default 1,073,741,824
        Bytes that joint moments of all layers may fill; beyond, pairs are taken one by one.
    n_jobs : int, default 1
        Worker threads; the result does not depend on it.
    random_state : int, Generator or None

    Returns
    -------
    Layerwise

    Raises
    ------
    InputError
        If no layer is in both, or layers of one name cannot be compared.

    References
    ----------
    Nelson, Fumero, Karaletsos & Locatello, ICLR 2026, arXiv 2603.11970, Definition 1, of
    intermediate layers.

    Examples
    --------
    Two models that agree up to a rotation at first, and up to a linear map after that:

    >>> rng = np.random.default_rng(0)
    >>> z = rng.laplace(size=(2000, 3)) * [1.0, 2.0, 3.0]
    >>> turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    >>> found = layerwise({"early": z, "late": z}, {"early": z @ turn,
    ...                   "late": z @ rng.standard_normal((3, 3))}, ica=False, random_state=0)
    >>> found.layers["verdict"].tolist()
    ['rigid', 'linear']
    """
    shared = _shared_layers(a, b, names)
    opened = [
        {str(layer): as_rows(table, name=f"{layer} of {name}") for layer, table in model.items()}
        for name, model in zip(names, (a, b), strict=True)
    ]
    seed = random_state
    if not isinstance(seed, int):
        seed = int(np.random.default_rng(random_state).integers(2**31))
    settings: dict[str, Any] = {
        "groups": tuple(groups),
        "ica": ica,
        "n_components": n_components,
        "tolerance": tolerance,
        "epsilon": epsilon,
        "holdout": holdout,
        "n_bootstrap": n_bootstrap,
        "n_null": n_null,
        "n_random": n_random,
    }
    more = {"unit": unit, "n_jobs": n_jobs, "random_state": seed}
    ladders = {layer: _compare(layer, opened, names, settings | more) for layer in shared}
    warnings = _gathered(ladders)
    pairs = _no_pairs()
    if all_pairs:
        with one_blas_thread():
            first = opened[0][shared[0]]
            units = unit_codes([first], unit)
            parts = split_rows(len(first), holdout, np.random.default_rng(seed), units)
            pairs, said = _map_pairs(opened, first, parts, memory_limit, n_jobs)
        warnings += said
    settings |= {"unit": told_unit(unit), "all_pairs": all_pairs, "random_state": seed}
    rows = {layer: len(opened[0][layer]) for layer in shared}
    return Layerwise(
        names=names,
        ladders=ladders,
        layers=_layers_frame(ladders, rows),
        ladder=_ladder_frame(ladders),
        pairs=pairs,
        warnings=warnings,
        settings=settings,
    )


def _shared_layers(a: Mapping[str, Any], b: Mapping[str, Any], names: tuple[str, str]) -> list[str]:
    if names[0] == names[1]:
        raise InputError(f"the two models need names of their own, both are called {names[0]!r}")
    held = {str(layer) for layer in b}
    shared = [str(layer) for layer in a if str(layer) in held]
    if not shared:
        listed = (", ".join([str(layer) for layer in model][:5]) or "none" for model in (a, b))
        first, second = listed
        raise InputError(
            f"no layer is in both models: {names[0]} has {first}, {names[1]} has {second}; give "
            f"layers that correspond one name"
        )
    return shared


def _compare(
    layer: str,
    models: Sequence[Mapping[str, Rows]],
    names: tuple[str, str],
    settings: Mapping[str, Any],
) -> StatisticalIdentifiability:
    """Compare one layer; where it has fewer dimensions than components were asked for, in all."""
    runs = {name: rows[layer] for name, rows in zip(names, models, strict=True)}
    try:
        return statistical_identifiability(runs, **settings)
    except RankError:
        found = statistical_identifiability(runs, **{**settings, "n_components": None})
        wanted = settings["n_components"]
        said = f"fewer dimensions than the {wanted} components asked for: all were kept"
        return replace(found, warnings=[*found.warnings, said])
    except InputError as error:
        raise InputError(f"layer {layer}: {error}") from error


def _gathered(ladders: Mapping[str, StatisticalIdentifiability]) -> list[str]:
    """Return every warning once, numbers aside, with the layers that it is about."""
    first: dict[str, str] = {}
    places: dict[str, list[str]] = {}
    for layer, found in ladders.items():
        for warning in found.warnings:
            kind = NUMBER.sub("#", warning)
            first.setdefault(kind, warning)
            places.setdefault(kind, []).append(layer)
    return [f"{first[kind]} ({_where(layers, len(ladders))})" for kind, layers in places.items()]


def _where(layers: Sequence[str], total: int) -> str:
    """Say at which layers; numbers are those of the first."""
    others = len(set(layers)) - 1
    if others == total - 1 > 0:
        return f"at {layers[0]}, and likewise at all others"
    more = f", and likewise at {others} other{'s' if others > 1 else ''}" if others else ""
    return f"at {layers[0]}{more}"


def _layers_frame(
    ladders: Mapping[str, StatisticalIdentifiability], n_rows: Mapping[str, int]
) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for depth, (layer, found) in enumerate(ladders.items()):
        first, second = found.runs
        low, high = found.ica_efficiency_ci
        rows.append(
            {
                "layer": layer,
                "depth": depth,
                "n_rows": n_rows[layer],
                "columns_a": first.n_columns,
                "columns_b": second.n_columns,
                "verdict": found.verdict,
                "verdict_whitened": found.verdict_whitened,
                "efficiency": found.ica_efficiency,
                "ci_low": low,
                "ci_high": high,
            }
        )
    frame = pd.DataFrame(rows)
    for name in ("verdict", "verdict_whitened"):  # of text, None would become nan (pandas 3)
        frame[name] = pd.Series([row[name] for row in rows], index=frame.index, dtype=object)
    return frame


def _ladder_frame(ladders: Mapping[str, StatisticalIdentifiability]) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for depth, (layer, found) in enumerate(ladders.items()):
        part = found.overall.copy()
        part.insert(0, "layer", layer)
        part.insert(1, "depth", depth)
        parts.append(part)
    filled = [part for part in parts if len(part)]
    return pd.concat(filled or parts[:1], ignore_index=True)


def _no_pairs() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=["layer_a", "layer_b", "relative"]).astype({"relative": float})


def _map_pairs(
    models: Sequence[Mapping[str, Rows]],
    first: Rows,
    parts: tuple[NDArray[np.intp], NDArray[np.intp]],
    memory_limit: int,
    n_jobs: int,
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rigid error of all pairs of layers that describe the rows of the reference."""
    import pandas as pd

    kept, left_out = [], []
    for model in models:
        placed = {}
        for layer, rows in model.items():
            try:
                placed[layer] = align([first, rows])[0][1]
            except InputError:
                left_out.append(rows.name)
        kept.append(placed)
    errors = rigid_errors(
        list(kept[0].values()),
        list(kept[1].values()),
        *parts,
        memory_limit=memory_limit,
        n_jobs=n_jobs,
    )
    table = [
        {"layer_a": one, "layer_b": other, "relative": errors[i, j]}
        for i, one in enumerate(kept[0])
        for j, other in enumerate(kept[1])
    ]
    said = []
    if left_out:
        said.append(
            f"the map of all pairs is of layers with the rows of {first.name}; others were left "
            f"out: {', '.join(left_out)}"
        )
    return pd.DataFrame(table), said
