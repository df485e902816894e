"""Biology apart from batch: what a representation keeps of each on batches that were held out."""

from nearid.deconfounding.attribution import attribute_components
from nearid.deconfounding.attribution_result import Attribution, ComponentFilter
from nearid.deconfounding.classifiers import CLASSIFIERS
from nearid.deconfounding.correction import Correction, correct
from nearid.deconfounding.correctors import METHODS
from nearid.deconfounding.evaluation import evaluate
from nearid.deconfounding.nap import NuisanceProjection
from nearid.deconfounding.profiles import Profiles, as_profiles
from nearid.deconfounding.result import Deconfounding
from nearid.deconfounding.shares import group_shares
from nearid.deconfounding.tvn import TypicalVariationNormalizer

__all__ = [
    "CLASSIFIERS",
    "METHODS",
    "Attribution",
    "ComponentFilter",
    "Correction",
    "Deconfounding",
    "NuisanceProjection",
    "Profiles",
    "TypicalVariationNormalizer",
    "as_profiles",
    "attribute_components",
    "correct",
    "evaluate",
    "group_shares",
]
