"""Every structural metric by its name."""

from collections.abc import Callable

from nearid.metrics.betavae_score import betavae_score
from nearid.metrics.compactness import compactness
from nearid.metrics.dci import dci
from nearid.metrics.explicitness import explicitness
from nearid.metrics.factorvae_score import factorvae_score
from nearid.metrics.hoyer_sparsity import hoyer_sparsity
from nearid.metrics.infomec import infomec
from nearid.metrics.irs import irs
from nearid.metrics.mcc import mcc
from nearid.metrics.mig import mig
from nearid.metrics.modularity import modularity
from nearid.metrics.r2 import r2
from nearid.metrics.sap import sap
from nearid.metrics.score import Score

__all__ = ["METRICS"]

#: Every metric by its name: ``metric(factors, codes, *, n_shuffles=1, random_state=None, …)``.
METRICS: dict[str, Callable[..., Score]] = {
    metric.__name__: metric
    for metric in (
        infomec,
        mig,
        sap,
        modularity,
        explicitness,
        dci,
        irs,
        factorvae_score,
        betavae_score,
        mcc,
        r2,
        hoyer_sparsity,
        compactness,
    )
}
