"""How numbers are written for readers."""

from __future__ import annotations

import math
from typing import SupportsFloat

__all__ = ["number", "percent"]

MISSING = "–"


def number(value: SupportsFloat) -> str:
    """Write a number with three significant digits, and a dash where there is none.

    Examples
    --------
    >>> number(0.04275), number(1234.6), number(float("nan")), number(-2e-9), number(0)
    ('0.0428', '1235', '–', '-2e-09', '0')
    """
    value = float(value)
    if not math.isfinite(value):
        return MISSING if math.isnan(value) else "∞"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) < 1e-4 else f"{value:#.3g}"


def percent(value: SupportsFloat) -> str:
    """Write a share as a percentage, with a digit more where it is small.

    Examples
    --------
    >>> percent(0.4408), percent(0.1), percent(0.0071), percent(-0.2), percent(2e-6)
    ('44 %', '10 %', '0.7 %', '-20 %', '< 0.1 %')
    """
    share = 100 * float(value)
    if not math.isfinite(share):
        return MISSING
    if 0 < share < 0.1:
        return "< 0.1 %"
    small = abs(share) < 9.95 and abs(share - round(share)) > 0.05
    return f"{share:.1f} %" if small else f"{share:.0f} %"
