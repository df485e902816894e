"""Fitting other libraries' models where their warnings are part of a metric's definition."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.exceptions import ConvergenceWarning

__all__ = ["quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """Silence that an optimiser stopped early, and that classes are many for the rows.

    The definitions fix the number of iterations, and say that the values are classes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        yield
