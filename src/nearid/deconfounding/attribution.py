"""What each component of an ICA varies with: batch, biology, position, or nothing that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from nearid.deconfounding.attribution_result import Attribution
from nearid.deconfounding.permutations import permutation_p
from nearid.deconfounding.profiles import Profiles, as_profiles, as_text
from nearid.deconfounding.shares import share_of_sums, summed
from nearid.errors import InputError
from nearid.ica.estimator import LatentICA
from nearid.rows import Rows

__all__ = ["attribute_components"]

Array = NDArray[np.float64]
Labels = NDArray[np.str_]

#: A numeric covariate of more values than this is cut into as many groups of equal size.
MOST_GROUPS = 20


@dataclass(frozen=True, eq=False)
class Components:
    """The components of rows, computed when they are read."""

    ica: LatentICA
    rows: Rows

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and components."""
        return len(self.rows), int(self.ica.n_components_)

    @property
    def dtype(self) -> np.dtype[np.float64]:
        """Type of the numbers."""
        return np.dtype(np.float64)

    def __getitem__(self, picked: slice | NDArray[np.intp]) -> Array:
        if isinstance(picked, slice):
            start, stop, _ = picked.indices(len(self.rows))
            chunk = self.rows.read(start, stop)
        else:
            chunk = self.rows.take(picked).read(0, len(picked))
        return _components(chunk, self.ica.mean_, self.ica.components_)

    @property
    def edges(self) -> tuple[int, ...] | None:
        """Where the partitions of Dask begin, as of :attr:`nearid.rows.Rows.edges`."""
        return self.rows.edges

    def delayed(self, picked: slice | NDArray[np.intp]) -> Any:
        """Return a slice, or chosen rows, as a task of Dask."""
        from nearid.sources.dask import after

        if isinstance(picked, slice):
            start, stop, _ = picked.indices(len(self.rows))
            lazy = self.rows.delayed(start, stop)
        else:
            lazy = self.rows.take(picked).delayed(0, len(picked))
        return after(_components, lazy, self.ica.mean_, self.ica.components_)


def _components(chunk: NDArray[Any], mean: Array, unmixing: Array) -> Array:
    return np.asarray((np.asarray(chunk, dtype=np.float64) - mean) @ unmixing.T)


