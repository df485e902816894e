"""Structural metrics: is a representation right, given factors? One file per metric."""

from nearid.metrics.all_metrics import all_metrics
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
from nearid.metrics.registry import METRICS
from nearid.metrics.sap import sap
from nearid.metrics.score import Score
from nearid.metrics.subspace_infom import subspace_infom
from nearid.metrics.subspaces import subspaces

__all__ = [
    "METRICS",
    "Score",
    "all_metrics",
    "betavae_score",
    "compactness",
    "dci",
    "explicitness",
    "factorvae_score",
    "hoyer_sparsity",
    "infomec",
    "irs",
    "mcc",
    "mig",
    "modularity",
    "r2",
    "sap",
    "subspace_infom",
    "subspaces",
]
