"""Nuisance attribute projection: the directions in which batches' means differ, taken out."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from nearid.errors import InputError

__all__ = ["NuisanceProjection"]

Array = NDArray[np.float64]


class NuisanceProjection(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Project out the subspace in which the means of the batches differ (NAP).

    With the batches' means :math:`m_b` and :math:`U` the left singular vectors of
    :math:`(\sqrt{n_b}(m_b - m))_b`, a row x becomes :math:`x - UU^\top(x - m)`. No rotation by ICA
    is needed for this: it is the plain way of doing the same, and stands beside it.

    Parameters
    ----------
    n_directions : int, optional
        How many, those of the largest differences first; all (batches − 1) if not given.

    Attributes
    ----------
    mean_ : ndarray, shape (D,)
    directions_ : ndarray, shape (q, D)
        Orthonormal rows.

    References
    ----------
    Solomonoff, Campbell & Boardman, *Advances in channel compensation for SVM speaker
    recognition*, ICASSP 2005.

    Examples
    --------
    >>> X = np.array([[0.0, 1.0], [0.0, 2.0], [4.0, 1.0], [4.0, 2.0]])
    >>> NuisanceProjection().fit_transform(X, ["p", "p", "q", "q"])
    array([[2., 1.],
           [2., 2.],
           [2., 1.],
           [2., 2.]])
    """

    def __init__(self, n_directions: int | None = None) -> None:
        self.n_directions = n_directions

    def fit(self, X: Any, y: Any) -> Self:
        """Find the directions.

        Parameters
        ----------
        X : array-like, shape (n, D)
        y : array-like of shape (n,)
            The batch of each row.

        Raises
        ------
        InputError
            If there are fewer than two batches, or n_directions is out of range.
        """
        if y is None:
            raise InputError("requires y to be passed, but the target y is None: name each batch")
        table = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        values = table.astype(np.float64, copy=False)
        groups = np.asarray(y).astype(str)
        if groups.shape != (len(values),):
            raise InputError(f"y must name one batch per row, {len(values)}; got {groups.shape}")
        names, member = np.unique(groups, return_inverse=True)
        most = len(names) - 1
        wanted = most if self.n_directions is None else self.n_directions
        if not isinstance(wanted, Integral) or not 1 <= wanted <= most:
            raise InputError(
                f"n_directions must be a whole number from 1 to the number of batches less one, "
                f"{most}; got {wanted!r}"
                if most
                else f"there is one class of batch only, {names[0]}: nothing to project out"
            )
        self.mean_: Array = values.mean(axis=0)
        means = np.stack([values[member == b].mean(axis=0) for b in range(len(names))])
        weights = np.sqrt(np.bincount(member))[:, None]
        _, singular, axes = np.linalg.svd(weights * (means - self.mean_), full_matrices=False)
        spread = np.sqrt(((values - self.mean_) ** 2).sum())
        real = singular > len(values) * np.finfo(table.dtype).eps * max(
            spread, np.finfo(float).tiny
        )
        self.directions_: Array = np.asarray(axes[:wanted][real[:wanted]])
        return self

    def transform(self, X: Any) -> Any:
        """Return the rows less what lies along the directions; float32 stays float32."""
        check_is_fitted(self)
        table = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        values = table.astype(np.float64, copy=False)
        along = (values - self.mean_) @ self.directions_.T
        return (values - along @ self.directions_).astype(table.dtype, copy=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
