"""Random numbers from whatever a user gives as ``random_state``; the global seed is not touched."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from nearid.errors import InputError

__all__ = ["Seed", "as_generator"]

Seed = int | np.random.Generator | np.random.RandomState | None


def as_generator(random_state: Seed) -> np.random.Generator:
    """Return a generator of its own for a seed.

    Parameters
    ----------
    random_state : None, int, Generator or RandomState
        Fresh numbers, the numbers of this seed, the next numbers of this generator, or a seed
        drawn from this legacy generator.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    InputError
        If it is anything else.

    Examples
    --------
    >>> bool(as_generator(0).random() == as_generator(0).random())
    True
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31, size=4))
    if random_state is None:
        return np.random.default_rng()
    if isinstance(random_state, Integral) and random_state >= 0:
        return np.random.default_rng(int(random_state))
    raise InputError(
        f"random_state must be None, a whole number from 0, or a NumPy Generator or RandomState; "
        f"got {random_state!r}"
    )
