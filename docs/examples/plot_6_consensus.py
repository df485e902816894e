"""
One representation from many runs
=================================

Each of six runs sees eight factors from a direction of its own, with noise of its own.
``nearid.consensus`` brings them into one frame, and takes the ICA of their mean.
"""

import numpy as np
from matplotlib.figure import Figure

import nearid
from nearid.metrics import mcc

rng = np.random.default_rng(0)
factors = rng.laplace(size=(4000, 8)) * np.linspace(1, 2, 8)
runs = [
    factors @ np.linalg.qr(rng.standard_normal((8, 8)))[0] + 0.7 * rng.standard_normal((4000, 8))
    for _ in range(6)
]

# %%
# How near the components come to the true factors (MCC, on rows that nothing was fitted to): of
# single runs, each by its own ICA, and of the consensus of the first two, three, …, six.

fitted, held_out = np.arange(2000), np.arange(2000, 4000)


def of_consensus(number):
    """Return the MCC of the consensus of that many runs, on rows that were held out."""
    found = nearid.consensus(
        [run[fitted] for run in runs[:number]],
        n_components=8,
        n_bootstrap=2,
        n_null=1,
        check_replication=False,
        random_state=0,
    )
    codes = found.transform_mean([run[held_out] for run in runs[:number]])
    return mcc(factors[held_out], codes, random_state=0).value


single = [
    mcc(
        factors[held_out],
        nearid.LatentICA(8, random_state=0).fit(run[fitted]).transform(run[held_out]),
        random_state=0,
    ).value
    for run in runs
]
numbers = range(2, 7)
figure = Figure(figsize=(6, 3.6), layout="constrained")
axes = figure.add_subplot()
axes.plot([1] * 6, single, "o", color="#b84a00", label="single runs")
axes.plot(numbers, [of_consensus(number) for number in numbers], "o-", label="consensus")
axes.set(xlabel="runs in the consensus", ylabel="MCC with the true factors")
axes.legend(frameon=False, loc="lower right")
figure

# %%
# Most of this is noise that averages out. What one frame adds is that each run's share in it can be
# read: how well every run reproduces each component, measured against the mean of the *others*.

shared = nearid.consensus(runs, n_components=8, random_state=0)
print(f"{shared.n_reproduced} of {shared.n_components} components in every run")
shared.components.iloc[:, :6].round(3)
