"""From trainings to what is compared: the layers of models of several seeds, and of untrained ones.

Which layer stands for a model, the one in the middle or the last, was fixed before anything was
measured, as was the number of components.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.embed import embed
from nearid.experiments.model_pairs import Subject
from nearid.experiments.model_pairs_trained import INPUTS, SCALES, TRAINED, Inputs, Recipe
from nearid.models import initialise, train_runs

__all__ = ["MODELS", "layer_rows", "middle_of", "trained_subjects"]

#: What kinds of model are called.
MODELS = {"language": "TinyGPT", "mae": "ViTMAE", "classifier": "ResNet-18 layout"}

#: Kinds of pairs, where they are not called after the model.
KINDS = {"classifier": "heads"}

#: Inputs at a time.
BATCH = 64

#: How rows of means are called.
POOLED = "mean over a window"


def trained_subjects(
    kind: str,
    scale: str,
    *,
    seeds: Sequence[int],
    data_dir: str | os.PathLike[str] | None,
    cache_dir: str | os.PathLike[str] | None,
    n_jobs: int = 1,
) -> list[Subject]:
    """Train a kind of model from every seed, unless the cache holds it, and embed its inputs.

    Parameters
    ----------
    kind : {"language", "mae", "classifier"}
    scale : {"ci", "cpu", "paper"}
    seeds : sequence of int
    data_dir, cache_dir : path or None
    n_jobs : int, default 1
        Trainings side by side.

    Returns
    -------
    list of Subject
        One for each layer; of language models, one more for the means over windows.

    Raises
    ------
    InputError
        If the data are not there.
    """
    settings, recipe = SCALES[scale][kind], TRAINED[kind]
    inputs = INPUTS[kind](data_dir, settings)
    make = recipe.factory(inputs, settings)
    runs = train_runs(
        make,
        inputs.train,
        seeds=seeds,
        cache_dir=cache_dir,
        n_jobs=n_jobs,
        steps=settings.steps,
        batch_size=settings.batch,
        **recipe.options,
    )
    trained = {f"seed {run.seed}": run.model for run in runs}
    untrained = {f"seed {seed}": initialise(make, seed) for seed in seeds}
    layers = recipe.layers(settings)
    subjects = _by_layer(kind, recipe, layers, inputs, trained, untrained)
    if inputs.pooled is not None:
        middle = layers[middle_of(len(layers))]
        subjects.append(_pooled(kind, middle, inputs.pooled, trained, untrained))
    return subjects


def middle_of(n_layers: int) -> int:
    """Return the layer in the middle: the last of the first half.

    Examples
    --------
    >>> middle_of(4), middle_of(1)
    (1, 0)
    """
    return (n_layers - 1) // 2


def _by_layer(
    kind: str,
    recipe: Recipe,
    layers: Sequence[str],
    inputs: Inputs,
    trained: Mapping[str, Any],
    untrained: Mapping[str, Any],
) -> list[Subject]:
    runs, controls = (
        {name: layer_rows(model, inputs.test, layers, recipe) for name, model in of.items()}
        for of in (trained, untrained)
    )
    chosen = len(layers) - 1 if recipe.last else middle_of(len(layers))
    return [
        Subject(
            KINDS.get(kind, kind),
            MODELS[kind],
            layer,
            {name: rows[layer] for name, rows in runs.items()},
            {name: rows[layer] for name, rows in controls.items()},
            inputs.nuisances,
            headline=number == chosen,
        )
        for number, layer in enumerate(layers)
    ]


def layer_rows(
    model: Any, inputs: NDArray[Any], layers: Sequence[str], recipe: Recipe
) -> dict[str, NDArray[np.float32]]:
    """Return the rows of layers by name: of tokens, all but those that the recipe skips."""
    found = embed(model, inputs, layers=layers, pool=recipe.pool, batch_size=BATCH)
    rows = {name: np.asarray(found.layers[name]) for name in layers}
    if not recipe.skip:
        return rows
    # leave out the tokens at the front of each input
    return {
        name: z.reshape(len(inputs), -1, z.shape[1])[:, recipe.skip :].reshape(-1, z.shape[1])
        for name, z in rows.items()
    }


def _pooled(
    kind: str,
    layer: str,
    inputs: NDArray[Any],
    trained: Mapping[str, Any],
    untrained: Mapping[str, Any],
) -> Subject:
    recipe = Recipe(TRAINED[kind].factory, {}, TRAINED[kind].layers, "mean")
    runs, controls = (
        {name: layer_rows(model, inputs, [layer], recipe)[layer] for name, model in of.items()}
        for of in (trained, untrained)
    )
    return Subject(kind, MODELS[kind], POOLED, runs, controls)
