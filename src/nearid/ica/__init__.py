"""Independent component analysis, one pass over the rows at a time."""

from typing import TYPE_CHECKING, Any

from nearid.ica.solver import Rotation, solve
from nearid.ica.whitening import Whitening, whitening

if TYPE_CHECKING:
    from nearid.ica.estimator import LatentICA

__all__ = ["LatentICA", "Rotation", "Whitening", "solve", "whitening"]


def __getattr__(name: str) -> Any:
    """Import the estimator when it is asked for: scikit-learn brings pandas with it."""
    if name == "LatentICA":
        from nearid.ica.estimator import LatentICA

        return LatentICA
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
