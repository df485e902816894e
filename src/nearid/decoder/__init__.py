"""How near a decoder is to an isometry, and what that implies for its latents (Theorem 1)."""

from nearid.decoder.bilipschitz import bilipschitz
from nearid.decoder.jacobian import pullback_metric
from nearid.decoder.procrustes import ProcrustesBound, procrustes_bound
from nearid.decoder.result import BiLipschitz
from nearid.decoder.worst_case import WorstCase, worst_case

__all__ = [
    "BiLipschitz",
    "ProcrustesBound",
    "WorstCase",
    "bilipschitz",
    "procrustes_bound",
    "pullback_metric",
    "worst_case",
]
