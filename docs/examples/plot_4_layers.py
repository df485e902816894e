"""
Two classifiers, layer by layer
===============================

Two perceptrons of one architecture learn scikit-learn's handwritten digits from different starts.
Where along their depth are they the same, and up to what?
"""

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import nearid
from nearid import plots

digits = load_digits()
images = digits.data / 16


def activations(seed):
    """Train a network, and return the rows that each of its layers makes of all digits."""
    network = MLPClassifier((48, 48, 48), max_iter=60, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is stopped before it has converged, on purpose
        network.fit(images[:1200], digits.target[:1200])
    rows, layers = images, {}
    for depth, (weights, bias) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        rows = rows @ weights + bias
        last = depth == len(network.coefs_) - 1
        rows = rows if last else np.maximum(rows, 0)
        layers["logits" if last else f"hidden {depth + 1}"] = rows
    return layers


found = nearid.layerwise(
    activations(0),
    activations(1),
    names=("seed 0", "seed 1"),
    n_components=8,
    n_bootstrap=50,
    n_null=2,
    n_random=1,
    random_state=0,
)
found.layers.round(3)

# %%
# The ladder along the depth, each error as a share of chance. Single units mean the same at the
# logits alone, where the task says which is which. A linear map, or a rotation, brings every layer
# most of the way. ICA efficiency is negative: principal axes match better than components do, so
# of these layers no component should be interpreted.

plots.depth_figure(found)

# %%
# All pairs of layers, up to a rotation: is each layer closest to its namesake?

plots.layer_pairs_figure(found)
