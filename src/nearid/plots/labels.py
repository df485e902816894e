"""How runs, frames and groups are called in figures and reports."""

from __future__ import annotations

import unicodedata

__all__ = ["FRAMES", "capital", "group_label", "printable", "shortened"]

FRAMES = {"native": "own coordinates", "whitened": "whitened"}

#: In the whitened frame a signed permutation of whitened coordinates compares the PCA axes.
WHITENED = {"random": "random rotation", "signed_permutation": "PCA axes", "ica": "ICA axes"}

#: Characters that XML forbids or that have no picture: controls and lone surrogates.
UNPRINTABLE = {"Cc", "Cs", "Cn"}

#: Overrides of the direction of writing, by which a name could turn around the words beside it.
DIRECTIONS = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def group_label(frame: str, group: str) -> str:
    """Name a rung of the ladder for a reader.

    Examples
    --------
    >>> group_label("native", "signed_permutation"), group_label("whitened", "ica")
    ('signed permutation', 'ICA axes')
    """
    plain = group.replace("_", " ")
    return WHITENED.get(group, plain) if frame == "whitened" else plain


def capital(text: str) -> str:
    """Return text that begins with a capital, the rest as it is.

    Examples
    --------
    >>> capital("whitened, ICA")
    'Whitened, ICA'
    """
    return text[:1].upper() + text[1:]


def printable(text: str, *, keep: str = "") -> str:
    """Replace what XML forbids, such as control characters from a file's name, by a mark.

    Marked as well are characters that turn the direction of the text after them.

    Parameters
    ----------
    text : str
    keep : str
        Characters that are kept all the same, such as line ends.

    Examples
    --------
    >>> print(printable("seed" + chr(27) + "1"), printable("seed" + chr(0x202E) + "1"))
    seed�1 seed�1
    """
    return "".join("�" if _hidden(c) and c not in keep else c for c in text)


def _hidden(character: str) -> bool:
    return character in DIRECTIONS or unicodedata.category(character) in UNPRINTABLE


def shortened(text: str, length: int = 22) -> str:
    """Cut the middle out of a long name, and show that it was cut; both ends tell runs apart.

    Examples
    --------
    >>> shortened("checkpoints/2026-03-11/seed_7/embeddings", 15)
    'checkpo…eddings'
    """
    text = printable(text)
    if len(text) <= length:
        return text
    head = length // 2
    return f"{text[:head]}…{text[len(text) - (length - head - 1) :]}"
