"""From rows to components in the conventional order: moments, whitening, rotation, description."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nearid.ica.checkpoint import fingerprint, recalled
from nearid.ica.components import Components, describe
from nearid.ica.contrasts import contrast_named
from nearid.ica.convention import conventional_order, conventional_signs
from nearid.ica.seeding import Seed, as_generator
from nearid.ica.settings import Settings
from nearid.ica.solver import solve
from nearid.ica.starts import HEAVY, fobi_start, heavy_tailed
from nearid.ica.warmstart import warm_start
from nearid.ica.whitening import Whitening, whitening
from nearid.linalg import random_orthogonal
from nearid.moments import Moments, moments
from nearid.rows import Rows

__all__ = ["Fit", "Settings", "fit_rows", "rotate"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """An ICA of some rows, in the conventional order and with the conventional signs.

    Parameters
    ----------
    mean : ndarray, shape (D,)
    unmixing : ndarray, shape (k, D)
        ``y = unmixing (x − mean)``, of unit variance.
    mixing : ndarray, shape (D, k)
        The way back.
    whitening : Whitening
    components : Components
        What is known about each.
    converged : bool
    n_passes : int
    angles : ndarray, shape (k,)
        Angle that each component still has to go.
    stuck : bool
        Whether the search ended with passes left, because no step lowers the loss any more.
    """

    mean: Array
    unmixing: Array
    mixing: Array
    whitening: Whitening
    components: Components
    converged: bool
    n_passes: int
    angles: Array
    stuck: bool = False

    @property
    def explained_variance(self) -> Array:
        """Variance of the data that each component carries, shape (k,)."""
        return np.asarray((self.mixing**2).sum(axis=0))

    def taken(self, index: NDArray[np.intp]) -> Fit:
        """Return the chosen components only, in this order."""
        return replace(
            self,
            unmixing=self.unmixing[index],
            mixing=self.mixing[:, index],
            components=self.components.taken(index),
            angles=self.angles[index],
        )


def fit_rows(
    rows: Rows,
    settings: Settings,
    *,
    n_components: int | float | None,
    random_state: Seed,
) -> tuple[Fit, Moments]:
    """Fit an ICA to rows, and hand back their moments too.

    Raises
    ------
    InputError
        If values are missing, the data are constant, or have fewer dimensions than asked for.
    """
    known = _moments(rows, settings)
    white = whitening(known.mean, known.cov, dtype=rows.dtype, n_components=n_components)
    return rotate(rows, white, settings, random_state=random_state), known


def _moments(rows: Rows, settings: Settings) -> Moments:
    """Compute the moments of the rows, or recall them."""
    if settings.checkpoint is None:
        return moments([rows], n_jobs=settings.n_jobs)

    def work() -> tuple[Array, Array]:
        found = moments([rows], n_jobs=settings.n_jobs)
        return found.mean, found.cov

    mean, cov = recalled(settings.checkpoint, ("moments", *fingerprint(rows)), work)
    return Moments(len(rows), mean, cov, (rows.n_columns,))


def rotate(
    rows: Rows,
    white: Whitening,
    settings: Settings,
    *,
    random_state: Seed,
    only_random: bool = False,
) -> Fit:
    """Rotate whitened rows to independent components, and arrange those by convention.

    The contrast has local optima, above all where a few rows carry a component. There the first
    start is at the axes of the fourth moment, which those rows dominate, or a further one, where
    only the components show them; of several starts the one that ends with the most negentropy is
    kept.

    Parameters
    ----------
    rows : Rows
    white : Whitening
    settings : Settings
    random_state : None, int, Generator or RandomState
    only_random : bool, default False
        Whether all starts are random, to see what depends on them.
    """
    rng = as_generator(random_state)
    choosing = settings.solver == "nearid" and not only_random
    heavy = choosing and heavy_tailed(rows, white)
    fits = [
        _rotate_once(rows, white, settings, rng, tails=heavy and number == 0)
        for number in range(settings.n_init)
    ]
    if choosing and not heavy and max(fit.components.kurtosis.max() for fit in fits) > HEAVY:
        heavy = True
        fits.append(_rotate_once(rows, white, settings, rng, tails=True))
    best = max(fits, key=lambda fit: float(fit.components.negentropy.sum()))
    return replace(best, n_passes=sum(fit.n_passes for fit in fits) + heavy)


def _rotate_once(
    rows: Rows, white: Whitening, settings: Settings, rng: np.random.Generator, *, tails: bool
) -> Fit:
    if settings.solver == "jade":
        from nearid.ica.jade import solve_with_jade

        start = random_orthogonal(white.n_components, rng)
        rotation = solve_with_jade(rows, white, settings, start)
    elif settings.solver == "picard":
        from nearid.ica.picard import solve_with_picard

        rotation = solve_with_picard(rows, white, settings, rng)
    else:
        axes = fobi_start(rows, white, settings.engine) if tails else None
        rotation = solve(
            rows,
            white,
            contrast=settings.contrast,
            tolerance=settings.tolerance,
            max_passes=settings.max_passes,
            n_jobs=settings.engine.n_jobs,
            start=warm_start(rows, white, settings, rng) if axes is None else axes,
            compiled=settings.engine.compiled,
            device=settings.engine.device,
            checkpoint=settings.checkpoint,
        )
    found = describe(rotation.sums, contrast_named(settings.contrast))
    weights = white.inverse @ rotation.matrix.T
    order = conventional_order(found.negentropy, weights)
    signs = conventional_signs(found.skewness, weights)
    matrix = (signs[:, None] * rotation.matrix)[order]
    return Fit(
        mean=white.mean,
        unmixing=matrix @ white.matrix,
        mixing=white.inverse @ matrix.T,
        whitening=white,
        components=found.taken(order),
        converged=rotation.converged,
        n_passes=rotation.n_passes,
        angles=rotation.angles[order],
        stuck=not rotation.converged and rotation.n_passes < settings.max_passes,
    )
