"""Measure whether a learned representation is the same every time, and whether it is right."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nearid.decoder.bilipschitz import bilipschitz
    from nearid.decoder.result import BiLipschitz
    from nearid.errors import InputError, MissingExtraError, NearIdError
    from nearid.groups import (
        GROUPS,
        Identity,
        Linear,
        Rigid,
        SignedPermutation,
        Similarity,
        Transformation,
    )
    from nearid.ica.estimator import LatentICA
    from nearid.ica.module import fold_into
    from nearid.identifiability import (
        Consensus,
        Layerwise,
        StatisticalIdentifiability,
        StructuralIdentifiability,
        statistical_identifiability,
        structural_identifiability,
    )
    from nearid.identifiability.consensus import consensus
    from nearid.identifiability.layerwise import layerwise
    from nearid.rows import Chunks, Rows, as_rows, fold

__version__ = "0.1.0"

__all__ = [
    "GROUPS",
    "BiLipschitz",
    "Chunks",
    "Consensus",
    "Identity",
    "InputError",
    "LatentICA",
    "Layerwise",
    "Linear",
    "MissingExtraError",
    "NearIdError",
    "Rigid",
    "Rows",
    "SignedPermutation",
    "Similarity",
    "StatisticalIdentifiability",
    "StructuralIdentifiability",
    "Transformation",
    "as_rows",
    "bilipschitz",
    "consensus",
    "fold",
    "fold_into",
    "layerwise",
    "statistical_identifiability",
    "structural_identifiability",
]

#: Where each public name lives.  They are loaded when first asked for, so that ``import nearid``
#: costs next to nothing and brings neither scikit-learn nor pandas.
_HOME = {
    "BiLipschitz": "nearid.decoder",
    "Chunks": "nearid.rows",
    "Consensus": "nearid.identifiability",
    "InputError": "nearid.errors",
    "LatentICA": "nearid.ica.estimator",
    "Layerwise": "nearid.identifiability",
    "MissingExtraError": "nearid.errors",
    "NearIdError": "nearid.errors",
    "Rows": "nearid.rows",
    "StatisticalIdentifiability": "nearid.identifiability",
    "StructuralIdentifiability": "nearid.identifiability",
    "as_rows": "nearid.rows",
    "bilipschitz": "nearid.decoder",
    "consensus": "nearid.identifiability",
    "fold": "nearid.rows",
    "fold_into": "nearid.ica.module",
    "layerwise": "nearid.identifiability",
    "statistical_identifiability": "nearid.identifiability",
    "structural_identifiability": "nearid.identifiability",
}

#: The packages, which may be named without an import of their own, as ``nearid.report``.
_PACKAGES = (
    "datasets",
    "decoder",
    "deconfounding",
    "embed",
    "groups",
    "ica",
    "identifiability",
    "io",
    "metrics",
    "models",
    "plots",
    "report",
)


def __getattr__(name: str) -> Any:
    """Load a public name from its home, or a package."""
    if name in _PACKAGES:
        return import_module(f"nearid.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME.get(name, "nearid.groups")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names and packages, loaded or not."""
    return sorted({*globals(), *__all__, *_PACKAGES})
