"""The parameters of ``LatentICA``, checked."""

from __future__ import annotations

import os
from numbers import Integral, Real
from typing import TYPE_CHECKING

from nearid.errors import InputError
from nearid.ica.contrasts import contrast_named
from nearid.ica.settings import Settings

if TYPE_CHECKING:
    from nearid.ica.estimator import LatentICA

__all__ = ["settings_of"]


def settings_of(ica: LatentICA) -> Settings:
    """Check the parameters that do not depend on the data, and return them as settings.

    Parameters
    ----------
    ica : LatentICA

    Raises
    ------
    InputError
        If one is not as described.
    """
    contrast_named(ica.contrast)
    if not (isinstance(ica.tolerance, Real) and ica.tolerance > 0):
        raise InputError(f"tolerance must be a positive angle in radians, got {ica.tolerance!r}")
    for name, least in (("max_passes", 2), ("n_init", 1)):
        given = getattr(ica, name)
        if not isinstance(given, Integral) or given < least:
            raise InputError(f"{name} must be at least {least}, a whole number, got {given!r}")
    if ica.solver not in ("nearid", "jade", "picard"):
        raise InputError(f"solver must be nearid, jade or picard, got {ica.solver!r}")
    if isinstance(ica.n_components, str) and ica.n_components != "stable":
        raise InputError(
            f'n_components must be a number, None or "stable", got {ica.n_components!r}'
        )
    if ica.checkpoint is not None and ica.random_state is None:
        raise InputError(
            "a fit that can go on after a kill needs a seed: pass random_state, a whole number"
        )
    return Settings(
        contrast=ica.contrast,
        tolerance=ica.tolerance,
        max_passes=ica.max_passes,
        n_init=ica.n_init,
        n_jobs=ica.n_jobs,
        compiled=ica.compiled,
        device=ica.device,
        memory_limit=ica.memory_limit,
        solver=ica.solver,
        checkpoint=None if ica.checkpoint is None else os.fspath(ica.checkpoint),
    )
