"""How numbers are written for readers: true minus signs, and no line break before a unit."""

from __future__ import annotations

import math
from typing import SupportsFloat

__all__ = ["number", "percent", "score"]

MISSING, MINUS, NO_BREAK = "–", "−", "\u00a0"


def number(value: SupportsFloat) -> str:
    """Write a number with three significant digits, and a dash where there is none.

    Examples
    --------
    >>> number(0.04275), number(1234.6), number(float("nan")), number(-2e-9), number(0)
    ('0.0428', '1235', '–', '−2e−09', '0')
    """
    value = float(value)
    if not math.isfinite(value):
        return MISSING if math.isnan(value) else "∞"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:.0f}".replace("-", MINUS)
    text = f"{value:.3g}" if abs(value) < 1e-4 else f"{value:#.3g}"
    return text.replace("-", MINUS)


def score(value: SupportsFloat) -> str:
    """Write a score that is at most 1, such as R² or a correlation, with three decimals.

    Examples
    --------
    >>> score(0.0464), score(-0.34354), score(float("nan"))
    ('0.046', '−0.344', '–')
    """
    return f"{float(value):.3f}".replace("-", MINUS) if math.isfinite(float(value)) else MISSING


def percent(value: SupportsFloat) -> str:
    """Write a share as a percentage, with a digit more where it is small.

    Examples
    --------
    >>> shares = [0.4408, 0.1, 0.0071, -0.2, 2e-6]
    >>> [percent(share).replace(NO_BREAK, " ") for share in shares]
    ['44 %', '10 %', '0.7 %', '−20 %', '< 0.1 %']
    """
    share = 100 * float(value)
    if not math.isfinite(share):
        return MISSING
    if 0 < share < 0.1:
        return f"<{NO_BREAK}0.1{NO_BREAK}%"
    small = abs(share) < 9.95 and abs(share - round(share)) > 0.05
    text = f"{share:.1f}" if small else f"{share:.0f}"
    return f"{text.replace('-', MINUS)}{NO_BREAK}%"
