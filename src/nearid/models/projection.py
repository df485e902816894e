"""A frozen projection on principal components in front of a model, so that it fits on a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from nearid.errors import InputError
from nearid.moments import moments
from nearid.rows import as_rows

__all__ = ["Projection", "fit_projection"]


@dataclass(frozen=True, eq=False)
class Projection:
    """Orthonormal coordinates ``y = (x − mean) componentsᵀ``.

    A model of y with the squared error is the model of x whose decoder is followed by the way
    back: the two errors differ by what the projection leaves out, a constant, and the two decoders'
    Jacobians have the same singular values.

    Parameters
    ----------
    mean : ndarray, shape (P,)
    components : ndarray, shape (k, P)
        Orthonormal rows, the direction of most variance first.
    explained : float
        Share of the variance that is kept, from 0 to 1.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    explained: float

    def project(self, data: Any) -> NDArray[Any]:
        """Return the coordinates of images or rows, shape (n, k), in their floating type."""
        flat = np.reshape(data, (len(data), -1))
        if flat.shape[1] != len(self.mean):
            raise InputError(
                f"the projection was fitted on rows of {len(self.mean)} numbers; got rows of "
                f"{flat.shape[1]}: project what it was fitted on"
            )
        components = self.components.astype(flat.dtype, copy=False)
        # subtracted after the product: no second copy of all the images
        return np.asarray(flat @ components.T - (self.mean @ self.components.T).astype(flat.dtype))

    def back(self, coordinates: Any) -> NDArray[Any]:
        """Return the rows nearest to given coordinates, shape (n, P)."""
        given = np.asarray(coordinates)
        return np.asarray(given @ self.components.astype(given.dtype) + self.mean).astype(
            given.dtype, copy=False
        )


def fit_projection(data: Any, n_components: int = 200) -> Projection:
    """Find the directions of most variance.

    Parameters
    ----------
    data : array, shape (n, …)
        Floating numbers; what follows the first axis is flattened.
    n_components : int, default 200

    Returns
    -------
    Projection

    Raises
    ------
    InputError
        If there are fewer rows or numbers than components, or values are not finite.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 2)) @ np.ones((2, 6))
    >>> projection = fit_projection(x, 1)
    >>> bool(np.allclose(projection.back(projection.project(x)), x))
    True
    """
    flat = np.reshape(data, (len(data), -1))
    if not 1 <= n_components <= min(flat.shape):
        raise InputError(
            f"n_components must be from 1 to {min(flat.shape)}, the smaller of rows and numbers; "
            f"got {n_components}"
        )
    if flat.dtype.kind != "f":
        raise InputError(f"images are to be floating numbers; got {flat.dtype}: scale them")
    found = moments([as_rows(flat, name="images")])
    wanted = [flat.shape[1] - n_components, flat.shape[1] - 1]
    values, vectors = linalg.eigh(found.cov, subset_by_index=wanted, check_finite=False)
    total = float(np.trace(found.cov))
    explained = float(values.sum()) / total if total > 0 else 1.0
    return Projection(found.mean, vectors[:, ::-1].T.copy(), explained)
