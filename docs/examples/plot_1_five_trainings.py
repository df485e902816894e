"""
Five trainings of one network
=============================

The package ships the 300-dimensional embeddings of 1,400 approved drugs by five networks that were
trained for one task: what ``nearid demo`` compares. Are they the same representation, and up to
what?
"""

from importlib.resources import as_file, files

import numpy as np

import nearid
from nearid import plots

with as_file(files("nearid") / "data" / "admet_members.npz") as path, np.load(path) as archive:
    runs = {name: archive[name].astype(np.float32) for name in archive if name != "molecule"}

result = nearid.statistical_identifiability(
    runs, n_components=32, n_null=3, n_random=2, random_state=0
)
print(result.summary())

# %%
# Each rung of the ladder allows the maps of one group between two runs. The error ε of a rung is
# held out, in units of the target's diameter; chance is the ε of the same fit after the rows were
# shuffled, and the zone at the left is what is within the tolerance. Here nothing is: even a linear
# map leaves a part of chance, so these five are related, and not interchangeable.

plots.ladder_figure(result)

# %%
# In the whitened frame the PCA axes of each run, its ICA, and the best rotation (which alone sees
# both runs) can be compared with each other. ICA efficiency is how far ICA gets on the way from
# the first to the last.

print(f"{result.ica_efficiency:.0%}", [f"{end:.0%}" for end in result.ica_efficiency_ci])

# %%
# One typical pair: every cell is a held-out \|correlation\| between a coordinate of one run and a
# coordinate of the other, best matches on the diagonal.

plots.correlations_figure(result)

# %%
# An efficiency is a mean over components, and does not say that single ones can be trusted. How
# well each component finds a partner in the other runs is the next question. Only the few at the
# left are nearly the same every time.

plots.components_figure(result)
