"""What made a report: the call, its settings, and the versions of what computed it."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy
import scipy
import sklearn

from nearid import __version__
from nearid.identifiability.units import LABELS

if TYPE_CHECKING:
    from nearid.identifiability.result import StatisticalIdentifiability

__all__ = ["call_text", "setting_text", "settings_used", "versions"]


def versions(*libraries: str) -> dict[str, str]:
    """Return the versions of everything that takes part in the numbers.

    Parameters
    ----------
    *libraries : str
        Further packages that took part, by the names under which they are installed.

    Examples
    --------
    >>> list(versions())
    ['nearid', 'numpy', 'scipy', 'scikit-learn', 'Python']
    >>> list(versions("matplotlib"))[-2:]
    ['matplotlib', 'Python']
    """
    return {
        "nearid": __version__,
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        **{name: version(name) for name in libraries},
        "Python": platform.python_version(),
    }


def settings_used(result: StatisticalIdentifiability) -> dict[str, str]:
    """Return every setting as text, defaults included."""
    return {key: setting_text(value) for key, value in result.settings.items()}


def setting_text(value: object) -> str:
    """Write a setting for a reader.

    Examples
    --------
    >>> setting_text(("rigid", "linear")), setting_text(None)
    ('rigid, linear', 'None')
    """
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def call_text(result: StatisticalIdentifiability) -> str:
    """Return the Python call that made a result.

    Examples
    --------
    >>> import nearid, numpy as np
    >>> z = np.random.default_rng(0).laplace(size=(400, 2))
    >>> print(call_text(nearid.statistical_identifiability([z, -z], groups=["rigid"], ica=False)))
    nearid.statistical_identifiability(
        runs,
        groups=('rigid',),
        ica=False,
        n_components=0.99,
        tolerance=0.1,
        epsilon=None,
        holdout=0.5,
        unit=None,
        n_bootstrap=200,
        n_null=5,
        n_random=5,
        random_state=None,
    )
    """
    given = {key: repr(value) for key, value in result.settings.items()}
    if result.settings["unit"] == LABELS:
        given["unit"] = "unit"
    lines = [f"    {key}={value}," for key, value in given.items()]
    return "\n".join(["nearid.statistical_identifiability(", "    runs,", *lines, ")"])
