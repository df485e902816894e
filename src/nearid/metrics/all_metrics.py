"""Several metrics of the same factors and codes at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nearid.errors import InputError
from nearid.metrics.arguments import check_arguments
from nearid.metrics.mutual_information import binned_information
from nearid.metrics.registry import METRICS
from nearid.metrics.score import Score

__all__ = ["all_metrics"]


def all_metrics(
    factors: ArrayLike,
    codes: ArrayLike,
    *,
    names: Iterable[str] | None = None,
    n_shuffles: int = 1,
    random_state: int | np.random.Generator | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Score]:
    """Score codes by several metrics.

    Each gets the same seed, so that alone, with that seed, it gives the same score, whatever else
    is asked for. The information of binned codes, which several of them share, is found once.

    Parameters
    ----------
    factors : array, shape (n, S)
    codes : array, shape (n, L)
    names : iterable of str, optional
        Of :data:`nearid.metrics.METRICS`; all of them by default, of which ``dci``,
        ``factorvae_score`` and ``betavae_score`` take by far the longest.
    n_shuffles : int, default 1
        Shuffles of the rows for the chance levels.
    random_state : int, Generator or None
    settings : mapping of str to mapping, optional
        Further arguments of single metrics by name, as ``{"infomec": {"variant": "training"}}``.

    Returns
    -------
    dict of str to Score
        In the order of ``names``.

    Raises
    ------
    InputError
        If a metric is unknown, or one of them refuses its input.

    Examples
    --------
    >>> s = np.random.default_rng(0).integers(0, 4, size=(500, 2))
    >>> found = all_metrics(s, s[:, ::-1], names=["mig", "mcc"], random_state=0)
    >>> {name: round(score.value, 2) for name, score in found.items()}
    {'mig': 0.99, 'mcc': 1.0}
    """
    wanted = list(METRICS) if names is None else list(names)
    further = dict(settings or {})
    for name in [*wanted, *further]:
        if name not in METRICS:
            raise InputError(f"there is no metric {name!r}; there are {', '.join(METRICS)}")
    given = check_arguments(factors, codes)
    binned = cache(lambda n_bins: binned_information(given.factors, given.codes, n_bins=n_bins))
    seed = _seed(random_state)
    found = {}
    for name in wanted:
        own: dict[str, Any] = {"n_shuffles": n_shuffles, "random_state": seed}
        own |= further.get(name, {})
        if "information" in signature(METRICS[name]).parameters:
            own |= {"information": binned(own.get("n_bins", 20))}
        found[name] = METRICS[name](given.factors, given.codes, **own)
    return found


def _seed(random_state: int | np.random.Generator | None) -> int:
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(np.random.default_rng(random_state).integers(2**31))