def attribute_components(
    ica: LatentICA,
    profiles: Any,
    *,
    batch: str,
    label: str,
    covariates: Sequence[str] = (),
    unit: str | None = None,
    n_folds: int = 5,
    n_permutations: int = 499,
    max_rows: int = 20_000,
    representation: str | None = None,
    n_jobs: int = 1,
    random_state: int = 0,
) -> Attribution:
    """Say for each component which share of its variance batch, label and covariates explain.

    Shares are cross-validated (:func:`nearid.deconfounding.group_shares`): 0 at chance, 1 if the
    grouping says everything. They come from one pass over the rows, in chunks. They overlap where
    groupings do: a label that is not crossed with batches takes part of the batch's share.

    The p-values are of restricted permutations: the batch is permuted among rows of one label,
    the label and the covariates among rows of one batch. They are computed on at most ``max_rows``
    rows, drawn at random.

    Parameters
    ----------
    ica : LatentICA
        Fitted, on these features in this order.
    profiles : DataFrame (of pandas or Dask), AnnData, path or Profiles
    batch, label : str
        Columns.
    covariates : sequence of str
        Further columns, such as the position on the plate. Numbers of more than twenty different
        values are cut into twenty groups of equal size.
    unit : str, optional
        The column of what was treated as one, such as the well when rows are cells: whole units are
        left out and permuted. Rows count as independent if it is not given.
    n_folds : int, default 5
    n_permutations : int, default 499
        The smallest p-value is one over this plus one.
    max_rows : int, default 20,000
    representation : str, optional
        Of an AnnData object, the entry of ``obsm`` that is meant, or "X".
    n_jobs : int, default 1
    random_state : int, default 0

    Returns
    -------
    Attribution

    Raises
    ------
    InputError
        If columns are missing or incomplete, or the features are not those of the ICA.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> plate = np.repeat(list("abcd"), 250)
    >>> sources = rng.laplace(size=(1000, 3)) + np.outer(plate < "c", [4.0, 0, 0])
    >>> frame = pd.DataFrame(sources @ rng.normal(size=(3, 3))).add_prefix("f")
    >>> frame["Metadata_Plate"], frame["Metadata_Drug"] = plate, np.tile(["x", "y"], 500)
    >>> ica = LatentICA(random_state=0).fit(frame.filter(like="f").to_numpy())
    >>> found = attribute_components(ica, frame, batch="Metadata_Plate", label="Metadata_Drug")
    >>> int((found.to_frame()["Metadata_Plate"] > 0.5).sum())
    1
    """
    check_is_fitted(ica)
    opened = as_profiles(
        profiles, described_by=[batch, label, unit, *covariates], representation=representation
    )
    if opened.rows.n_columns != ica.n_features_in_:
        raise InputError(
            f"{opened.rows.name} has {opened.rows.n_columns} features, but the ICA was fitted on "
            f"{ica.n_features_in_}; give it the same ones in the same order"
        )
    groupings = _groupings(opened, batch, label, covariates)
    units = _units(opened, batch, unit)
    rng = np.random.default_rng(random_state)
    part = _folds(units, n_folds, rng)
    components = Rows(Components(ica, opened.rows), name=opened.rows.name)
    table = pd.DataFrame({"component": [f"ica{j}" for j in range(ica.n_components_)]})
    for name, groups in groupings.items():
        member = np.unique(groups, return_inverse=True)[1]
        table[name] = share_of_sums(*summed(components, member, part, n_jobs=n_jobs))
    chosen = np.sort(rng.permutation(len(opened))[:max_rows])
    codes = components.take(chosen).read(0, len(chosen))
    for name, groups in groupings.items():
        within = groupings[label] if name == batch else groupings[batch]
        table[f"p_{name}"] = permutation_p(
            codes,
            groups[chosen],
            within=within[chosen],
            units=units[chosen],
            n_permutations=n_permutations,
            rng=rng,
        )
    return Attribution(
        table,
        ica,
        batch=batch,
        label=label,
        covariates=tuple(covariates),
        features=opened.rows.columns,
        warnings=tuple(_cautions(opened, batch, unit, len(chosen))),
    )


def _groupings(
    profiles: Profiles, batch: str, label: str, covariates: Sequence[str]
) -> dict[str, Labels]:
    found = {batch: profiles.column(batch, "batch"), label: profiles.column(label, "label")}
    for name in covariates:
        text = profiles.column(name, "covariate")
        column = profiles.metadata[name]
        if pd.api.types.is_numeric_dtype(column) and column.nunique() > MOST_GROUPS:
            text = as_text(pd.qcut(column, MOST_GROUPS, labels=False, duplicates="drop"))
        found[name] = text
    for name in (batch, label):
        if len(np.unique(found[name])) < 2:
            raise InputError(f"every row has the {name} {found[name][0]}: it can explain nothing")
    return found


def _units(profiles: Profiles, batch: str, unit: str | None) -> NDArray[np.intp]:
    """Return which rows belong together, as numbers."""
    if unit is None:
        return np.arange(len(profiles))
    pairs = pd.DataFrame(
        {"batch": profiles.column(batch, "batch"), "unit": profiles.column(unit, "unit")}
    )
    return np.asarray(pairs.groupby(["batch", "unit"], sort=False).ngroup(), dtype=np.intp)


def _folds(units: NDArray[np.intp], n_folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    n_units = int(units.max()) + 1
    if not 2 <= n_folds <= n_units:
        raise InputError(
            f"n_folds must be from 2 to the number of independent rows or units, {n_units}; got "
            f"{n_folds!r}"
        )
    return np.asarray((rng.permutation(n_units) % n_folds)[units], dtype=np.intp)


def _cautions(profiles: Profiles, batch: str, unit: str | None, n_permuted: int) -> list[str]:
    said = []
    if n_permuted < len(profiles):
        said.append(f"p-values are of {n_permuted} rows, drawn at random from {len(profiles)}")
    wells = [c for c in profiles.metadata if "well" in str(c).lower()]
    if unit is None and wells:
        pairs = profiles.metadata[[batch, str(wells[0])]]
        if bool(pairs.duplicated().any()):
            said.append(
                f"several rows share a batch and a {wells[0]}: they are not independent, and the "
                f"p-values are too small; pass unit={str(wells[0])!r}"
            )
    return said
