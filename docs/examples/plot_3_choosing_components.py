"""
How many components?
====================

Whitening divides by the deviation of every axis that is kept, so an axis of noise that is kept is
as loud as a factor. Eight factors lie in 40 dimensions, with noise in all of them: three ways to
choose.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nearid import LatentICA
from nearid.metrics import infomec, mcc

rng = np.random.default_rng(0)
factors = rng.uniform(-1, 1, size=(5000, 8)) * np.linspace(1, 2, 8)
data = factors @ np.linalg.qr(rng.standard_normal((40, 8)))[0].T
data += 0.1 * rng.standard_normal(data.shape)

# %%
# By hand, as many as explain 99 % of the variance, and ``"stable"``: the largest set of components
# of which each is found again on disjoint halves of the rows. None of them sees a factor; the last
# two columns do, and say what the choice was worth: MCC, times the share of factors that have a
# component at all, and InfoM, which asks that every component be about one factor.

levels = np.digitize(factors / np.abs(factors).max(axis=0), [-0.6, -0.2, 0.2, 0.6])
rows = []
for choice in (4, 8, 24, 0.99, "stable"):
    ica = LatentICA(choice, random_state=0).fit(data)
    codes = ica.transform(data)
    rows.append(
        {
            "asked for": choice,
            "kept": ica.n_components_,
            "come back": int((ica.components_report_["replication"] > 0.9).sum()),
            "MCC × coverage": mcc(factors, codes, random_state=0).parts["coverage"],
            "InfoM": infomec(levels, codes, random_state=0).parts["infom"],
        }
    )
pd.DataFrame(rows).round(3)

# %%
# How many come back, by the number that is kept. Too few lose factors, and too many add axes that
# are noise. Each point costs three fits: of all rows, and of two halves.

numbers = [2, 4, 6, 8, 10, 14, 20, 28]
reports = [LatentICA(k, random_state=0).fit(data).components_report_ for k in numbers]
replicate = [int((report["replication"] > 0.9).sum()) for report in reports]
figure = Figure(figsize=(6, 3.6), layout="constrained")
axes = figure.add_subplot()
axes.plot(numbers, numbers, color="0.75", label="kept")
axes.plot(numbers, replicate, "o-", color="#0067a5", label="come back on other rows")
axes.axvline(8, color="0.6", linestyle=":", label="true factors")
axes.set(xlabel="components that are kept", ylabel="components")
axes.legend(frameon=False)
figure
