"""Whether a representation is the same every time (statistical), and right (structural)."""

from nearid.identifiability.result import Correlations, StatisticalIdentifiability
from nearid.identifiability.runs import RunSummary
from nearid.identifiability.statistical import statistical_identifiability

__all__ = [
    "Correlations",
    "RunSummary",
    "StatisticalIdentifiability",
    "statistical_identifiability",
]
