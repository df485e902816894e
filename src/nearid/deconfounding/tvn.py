"""Typical variation normalisation: controls are made to look alike on every batch."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.utils.validation import check_is_fitted, validate_data

from nearid.errors import InputError
from nearid.io.location import listing
from nearid.linalg import symmetric_eigen, thin_axes

__all__ = ["TypicalVariationNormalizer"]

Array = NDArray[np.float64]

#: Fewer controls than this on a batch have no covariance to speak of.
FEWEST_CONTROLS = 2


class TypicalVariationNormalizer(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    r"""Whiten by the controls, then align the controls of each batch (TVN).

    With the controls' mean μ and covariance Σ, shrunk to :math:`Σ_s = (1-s)Σ + s\,(tr Σ/D)\,I`, a
    row x becomes :math:`w = Σ_s^{-1/2}(x - μ)` along the first principal axes. A row of batch b
    with controls of mean m and covariance S is then mapped by CORAL to
    :math:`(w - m)\,S_s^{-1/2} T_s^{1/2}`, where T is the covariance of all whitened controls about
    their batch's mean.

    Parameters
    ----------
    shrinkage : float in [0, 1] or "ledoit-wolf", default "ledoit-wolf"
        s: 0 trusts the controls' covariance; 1 only scales.
    n_components : int, optional
        Principal axes of the controls to keep; as many as they span if not given.
    align : bool, default True
        Whether the batches are aligned, or only whitened.

    Attributes
    ----------
    mean_ : ndarray, shape (D,)
    components_ : ndarray, shape (k, D)
        ``w = components_ @ (x − mean_)``.
    shrinkage_ : float
        s, as it was used.
    batches_ : dict of str to (ndarray of shape (k,), ndarray of shape (k, k))
        m of each batch that was seen, and the map that follows.
    n_controls_ : int

    References
    ----------
    Ando, McLean & Berndl, *Improving phenotypic measurements in high-content imaging screens*,
    bioRxiv 161422, 2017; Sun, Feng & Saenko, *Return of frustratingly easy domain adaptation*
    (CORAL), AAAI 2016; Ledoit & Wolf, Journal of Multivariate Analysis 88(2), 2004.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> batch = np.repeat(["p", "q"], 200)
    >>> X = rng.normal(size=(400, 3)) + 5.0 * (batch == "q")[:, None]
    >>> control = np.arange(400) % 2 == 0
    >>> tvn = TypicalVariationNormalizer().fit(X, batch=batch, control=control)
    >>> y = tvn.transform(X, batch=batch)
    >>> bool(np.abs(y[control & (batch == "q")].mean(axis=0)).max() < 1e-9)
    True
    """

    def __init__(
        self,
        shrinkage: float | str = "ledoit-wolf",
        *,
        n_components: int | None = None,
        align: bool = True,
    ) -> None:
        self.shrinkage = shrinkage
        self.n_components = n_components
        self.align = align

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        batch: ArrayLike | None = None,
        control: ArrayLike | None = None,
    ) -> Self:
        """Learn what is typical.

        Parameters
        ----------
        X : array-like, shape (n, D)
        y : ignored
        batch : array-like of shape (n,), optional
            One batch if not given.
        control : array-like of bool, shape (n,), optional
            Which rows are controls; all of them if not given.

        Returns
        -------
        self

        Raises
        ------
        InputError
            If a batch has fewer than two controls (it names the batch), or an argument is not as
            described.
        """
        table = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        values = table.astype(np.float64, copy=False)
        groups, chosen = _labels(batch, len(values)), _mask(control, len(values))
        names = np.unique(groups)
        _check_controls(names, groups, chosen)
        controls = values[chosen]
        self.n_controls_ = len(controls)
        self.mean_ = controls.mean(axis=0)
        self.shrinkage_ = _shrinkage(self.shrinkage, controls)
        self.components_ = self._whitening(controls - self.mean_)
        self.batches_: dict[str, tuple[Array, Array]] = {}
        if self.align:
            white = (controls - self.mean_) @ self.components_.T
            self.target_ = _within(white, groups[chosen])
            for name in names:
                self.batches_[str(name)] = self._alignment(white[groups[chosen] == name])
        return self

    def transform(
        self, X: Any, *, batch: ArrayLike | None = None, control: ArrayLike | None = None
    ) -> Any:
        """Return normalised rows, shape (n, k); float32 stays float32.

        Parameters
        ----------
        X : array-like, shape (n, D)
        batch : array-like of shape (n,), optional
            Without it rows are whitened and not aligned.
        control : array-like of bool, shape (n,), optional
            By which a batch that was not there in ``fit`` is aligned: by its own controls.

        Raises
        ------
        InputError
            If a batch is new and has fewer than two controls: it names the batch.
        """
        check_is_fitted(self)
        table = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        white = (table.astype(np.float64, copy=False) - self.mean_) @ self.components_.T
        if batch is not None and self.align:
            groups = _labels(batch, len(white))
            chosen = None if control is None else _mask(control, len(white))
            for name in np.unique(groups):
                here = groups == name
                mean, matrix = self._map_of(str(name), white, here, chosen)
                white[here] = (white[here] - mean) @ matrix
        return white.astype(table.dtype, copy=False)

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _map_of(
        self, name: str, white: Array, here: NDArray[np.bool_], chosen: NDArray[np.bool_] | None
    ) -> tuple[Array, Array]:
        if name in self.batches_:
            return self.batches_[name]
        if chosen is None or int((here & chosen).sum()) < FEWEST_CONTROLS:
            held = 0 if chosen is None else int((here & chosen).sum())
            raise InputError(
                f"batch {name} was not there when TVN was fitted, and has {held} controls: a new "
                f"batch needs at least {FEWEST_CONTROLS}, marked by control=, to be aligned by; "
                f"without batch= its rows are whitened only"
            )
        return self._alignment(white[here & chosen])

    def _whitening(self, centred: Array) -> Array:
        n, width = centred.shape
        variances, axes, rank = thin_axes(centred)
        k = rank if self.n_components is None else self.n_components
        if not isinstance(k, Integral) or not 1 <= k <= rank:
            raise InputError(
                f"n_components must be a whole number from 1 to {rank}, the rank of the {n} "
                f"controls; got {k!r}"
                if rank
                else "the controls are all the same: there is no variation to normalise by"
            )
        shrunk = (1 - self.shrinkage_) * variances[:k] + self.shrinkage_ * variances.sum() / width
        return np.asarray(axes[:k] / np.sqrt(shrunk)[:, None])

    def _alignment(self, controls: Array) -> tuple[Array, Array]:
        mean = controls.mean(axis=0)
        cov = (controls - mean).T @ (controls - mean) / len(controls)
        # a batch has few controls: its own shrinkage is never less than Ledoit and Wolf's
        s = max(self.shrinkage_, _shrinkage("ledoit-wolf", controls))
        back = _power(_shrunk(cov, s), -0.5)
        return mean, np.asarray(back @ _power(_shrunk(self.target_, s), 0.5))


def _shrinkage(wanted: float | str, controls: Array) -> float:
    if wanted == "ledoit-wolf":
        return float(ledoit_wolf_shrinkage(controls))
    if not isinstance(wanted, Real) or not 0 <= float(wanted) <= 1:
        raise InputError(
            f'shrinkage must be a number from 0 to 1, or "ledoit-wolf"; got {wanted!r}'
        )
    return float(wanted)


def _within(white: Array, groups: NDArray[np.str_]) -> Array:
    """Return the covariance about each batch's own mean."""
    centred = white.copy()
    for name in np.unique(groups):
        centred[groups == name] -= white[groups == name].mean(axis=0)
    return np.asarray(centred.T @ centred / len(white))


