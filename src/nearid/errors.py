"""The errors that a user can mend: what was expected, what came, and what to do."""

__all__ = ["InputError", "MissingExtraError", "NearIdError"]


class NearIdError(Exception):
    """Base of every error that nearid raises on purpose."""


class InputError(NearIdError, ValueError):
    """The data or the arguments are not what was expected; the message says what to do."""


class MissingExtraError(NearIdError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""
