"""Profiles without their technical components, to keep and to go on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nearid.deconfounding.attribution import attribute_components
from nearid.deconfounding.attribution_result import Attribution, ComponentFilter
from nearid.deconfounding.correctors.components import TECHNICAL
from nearid.deconfounding.profiles import Profiles, as_profiles
from nearid.deconfounding.scaling import Scale, fit_scale
from nearid.errors import InputError
from nearid.ica.estimator import LatentICA
from nearid.io.location import listing
from nearid.rows import Rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Correction", "correct"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Correction:
    """Components of profiles, and those of them that are kept.

    Parameters
    ----------
    values : ndarray, shape (n, k)
        The kept components of the profiles.
    names : tuple of str
        ``ica0`` and so on; a gap is a component that was left out.
    attribution : Attribution
        What each component varies with.
    scale : Scale
    filter : ComponentFilter
        Takes scaled rows.
    """

    values: Array
    names: tuple[str, ...]
    attribution: Attribution
    scale: Scale
    filter: ComponentFilter

    def transform(self, rows: Any) -> Array:
        """Return the kept components of further rows, such as a new plate's, shape (m, k).

        Parameters
        ----------
        rows : array or DataFrame, shape (m, D)
            The same features in the same order; of a frame the columns that have their names,
            whatever else it holds.

        Raises
        ------
        InputError
            If a frame lacks features.
        """
        names = self.attribution.features
        if hasattr(rows, "iloc") and names is not None:
            rows = _named(rows, names, self.scale)
        table = np.asarray(rows, dtype=np.float64)
        return np.asarray(self.filter.transform(Rows(self.scale.apply(table))))


def correct(
    profiles: Any,
    *,
    batch: str,
    label: str,
    covariates: Sequence[str] = (),
    unit: str | None = None,
    n_components: int | float | str | None = None,
    scaling: str = "none",
    threshold: float = TECHNICAL,
    n_permutations: int = 499,
    representation: str | None = None,
    n_jobs: int = 1,
    random_state: int = 0,
) -> Correction:
    """Fit an ICA to profiles, see what each component varies with, and drop the technical ones.

    The ICA sees no label and no batch. Whether anything is gained is for
    :func:`nearid.deconfounding.evaluate` to say, on batches that were held out.

    Parameters
    ----------
    profiles, batch, label, covariates, unit, n_permutations, representation, n_jobs, random_state
        As in :func:`nearid.deconfounding.attribute_components`.
    n_components : int, float in (0, 1), "stable" or None
        As in :class:`nearid.LatentICA`.
    scaling : {"none", "standard", "robust"}, default "none"
    threshold : float, default 0.1
        A component is technical if the batch explains this share of its variance or more, and more
        than the label.

    Returns
    -------
    Correction

    Raises
    ------
    InputError
        If columns are missing, values are not finite, or every component is technical.

    Examples
    --------
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> plate = np.repeat(list("abcd"), 100)
    >>> frame = pd.DataFrame(rng.laplace(size=(400, 3)) + np.outer(plate < "c", [4, 0, 0]))
    >>> frame["Metadata_Plate"], frame["Metadata_Drug"] = plate, np.tile(["x", "y"], 200)
    >>> found = correct(frame, batch="Metadata_Plate", label="Metadata_Drug", random_state=0)
    >>> found.values.shape
    (400, 2)
    """
    opened = as_profiles(
        profiles, described_by=[batch, label, unit, *covariates], representation=representation
    )
    values = opened.values()
    scale = fit_scale(values.astype(np.float64, copy=False), scaling)
    rows = _scaled(opened.rows, values, scale)
    ica = LatentICA(n_components, n_jobs=n_jobs, random_state=random_state).fit(rows)
    attribution = attribute_components(
        ica,
        Profiles(rows, opened.metadata),
        batch=batch,
        label=label,
        covariates=covariates,
        unit=unit,
        n_permutations=n_permutations,
        n_jobs=n_jobs,
        random_state=random_state,
    )
    keep = attribution.drop_technical(threshold)
    names = tuple(f"ica{j}" for j in keep.kept_)
    return Correction(keep.transform(rows), names, attribution, scale, keep)


def _named(frame: pd.DataFrame, names: Sequence[str], scale: Scale) -> Array:
    """Return the features of a frame in their order, and 0 for those that the scale leaves out."""
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    lacking = [name for name in names if name not in frame]
    if lacking:
        raise InputError(
            f"the rows lack {len(lacking)} of the {len(names)} features of the profiles, such as "
            f"{lacking[0]!r}; they have {listing(list(frame.columns))}"
        )
    table = np.zeros((len(frame), len(scale.kept)))
    table[:, scale.kept] = frame[list(names)]
    return table


def _scaled(rows: Rows, values: Array, scale: Scale) -> Rows:
    columns = rows.columns
    if columns is not None:
        columns = tuple(name for name, kept in zip(columns, scale.kept, strict=True) if kept)
    table = scale.apply(values).astype(values.dtype if values.dtype.kind == "f" else np.float64)
    return replace(rows, source=table, columns=columns, order=None)
