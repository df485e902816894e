"""What a consensus is made of, and what a further run is aligned with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearid.identifiability.agreement import Agreement
from nearid.identifiability.consensus_result import View
from nearid.identifiability.evidence import Study
from nearid.identifiability.ladder import Frame
from nearid.rows import Rows

__all__ = ["Fitted", "turned", "view_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a further run is aligned with.

    Parameters
    ----------
    study : Study
        Of the runs that have not collapsed.
    train, test : ndarray of int
        Which rows were fitted to and held out.
    first : Rows
        All rows of the first run, whose ids say which input is which.
    frame : Frame
        Each run's map to the common coordinates.
    variance : ndarray, shape (K,)
        Of the mean, along the common coordinates.
    turn : ndarray, shape (K, k)
        From the common coordinates to the components.
    """

    study: Study
    train: NDArray[np.intp]
    test: NDArray[np.intp]
    first: Rows
    frame: Frame
    variance: Array
    turn: Array

    @property
    def components(self) -> Frame:
        """Each run's map to the components."""
        return turned(self.frame, self.turn)


def turned(frame: Frame, turn: Array) -> Frame:
    """Return a frame whose coordinates are turned further."""
    maps = [matrix @ turn for matrix in frame.maps if matrix is not None]
    return Frame(frame.name, (), frame.means, maps, {}, frame.single)


def view_of(m: int, name: str, frame: Frame, found: Agreement, share: Array) -> View:
    """Return what was found of one run."""
    matrix = frame.maps[m]
    assert matrix is not None
    return View(
        name=name,
        mean=frame.means[m],
        matrix=matrix,
        correlation=found.correlation[m],
        low=found.low[m],
        high=found.high[m],
        r2=share[m],
        chance=float(found.chance[m]),
    )
