"""The ladder: every rung's map from one run to another, fitted from joint moments alone.

A *frame* says in which coordinates runs are compared: their own (native), or each whitened by
itself.  Within the whitened frame each run may first be rotated *by itself* — at random, or by ICA
— before a signed permutation is fitted; such rungs and the rigid one live in the same space, so
that their errors can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearid.groups import GROUPS
from nearid.moments import Moments, PairMoments

__all__ = ["Frame", "Rung", "fit_rungs", "native_frame", "rung_names", "whitened_frame"]

Array = NDArray[np.float64]

#: The rungs of the whitened frame, and the group that is fitted for each.
WHITENED = (
    ("random", "signed_permutation"),
    ("signed_permutation", "signed_permutation"),
    ("ica", "signed_permutation"),
    ("rigid", "rigid"),
    ("linear", "linear"),
)
#: Standard deviations whose squares and sums float32 can hold.
SINGLE = (1e-12, 1e12)


@dataclass(frozen=True, eq=False)
class Rung:
    """One fitted map between two runs, in the coordinates of a frame.

    Parameters
    ----------
    group : str
        Name of the rung: a group, or ``"ica"``, ``"random"``.
    matrix : ndarray, shape (k_source, k_target)
        The map of centred frame coordinates.
    missed : ndarray, shape (k_target,)
        The target's mean less the map of the source's mean: zero unless the offset is not free.
    inner : ndarray
        The map between the runs' own rotated coordinates, ``matrix = R_sᵀ · inner · R_t``.
    bases : (ndarray, ndarray) or None
        The rotations R_s and R_t (rows are axes), where runs are rotated by themselves.
    """

    group: str
    matrix: Array
    missed: Array
    inner: Array
    bases: tuple[Array, Array] | None = None

    def own_coordinates(self, pair: PairMoments) -> PairMoments:
        """Return a pair's moments in the runs' own rotated coordinates."""
        return pair if self.bases is None else rotate(pair, *self.bases)


@dataclass(frozen=True, eq=False)
class Frame:
    """Coordinates ``(z − mean_m) @ maps[m]`` in which the runs m are compared.

    Parameters
    ----------
    name : str
        ``"native"`` or ``"whitened"``.
    rungs : tuple of (str, str)
        Name of each rung, and the group that is fitted for it.
    means : list of ndarray, shapes (D_m,)
    maps : list of ndarray or None, shapes (D_m, k)
        None leaves the coordinates as they are.
    rotations : mapping of str to list (draws) of list (runs) of ndarray, shape (k, k)
        For the rungs at which each run is rotated by itself.
    single : bool
        Whether float32 can hold squared distances in this frame.
    """

    name: str
    rungs: tuple[tuple[str, str], ...]
    means: Sequence[Array]
    maps: Sequence[Array | None]
    rotations: Mapping[str, Sequence[Sequence[Array]]]
    single: bool = True

    def coordinates(self, chunk: NDArray[Any], run: int) -> NDArray[Any]:
        """Return a run's rows in the frame's coordinates, in the precision of the data."""
        narrow = self.single and chunk.dtype in (np.float32, np.float16)
        dtype = np.float32 if narrow else np.float64
        centred = (chunk - self.means[run]).astype(dtype, copy=False)
        matrix = self.maps[run]
        return np.asarray(centred if matrix is None else centred @ matrix.astype(dtype))

    def moments(self, joint: Moments) -> Moments:
        """Return joint moments of the runs in the frame's coordinates."""
        if all(matrix is None for matrix in self.maps):
            # The means stay, for the identity is not free to remove them.
            return joint
        matrices = [matrix for matrix in self.maps if matrix is not None]
        offsets = [-mean @ matrix for mean, matrix in zip(self.means, matrices, strict=True)]
        return joint.mapped(matrices, offsets)


def native_frame(joint: Moments, groups: Sequence[str]) -> Frame:
    """Compare the runs in the coordinates they came in."""
    means = [joint.mean[joint.block(m)] for m in range(len(joint.widths))]
    rungs = tuple((name, name) for name in groups)
    spread = np.sqrt(np.diag(joint.cov).clip(0))
    single = all(SINGLE[0] < spread[joint.block(m)].max() < SINGLE[1] for m in range(len(means)))
    return Frame("native", rungs, means, [None] * len(means), {}, single)


def whitened_frame(
    means: Sequence[Array],
    maps: Sequence[Array],
    *,
    ica: Sequence[Array] | None,
    n_random: int,
    rng: np.random.Generator,
) -> Frame:
    """Compare the runs after each was whitened by itself.

    Parameters
    ----------
    means, maps : sequences of ndarray
        Each run's mean and whitening map, shape (D_m, k), all of the same k.
    ica : sequence of ndarray or None
        Each run's ICA rotation of its whitened coordinates, shape (k, k).
    n_random : int
        Draws of the control in which each run is rotated at random.
    rng : numpy.random.Generator
    """
    k = maps[0].shape[1]
    draw = GROUPS["rigid"].sample_matrix
    rotations = {"random": [[draw(k, rng) for _ in maps] for _ in range(n_random)]}
    if ica is not None:
        rotations["ica"] = [list(ica)]
    rungs = tuple(rung for rung in WHITENED if rung[0] != "ica" or ica is not None)
    return Frame("whitened", rungs, means, maps, rotations)


def rung_names(groups: Sequence[str], *, ica: bool) -> dict[str, list[str]]:
    """Return the names of the rungs of each frame, smallest group first.

    Examples
    --------
    >>> rung_names(["rigid"], ica=False)["whitened"]
    ['random', 'signed_permutation', 'rigid', 'linear']
    """
    return {
        "native": [name for name in GROUPS if name in groups],
        "whitened": [name for name, _ in WHITENED if ica or name != "ica"],
    }


def fit_rungs(frame: Frame, moments: Moments, source: int, target: int) -> Iterator[Rung]:
    """Fit every rung of a frame for one ordered pair of runs.

    Parameters
    ----------
    frame : Frame
    moments : Moments
        Joint moments of the fitting rows in the frame's coordinates.
    source, target : int
        Positions of the runs.

    Yields
    ------
    Rung
        In the frame's order; a rung with several random draws once for each.
    """
    pair = moments.pair(source, target)
    for name, group in frame.rungs:
        for rotation in frame.rotations.get(name, [None]):
            bases = None if rotation is None else (rotation[source], rotation[target])
            yield _fit(name, group, pair, bases)


def _fit(name: str, group: str, pair: PairMoments, bases: tuple[Array, Array] | None) -> Rung:
    rotated = pair if bases is None else rotate(pair, *bases)
    fitted = GROUPS[group].fit_moments(rotated)
    missed = rotated.target_mean - fitted.transform(rotated.source_mean[None])[0]
    matrix = fitted.matrix
    if bases is not None:
        r_source, r_target = bases
        matrix, missed = r_source.T @ matrix @ r_target, missed @ r_target
    return Rung(name, matrix, missed, fitted.matrix, bases)


def rotate(pair: PairMoments, r_source: Array, r_target: Array) -> PairMoments:
    """Return the moments of a pair after each run was rotated, ``z ↦ z Rᵀ``."""
    return PairMoments(
        n=pair.n,
        source_mean=pair.source_mean @ r_source.T,
        target_mean=pair.target_mean @ r_target.T,
        source_cov=r_source @ pair.source_cov @ r_source.T,
        target_cov=r_target @ pair.target_cov @ r_target.T,
        cross_cov=r_source @ pair.cross_cov @ r_target.T,
    )
