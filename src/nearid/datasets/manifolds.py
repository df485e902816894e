"""Data from decoders whose bi-Lipschitz constants are known (Theorem 1's premise, by construction).

What measures such constants can be tested on these, and what aligns representations can be tried on
data whose latents are known up to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearid.datasets.independent import independent_sources, orthonormal
from nearid.errors import InputError

__all__ = ["Manifold", "leaky_stack", "scaled_embedding", "swiss_roll", "torus"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Manifold:
    """Latents, data, and how much the map between them stretches and shrinks small distances.

    Parameters
    ----------
    latents : ndarray of float64, shape (n, n_latents)
    data : ndarray of float64, shape (n, n_features)
        ``decode(latents)``.
    lower, upper : float
        Every singular value of the Jacobian of ``decode``, wherever there is one, lies between.
    tight : bool
        Whether they are the smallest and the largest singular value at every point, and no bounds.
    decode : callable
        Maps latents, shape (m, n_latents), to data.
    """

    latents: Array
    data: Array
    lower: float
    upper: float
    tight: bool
    decode: Callable[[Array], Array]

    @property
    def constant(self) -> float:
        """The local bi-Lipschitz constant 1 + L = max(upper, 1 / lower), or a bound of it."""
        return max(self.upper, 1 / self.lower)


def scaled_embedding(
    n: int,
    *,
    sources: Sequence[str] = ("laplace", "uniform", "exponential"),
    n_features: int = 10,
    scale: float = 1.0,
    random_state: int | np.random.Generator | None = None,
) -> Manifold:
    """Embed independent latents into a random subspace, and scale: all singular values are equal.

    Parameters
    ----------
    n : int
        Number of rows.
    sources : sequence of str
        Distribution of each latent; see :func:`~nearid.datasets.independent_sources`.
    n_features : int, default 10
        Dimension of the data.
    scale : float, default 1
        1 makes the map an isometry.
    random_state : int or Generator, optional

    Returns
    -------
    Manifold

    Raises
    ------
    InputError
        If there are fewer features than latents, or a number is not positive.

    Examples
    --------
    >>> manifold = scaled_embedding(100, scale=0.5, random_state=0)
    >>> manifold.data.shape, manifold.constant
    ((100, 10), 2.0)
    """
    _check_positive("scale", scale)
    rng = np.random.default_rng(random_state)
    latents = independent_sources(n, sources=sources, mixing=None, random_state=rng).data
    frame = _frame(n_features, latents.shape[1], rng)

    def decode(at: Array) -> Array:
        return scale * at @ frame.T

    return Manifold(latents, decode(latents), scale, scale, True, decode)


def swiss_roll(
    n: int,
    *,
    turns: tuple[float, float] = (0.75, 2.0),
    height: float = 10.0,
    random_state: int | np.random.Generator | None = None,
) -> Manifold:
    """Roll up a rectangle without stretching it: a curved isometry, ``1 + L = 1``.

    The usual Swiss roll is parametrised by its angle, and no isometry of it. This one is the
    involute of the unit circle, whose arc length has a closed form: with ``t = √(2s)``,
    ``x(s, h) = (cos t + t sin t, h, sin t − t cos t)``, of which both derivatives have length 1 and
    are orthogonal.

    Parameters
    ----------
    n : int
        Number of rows.
    turns : (float, float)
        Where the roll begins and ends, in turns; more than 0.
    height : float, default 10
        Width of the rectangle along the roll's axis.
    random_state : int or Generator, optional

    Returns
    -------
    Manifold
        Latents are arc length and height, uniformly distributed and independent.

    Raises
    ------
    InputError
        If a number is not positive, or the roll ends before it begins.

    Examples
    --------
    >>> manifold = swiss_roll(100, random_state=0)
    >>> manifold.latents.shape, manifold.data.shape, manifold.constant
    ((100, 2), (100, 3), 1.0)
    """
    _check_positive("height", height)
    first, last = turns
    if not 0 < first < last < np.inf:
        raise InputError(f"turns must be (first, last) with 0 < first < last; got {turns}")
    rng = np.random.default_rng(random_state)
    arc = rng.uniform((2 * np.pi * first) ** 2 / 2, (2 * np.pi * last) ** 2 / 2, size=_rows(n))
    latents = np.stack([arc, rng.uniform(0, height, size=n)], axis=1)
    return Manifold(latents, _involute(latents), 1.0, 1.0, True, _involute)


def _involute(at: Array) -> Array:
    t = np.sqrt(2 * at[:, 0])
    return np.stack([np.cos(t) + t * np.sin(t), at[:, 1], np.sin(t) - t * np.cos(t)], axis=1)


def leaky_stack(
    n: int,
    *,
    sources: Sequence[str] = ("laplace", "uniform", "exponential"),
    n_features: int = 10,
    n_activations: int = 3,
    slope: float = 0.5,
    random_state: int | np.random.Generator | None = None,
) -> Manifold:
    """Send latents through a network of orthogonal layers with LeakyReLU between them.

    ``decode(u) = Q_K φ(… Q_1 φ(Q_0 u))`` with K activations φ of slope α below 0. An orthogonal
    layer keeps every length and an activation's derivative is α or 1, so the singular values are
    between ``α^K`` and 1: bounds, which at most points are not met.

    Parameters
    ----------
    n : int
        Number of rows.
    sources : sequence of str
        Distribution of each latent; see :func:`~nearid.datasets.independent_sources`.
    n_features : int, default 10
        Dimension of the data and of each layer.
    n_activations : int, default 3
    slope : float, default 0.5
        More than 0, at most 1; at 1 the network is linear and an isometry.
    random_state : int or Generator, optional

    Returns
    -------
    Manifold

    Raises
    ------
    InputError
        If there are fewer features than latents, or a number is out of its range.

    Examples
    --------
    >>> manifold = leaky_stack(100, n_activations=2, slope=0.5, random_state=0)
    >>> manifold.lower, manifold.upper, manifold.constant
    (0.25, 1.0, 4.0)
    """
    if not 0 < slope <= 1:
        raise InputError(f"slope must be more than 0 and at most 1; got {slope}")
    if n_activations < 0:
        raise InputError(f"n_activations must be at least 0; got {n_activations}")
    rng = np.random.default_rng(random_state)
    latents = independent_sources(n, sources=sources, mixing=None, random_state=rng).data
    frames = [_frame(n_features, latents.shape[1], rng)]
    frames += [orthonormal(n_features, n_features, rng) for _ in range(n_activations)]

    def decode(at: Array) -> Array:
        hidden: Array = at @ frames[0].T
        for frame in frames[1:]:
            hidden = np.where(hidden < 0, slope * hidden, hidden) @ frame.T
        return hidden

    lower = float(slope**n_activations)
    return Manifold(latents, decode(latents), lower, 1.0, lower == 1, decode)


def torus(
    n: int,
    *,
    radii: Sequence[float] = (1.0, 2.0),
    random_state: int | np.random.Generator | None = None,
) -> Manifold:
    """Draw points of a flat torus, a product of circles; one radius gives a circle.

    ``x = (r_1 cos θ_1, r_1 sin θ_1, r_2 cos θ_2, …)``: the singular values are the radii. The map
    is bi-Lipschitz for small distances alone: angles of almost 0 and almost 2π are far apart, their
    images close. Theorem 1's constants are finite here, and yet no encoder that is continuous can
    be its inverse: the case of factors that are circles.

    Parameters
    ----------
    n : int
        Number of rows.
    radii : sequence of float
        Of the circles.
    random_state : int or Generator, optional

    Returns
    -------
    Manifold
        Latents are the angles, uniformly distributed from 0 to 2π and independent.

    Raises
    ------
    InputError
        If a radius is not positive.

    Examples
    --------
    >>> manifold = torus(100, radii=[0.5], random_state=0)
    >>> manifold.data.shape, manifold.constant
    ((100, 2), 2.0)
    """
    sizes = np.asarray(radii, dtype=np.float64)
    if sizes.ndim != 1 or not len(sizes):
        raise InputError(f"radii must be numbers, one a circle; got {radii}")
    for radius in sizes:
        _check_positive("radii", float(radius))
    rng = np.random.default_rng(random_state)
    latents = rng.uniform(0, 2 * np.pi, size=(_rows(n), len(sizes)))

    def decode(at: Array) -> Array:
        circles: Array = sizes[:, np.newaxis] * np.stack([np.cos(at), np.sin(at)], axis=2)
        return circles.reshape(len(at), -1)

    bounds = float(sizes.min()), float(sizes.max())
    return Manifold(latents, decode(latents), *bounds, True, decode)


def _frame(n_features: int, n_latents: int, rng: np.random.Generator) -> Array:
    if n_features < n_latents:
        raise InputError(f"n_features must be at least {n_latents}, the latents; got {n_features}")
    return orthonormal(n_features, n_latents, rng)


def _rows(n: int) -> int:
    if n < 1:
        raise InputError(f"n must be at least 1; got {n}")
    return n


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < np.inf:
        raise InputError(f"{name} must be positive and finite; got {value}")
