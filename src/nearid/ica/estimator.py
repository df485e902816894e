"""``LatentICA``: whitening and ICA as a scikit-learn estimator."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from nearid.errors import InputError
from nearid.ica.cautions import few_rows, not_converged, outliers
from nearid.ica.checkpoint import open_folder
from nearid.ica.fitting import Fit, fit_rows
from nearid.ica.parameters import settings_of
from nearid.ica.projection import Projection, projection
from nearid.ica.replication import replication
from nearid.ica.report import component_report
from nearid.ica.seeding import Seed, as_generator
from nearid.ica.settings import Settings
from nearid.ica.stability import stability
from nearid.ica.stable import fit_stable
from nearid.ica.views import guarded
from nearid.rows import Rows, as_rows, is_lazy, map_chunks

__all__ = ["LatentICA"]

Array = NDArray[Any]


class LatentICA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Whiten a representation and rotate it to independent components.

    What is the same up to a linear map becomes the same up to order and sign (the paper's
    theorem 2), as far as the components are not Gaussian: and the estimator says of each component
    how far that is. Components are ordered by negentropy, descending, and signed so that their
    skewness is positive: the same data give the same components, in whatever order the rows come.
    Ties, as in a full grid of factors, are broken by the column in which a component weighs most.

    Parameters
    ----------
    n_components : int, float in (0, 1), "stable" or None, default None
        How many principal axes to keep: that many, as many as explain this share of the variance,
        or as many as the rank. "stable" tries many numbers, and keeps the largest set of components
        of which each replicates on disjoint halves of the rows.
    contrast : {"logcosh", "exp", "cube"}, default "logcosh"
        What is measured to tell a component from a Gaussian.
    tolerance : float, default 0.01
        Largest angle, in radians, that an identifiable component may still have to go.
    max_passes : int, default 500
        Passes over the rows at most.
    n_init : int, default 1
        Starts, of which the one that ends with the most negentropy is kept. Heavy-tailed data have
        local optima that are as converged as the right one; where a kurtosis is above 100, one
        start is therefore not random, but the axes of the fourth moment (FOBI).
        ``n_passes_`` counts all of them.
    solver : {"nearid", "jade", "picard"}, default "nearid"
        This library's; or JADE, which needs two passes and diagonalises all fourth-order cumulants,
        for up to 32 components (the contrast then only describes what was found, and "cube"
        predicts its leakage); or python-picard, which holds all whitened rows in memory.
    replication : bool, default True
        Whether to fit two disjoint halves of the rows as well, started independently, to see which
        components come back. About doubles the time.
    n_jobs : int, default 1
        Worker threads. The result does not depend on it.
    memory_limit : int, default 268,435,456
        Bytes that a random part of the rows may fill, on which large data are solved first.
    compiled : bool or None, default None
        Whether to use numba; None: where it is installed and the data are large.
    device : str or None, default None
        A torch device, such as "cuda", on which to compute the passes.
    checkpoint : str, path or None, default None
        A folder in which the sums of each pass are kept (k² numbers a pass), written in full or not
        at all. A fit that was killed is called again with the same folder, data, parameters and
        seed, takes from there what was done, and ends with the same bits. The folder may be deleted
        when the fit is done; other fits may share it, for passes are known by what they depend on.
    random_state : None, int, Generator or RandomState, default None
        Draws the start and the halves.

    Attributes
    ----------
    components_ : ndarray, shape (k, D)
        Unmixing: ``y = components_ @ (x − mean_)`` has unit variance.
    mixing_ : ndarray, shape (D, k)
        The way back.
    mean_ : ndarray, shape (D,)
    n_components_ : int
        k.
    converged_ : bool
        Whether every identifiable component is within the tolerance.
    n_passes_ : int
        Passes over the rows that the rotation took.
    angle_ : float
        Largest angle, in radians, that an identifiable component still has to go.
    identifiable_ : ndarray of bool, shape (k,)
        Which components can be told from all others.
    blocks_ : list of ndarray of int
        Groups of components that cannot be told apart: an arbitrary rotation of each other.
    components_report_ : pandas.DataFrame
        One row per component; see :func:`nearid.ica.report.component_report`.
    explained_variance_, explained_variance_ratio_ : ndarray, shape (k,)
        Variance of the data that each component carries, and its share of the total.
    rank_ : int
        Dimensions of the data that are more than rounding.
    n_samples_seen_ : int

    References
    ----------
    Hyvärinen, IEEE Transactions on Neural Networks 10(3), 1999; Ablin, Cardoso & Gramfort, ICASSP
    2018; Cardoso & Souloumiac, IEE Proceedings F 140(6), 1993 (JADE); Nelson, Fumero, Karaletsos &
    Locatello, ICLR 2026, theorem 2.

    Examples
    --------
    >>> sources = np.random.default_rng(0).laplace(size=(4000, 3))
    >>> ica = LatentICA(random_state=0).fit(sources @ np.random.default_rng(1).normal(size=(3, 3)))
    >>> recovered = ica.transform(sources @ np.random.default_rng(1).normal(size=(3, 3)))
    >>> correlation = np.abs(np.corrcoef(sources.T, recovered.T)[:3, 3:])
    >>> bool((correlation.max(axis=1) > 0.99).all()), ica.converged_
    (True, True)
    """

    def __init__(
        self,
        n_components: int | float | str | None = None,
        *,
        contrast: str = "logcosh",
        tolerance: float = 0.01,
        max_passes: int = 500,
        n_init: int = 1,
        solver: str = "nearid",
        replication: bool = True,
        n_jobs: int = 1,
        memory_limit: int = 2**28,
        compiled: bool | None = None,
        device: str | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.contrast = contrast
        self.tolerance = tolerance
        self.max_passes = max_passes
        self.n_init = n_init
        self.solver = solver
        self.replication = replication
        self.n_jobs = n_jobs
        self.memory_limit = memory_limit
        self.compiled = compiled
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the components.

        Parameters
        ----------
        X : Rows, array, memory map, DataFrame, torch tensor or path, shape (n, D)
            Read a chunk at a time, never copied as a whole. Also Dask arrays and frames, of which
            each pass is one graph, on the active client if there is one; and
            :class:`~nearid.rows.Chunks`.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        InputError
            If values are missing, the data are constant, or have fewer dimensions than asked for.

        Warns
        -----
        ConvergenceWarning
            If components are not within the tolerance; it names them.
        UserWarning
            If there are fewer than three rows per component, or a few rows carry a component.
        """
        settings = settings_of(self)
        rng = as_generator(self.random_state)
        if settings.checkpoint is not None:
            open_folder(Path(settings.checkpoint))
        rows = self._rows(X, fitting=True)
        fit, agreement = self._search(rows, settings, rng)
        self._store(fit, agreement, len(rows))
        for caution, category in (
            (not_converged(fit, settings), ConvergenceWarning),
            (few_rows(fit, len(rows)), UserWarning),
            (outliers(fit, len(rows)), UserWarning),
        ):
            if caution:
                warnings.warn(caution, category, stacklevel=2)
        return self

    def transform(self, X: Any) -> Any:
        """Return the components of rows, shape (n, k); float32 stays float32.

        Of a Dask array or frame, as a Dask array in the same partitions, which computes nothing
        yet: what is said of missing values is said when it is computed.

        Parameters
        ----------
        X : Rows, array, memory map, DataFrame, torch tensor or path, shape (n, D)
            Read a chunk at a time.
        """
        check_is_fitted(self)
        rows = self._rows(X, fitting=False)
        project = self._projection(rows.dtype)

        def kernel(chunk: Array) -> Array:
            with np.errstate(invalid="ignore", over="ignore"):  # looked for below
                return project.apply(chunk)

        if rows.edges is not None:
            from nearid.sources.dask import transformed

            dtype, name = _float_type(rows.dtype), rows.name
            return transformed(
                lambda chunk: _checked(kernel(chunk).astype(dtype, copy=False), name),
                rows,
                n_columns=self.n_components_,
                dtype=dtype,
            )
        out = np.empty((len(rows), self.n_components_), _float_type(rows.dtype))
        start = 0
        for part in map_chunks(kernel, rows, n_jobs=self.n_jobs):
            out[start : start + len(part)] = part
            start += len(part)
        return _checked(out, rows.name)

    def inverse_transform(self, X: Any) -> Any:
        """Return the rows of given components, shape (n, D), exact if all components were kept.

        Of a Dask array or frame, as a Dask array, as :meth:`transform` does.

        Parameters
        ----------
        X : Rows, array, memory map, DataFrame or torch tensor, shape (n, k)
        """
        check_is_fitted(self)
        rows = as_rows(X, name="the components")
        if rows.n_columns != self.n_components_:
            raise InputError(
                f"expected one column per component, {self.n_components_}, got {rows.n_columns}"
            )
        dtype = _float_type(rows.dtype)
        matrix, mean = self.mixing_.T.astype(dtype), self.mean_.astype(dtype)

        def kernel(y: Array) -> Array:
            return np.asarray(y.astype(dtype) @ matrix + mean)

        if rows.edges is not None:
            from nearid.sources.dask import transformed

            return transformed(kernel, rows, n_columns=len(mean), dtype=dtype)
        return np.concatenate(list(map_chunks(kernel, rows)))

    def stability(
        self, X: Any, *, n_runs: int = 10, bootstrap: bool = True, random_state: Seed = None
    ) -> Array:
        """Fit again and again, and return how well each component comes back, as Icasso does.

        Parameters
        ----------
        X : Rows, array, memory map, DataFrame, torch tensor or path, shape (n, D)
            The rows to which this ICA was fitted.
        n_runs : int, default 10
            Fits, at least 2.
        bootstrap : bool, default True
            Whether each fit draws its rows anew, with replacement; else only its start.
        random_state : None, int, Generator or RandomState, default None

        Returns
        -------
        ndarray, shape (k,)
            1 for a component that always comes back; near 0 for an arbitrary one.

        References
        ----------
        Himberg, Hyvärinen & Esposito, NeuroImage 22(3), 2004.
        """
        check_is_fitted(self)
        if n_runs < 2:
            raise InputError(f"n_runs must be at least 2 to compare anything, got {n_runs}")
        return stability(
            self._rows(X, fitting=False),
            self.components_,
            settings_of(self),
            n_runs=n_runs,
            bootstrap=bootstrap,
            rng=as_generator(random_state),
        )

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the components, "ica0" and so on."""
        check_is_fitted(self)
        return np.asarray([f"ica{i}" for i in range(self.n_components_)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _search(
        self, rows: Rows, settings: Settings, rng: np.random.Generator
    ) -> tuple[Fit, NDArray[np.float64]]:
        """Fit the rows, and see which components replicate."""
        wanted = self.n_components
        if isinstance(wanted, str):
            return fit_stable(rows, settings, rng)
        fit, known = fit_rows(rows, settings, n_components=wanted, random_state=rng)
        k = len(fit.unmixing)
        if not self.replication:
            return fit, np.full(k, np.nan)
        return fit, replication(rows, fit.unmixing, known.cov, settings, n_components=k, rng=rng)

    def _rows(self, X: Any, *, fitting: bool) -> Rows:
        """Open the rows, and check or note how many columns they have and how they are called."""
        lazy = isinstance(X, Rows | str | os.PathLike) or is_lazy(X)
        if not lazy and not hasattr(X, "iloc"):
            # scikit-learn's own checks, without its search for NaN: the fold finds those
            X = validate_data(self, X, reset=fitting, dtype="numeric", ensure_all_finite=False)
        rows = as_rows(X)
        if lazy:
            self._check_columns(rows, fitting=fitting)
        elif hasattr(X, "iloc"):
            validate_data(self, X, reset=fitting, skip_check_array=True)
        if fitting and len(rows) < 2:
            raise InputError(f"{rows.name}: expected at least 2 rows, got n_samples = {len(rows)}")
        return guarded(rows)

    def _check_columns(self, rows: Rows, *, fitting: bool) -> None:
        if fitting:
            self.n_features_in_ = rows.n_columns
            if rows.columns is not None:
                self.feature_names_in_ = np.asarray(rows.columns, dtype=object)
            elif hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        elif rows.n_columns != self.n_features_in_:
            raise InputError(
                f"{rows.name} has {rows.n_columns} columns, but this ICA was fitted on "
                f"{self.n_features_in_}; give it the same columns in the same order"
            )

    def _projection(self, dtype: np.dtype[Any]) -> Projection:
        scale = np.sqrt((self.mixing_**2).sum(axis=1))
        return projection(self.components_, self.mean_, scale, dtype)

    def _store(self, fit: Fit, agreement: Array, n_rows: int) -> None:
        self.components_ = fit.unmixing
        self.mixing_ = fit.mixing
        self.mean_ = fit.mean
        self.n_components_ = len(fit.unmixing)
        self.converged_ = fit.converged
        self.n_passes_ = fit.n_passes
        self.angle_ = float(fit.angles.max())
        self.identifiable_ = fit.components.identifiable
        self.blocks_ = fit.components.blocks
        self.components_report_ = component_report(fit, agreement)
        self.explained_variance_ = fit.explained_variance
        self.explained_variance_ratio_ = fit.explained_variance / fit.whitening.eigenvalues.sum()
        self.rank_ = fit.whitening.rank
        self.n_samples_seen_ = n_rows


def _checked(out: Array, name: str) -> Array:
    if not np.isfinite(out).all():
        raise InputError(
            f"{name} has NaN or infinite values, or values beyond the range of "
            f"{out.dtype}; drop those rows, or impute them"
        )
    return out


def _float_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if dtype.kind == "f" else np.dtype(np.float64)