def _shrunk(cov: Array, s: float) -> Array:
    return np.asarray((1 - s) * cov + s * np.trace(cov) / len(cov) * np.eye(len(cov)))


def _power(cov: Array, exponent: float) -> Array:
    """Return a power of a covariance on the subspace where it is more than rounding."""
    eigenvalues, vectors = symmetric_eigen(cov)
    live = eigenvalues > len(cov) * np.finfo(np.float64).eps * eigenvalues[0]
    powers = np.where(live, np.where(live, eigenvalues, 1.0) ** exponent, 0.0)
    return np.asarray((vectors * powers) @ vectors.T)


def _check_controls(
    names: NDArray[np.str_], groups: NDArray[np.str_], chosen: NDArray[np.bool_]
) -> None:
    held = {str(name): int((chosen & (groups == name)).sum()) for name in names}
    without = [name for name, count in held.items() if count < FEWEST_CONTROLS]
    if without:
        raise InputError(
            f"TVN needs at least {FEWEST_CONTROLS} controls on every batch: {listing(without)} "
            f"{'has' if len(without) == 1 else 'have'} fewer ({held[without[0]]} on {without[0]}); "
            f"leave such batches out, or mark their controls"
        )


def _labels(given: ArrayLike | None, n_rows: int) -> NDArray[np.str_]:
    labels = np.full(n_rows, "batch") if given is None else np.asarray(given).astype(str)
    if labels.shape != (n_rows,):
        raise InputError(f"batch must name one batch per row, {n_rows}; got shape {labels.shape}")
    return labels


def _mask(given: ArrayLike | None, n_rows: int) -> NDArray[np.bool_]:
    mask = np.ones(n_rows, bool) if given is None else np.asarray(given)
    if mask.shape != (n_rows,) or mask.dtype.kind not in "biu" or not np.isin(mask, (0, 1)).all():
        raise InputError(
            f"control must be true or false for each of the {n_rows} rows; got an array of shape "
            f"{mask.shape} and type {mask.dtype}"
        )
    return mask.astype(bool)
