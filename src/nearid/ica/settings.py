"""How to fit, whatever the rows."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Engine", "Settings"]


@dataclass(frozen=True)
class Engine:
    """Where and how a pass is computed; what comes out does not depend on it, up to rounding.

    Parameters
    ----------
    n_jobs : int
        Worker threads.
    compiled : bool or None
        Whether to use numba; None: where it is installed and the data are large.
    device : str or None
        A torch device, such as "cuda", on which to compute; None: NumPy.
    checkpoint : str or None
        A folder in which the sums of each pass are kept.
    """

    n_jobs: int = 1
    compiled: bool | None = None
    device: str | None = None
    checkpoint: str | None = None


@dataclass(frozen=True)
class Settings:
    """Contrast, stopping rule and resources of a fit.

    Parameters
    ----------
    contrast : str
    tolerance : float
        Radians.
    max_passes : int
    n_jobs, compiled, device, checkpoint
        See :class:`Engine`.
    memory_limit : int
        Bytes that a subsample may fill.
    solver : {"nearid", "jade", "picard"}
    n_init : int
        Starts, of which the one that ends with the most negentropy is kept.

    Examples
    --------
    >>> Settings(n_jobs=2).engine
    Engine(n_jobs=2, compiled=None, device=None, checkpoint=None)
    """

    contrast: str = "logcosh"
    tolerance: float = 0.01
    max_passes: int = 500
    n_jobs: int = 1
    compiled: bool | None = None
    device: str | None = None
    memory_limit: int = 2**28
    solver: str = "nearid"
    n_init: int = 1
    checkpoint: str | None = None

    @property
    def engine(self) -> Engine:
        """Where and how a pass is computed."""
        return Engine(self.n_jobs, self.compiled, self.device, self.checkpoint)
