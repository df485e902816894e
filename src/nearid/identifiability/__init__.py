"""Whether a representation is the same every time (statistical), and right (structural)."""

from nearid.identifiability.consensus import consensus
from nearid.identifiability.consensus_result import Consensus
from nearid.identifiability.layerwise import layerwise
from nearid.identifiability.layerwise_result import Layerwise
from nearid.identifiability.result import Correlations, StatisticalIdentifiability
from nearid.identifiability.runs import RunSummary
from nearid.identifiability.statistical import statistical_identifiability
from nearid.identifiability.structural import structural_identifiability
from nearid.identifiability.structural_result import StructuralIdentifiability

__all__ = [
    "Consensus",
    "Correlations",
    "Layerwise",
    "RunSummary",
    "StatisticalIdentifiability",
    "StructuralIdentifiability",
    "consensus",
    "layerwise",
    "statistical_identifiability",
    "structural_identifiability",
]
