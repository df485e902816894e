"""What a user is warned of after a fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nearid.ica.fitting import Fit
from nearid.ica.settings import Settings

__all__ = ["few_rows", "not_converged", "outliers"]

#: Names of components in a warning, at most.
NAMED = 8
#: Rows per component below which a warning is due.
FEW_ROWS = 3
#: Kurtosis, at least and as a part of the number of rows (which it cannot exceed), from which a few
#: rows carry a component.
OUTLIERS = 100.0
OUTLIERS_PART = 0.02


def few_rows(fit: Fit, n_rows: int) -> str | None:
    """Say that there are too few rows for what was asked."""
    k = len(fit.unmixing)
    if n_rows >= FEW_ROWS * k:
        return None
    return (
        f"there are {n_rows} rows for {k} components: in so many dimensions any cloud so small has "
        f"non-Gaussian directions, and what was found is most likely chance; bring more rows, or "
        f"keep fewer components"
    )


def outliers(fit: Fit, n_rows: int) -> str | None:
    """Say that a few rows carry some components."""
    kurtosis = fit.components.kurtosis
    carried = np.flatnonzero(kurtosis > max(OUTLIERS, OUTLIERS_PART * n_rows))
    if not len(carried):
        return None
    return (
        f"a few rows carry most of the variance of {_named(carried)} (kurtosis up to "
        f"{kurtosis.max():.3g} of at most {n_rows}), so that whitening and rotation follow those "
        f"rows; look for errors in them, or clip or rank-transform the columns first, and try "
        f"several starts (n_init), for there are local optima"
    )


def not_converged(fit: Fit, settings: Settings) -> str | None:
    """Say which components are not at the optimum."""
    if fit.converged:
        return None
    late = np.flatnonzero(fit.angles > settings.tolerance)
    worst = late[np.argsort(-fit.angles[late])]
    which = _named(worst) if len(worst) else "components that look Gaussian"
    remedy = "raise max_passes, or keep fewer components"
    if fit.stuck:
        remedy = "no step lowers the loss any more: raise the tolerance, or give float64"
    return (
        f"ICA did not converge in {fit.n_passes} passes: {which} of {len(fit.angles)} components "
        f"may still have to turn by {fit.angles.max():.2g} rad (tolerance "
        f"{settings.tolerance:g}); {remedy}"
    )


def _named(components: NDArray[np.intp]) -> str:
    names = ", ".join(f"ica{i}" for i in components[:NAMED])
    return f"{names} and {len(components) - NAMED} more" if len(components) > NAMED else names
