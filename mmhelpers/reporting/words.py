"""Numbers and lists as a paper writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["listed", "number", "p_value"]

MINUS = "\N{MINUS SIGN}"


def number(value: float, digits: int = 3) -> str:
    """Write a number with `digits` significant digits, at most, and a real minus sign.

    Digits before the decimal point are all kept. A number that rounds to zero has no sign.

    Examples
    --------
    >>> number(10.4673), number(-0.04512), number(1234.6), number(0.0), number(17.0)
    ('10.5', '−0.0451', '1235', '0', '17.0')
    """
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: MINUS + "∞"}.get(value, "not estimated")
    if value == 0:
        return "0"
    places = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{abs(value):.{min(places, 10)}f}"
    if places > 10:
        text = f"{abs(value):.{digits - 1}e}"
    return (MINUS if value < 0 and float(text) != 0 else "") + text


def p_value(p: float) -> str:
    """Write "p = 0.030", or "p < 0.001" below that.

    Examples
    --------
    >>> p_value(0.0304), p_value(3e-6), p_value(0.9996)
    ('p = 0.030', 'p < 0.001', 'p > 0.999')
    """
    if p < 0.001:
        return "p < 0.001"
    return "p > 0.999" if p > 0.9995 else f"p = {p:.3f}"


def listed(words: Sequence[str]) -> str:
    """Join words: "a", "a and b", "a, b and c".

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
