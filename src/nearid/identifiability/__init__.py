"""Whether a representation is the same every time (statistical), and right (structural)."""

from nearid.identifiability.result import Correlations, StatisticalIdentifiability
from nearid.identifiability.runs import RunSummary
from nearid.identifiability.statistical import statistical_identifiability
from nearid.identifiability.structural import structural_identifiability
from nearid.identifiability.structural_result import StructuralIdentifiability

__all__ = [
    "Correlations",
    "RunSummary",
    "StatisticalIdentifiability",
    "StructuralIdentifiability",
    "statistical_identifiability",
    "structural_identifiability",
]
