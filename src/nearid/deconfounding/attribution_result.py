"""Components with what explains them, and a transformer that leaves out the technical ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from nearid.deconfounding.words import in_words
from nearid.errors import InputError
from nearid.ica.estimator import LatentICA
from nearid.plain import records
from nearid.rows import as_rows

__all__ = ["Attribution", "ComponentFilter"]

Array = NDArray[Any]


class ComponentFilter(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted ICA without some of its components.

    Parameters
    ----------
    ica : LatentICA
        Fitted.
    dropped : sequence of int
        Components that are left out.
    output : {"components", "features"}, default "components"
        The other components; or features, less what the dropped components add to them.

    Examples
    --------
    >>> X = np.random.default_rng(0).laplace(size=(500, 3))
    >>> ica = LatentICA(random_state=0).fit(X)
    >>> ComponentFilter(ica, [0]).fit().transform(X).shape
    (500, 2)
    """

    def __init__(self, ica: LatentICA, dropped: Any = (), *, output: str = "components") -> None:
        self.ica = ica
        self.dropped = dropped
        self.output = output

    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Take over the ICA, which is fitted; nothing is learned here.

        Raises
        ------
        InputError
            If a component does not exist, none is left, or the output is not as described.
        """
        check_is_fitted(self.ica)
        k = self.ica.n_components_
        dropped = {int(j) for j in self.dropped}
        if not dropped <= set(range(k)) or len(dropped) == k:
            raise InputError(
                f"dropped must be some, not all, of the components 0 to {k - 1}; got "
                f"{sorted(dropped)}"
            )
        if self.output not in ("components", "features"):
            raise InputError(f'output must be "components" or "features", got {self.output!r}')
        self.dropped_ = np.array(sorted(dropped), dtype=np.intp)
        self.kept_ = np.setdiff1d(np.arange(k), self.dropped_)
        self.n_features_in_ = self.ica.n_features_in_
        return self

    def transform(self, X: Any) -> Array:
        """Return rows without the dropped components; float32 stays float32.

        Parameters
        ----------
        X : array, DataFrame, Rows or path, shape (n, D)
        """
        check_is_fitted(self, "kept_")
        codes = np.asarray(self.ica.transform(X))
        if self.output == "components":
            return codes[:, self.kept_]
        removed = codes[:, self.dropped_] @ self.ica.mixing_[:, self.dropped_].T
        rows = as_rows(X)
        values = rows.read(0, len(rows)).astype(codes.dtype, copy=False)
        return np.asarray(values - removed.astype(codes.dtype, copy=False))

    @property
    def _n_features_out(self) -> int:
        return len(self.kept_) if self.output == "components" else int(self.n_features_in_)


@dataclass(frozen=True, eq=False)
class Attribution:
    """Which share of each component's variance every grouping explains, on rows left out.

    Parameters
    ----------
    table : DataFrame
        A row per component: ``component``, a share under the name of each column, and ``p_`` of it.
    ica : LatentICA
    batch, label : str
    covariates : tuple of str
    features : tuple of str, optional
        Names of the features.
    warnings : tuple of str
    """

    table: pd.DataFrame
    ica: LatentICA
    batch: str
    label: str
    covariates: tuple[str, ...]
    features: tuple[str, ...] | None
    warnings: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per component: shares, and p-values."""
        return self.table.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {
            "batch": self.batch,
            "label": self.label,
            "covariates": list(self.covariates),
            "components": records(self.table),
            "features": records(self.top_features()),
            "warnings": list(self.warnings),
        }

    def technical(self, threshold: float) -> NDArray[np.intp]:
        """Return the components of which the batch explains this share, and more than the label.

        Parameters
        ----------
        threshold : float in [0, 1]
        """
        if not 0 <= threshold <= 1:
            raise InputError(
                f"threshold is a share of the variance, from 0 to 1; got {threshold!r}"
            )
        batch, label = self.table[self.batch].to_numpy(), self.table[self.label].to_numpy()
        return np.flatnonzero((batch >= threshold) & (batch > label))

    def drop_technical(self, threshold: float, *, output: str = "components") -> ComponentFilter:
        """Return a fitted transformer without the technical components.

        It can transform new plates; that it makes them look alike is not said: see
        ``new_batch_auroc`` of :func:`nearid.deconfounding.evaluate`.

        Parameters
        ----------
        threshold : float in [0, 1]
            Share of the variance that the batch explains; see :meth:`technical`.
        output : {"components", "features"}, default "components"

        Raises
        ------
        InputError
            If every component is technical.
        """
        dropped = self.technical(threshold)
        if len(dropped) == len(self.table):
            raise InputError(
                f"the batch explains {threshold:.0%} or more of every component: none would be "
                f"left; raise the threshold"
            )
        return ComponentFilter(self.ica, dropped, output=output).fit()

    def top_features(self, n: int = 5) -> pd.DataFrame:
        """Return the features that follow each component most closely.

        Columns ``component, feature, correlation, words``; empty where features have no names.
        The correlation is with the component as the ICA was fitted, from its mixing matrix: of the
        part of a feature that all components together make up.

        Parameters
        ----------
        n : int, default 5
        """
        columns = ["component", "feature", "correlation", "words"]
        if self.features is None:
            return pd.DataFrame(columns=columns)
        mixing = self.ica.mixing_
        length = np.sqrt((mixing**2).sum(axis=1))
        correlation = mixing / np.where(length > 0, length, 1)[:, None]
        rows = []
        for j in range(mixing.shape[1]):
            for i in np.argsort(-np.abs(correlation[:, j]), kind="stable")[:n]:
                name = self.features[i]
                rows.append((f"ica{j}", name, float(correlation[i, j]), in_words(name)))
        return pd.DataFrame(rows, columns=columns)
