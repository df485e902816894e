"""Optional dependencies, imported where they are needed and nowhere else."""

from importlib import import_module
from types import ModuleType

from nearid.errors import MissingExtraError

__all__ = ["require"]


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional module, or say which extra to install.

    Parameters
    ----------
    module : str
        The module's dotted name.
    extra : str
        The extra of this package that brings it.

    Returns
    -------
    module

    Raises
    ------
    MissingExtraError
        If the module, or one that it needs, is not installed.

    Examples
    --------
    >>> require("json", extra="none").dumps([1])
    '[1]'
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"this needs {module}, which is not installed ({error}): pip install 'nearid[{extra}]'"
        ) from error
