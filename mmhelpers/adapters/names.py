"""Names of coefficients in one spelling, lme4's, so that tables of different engines can be joined."""

from __future__ import annotations

import re

__all__ = ["r_name", "r_term"]

_FACTOR = re.compile(r"C\(\s*([^\s,()]+)\s*(?:,(?:[^()]|\([^()]*\))*)?\)(?=\[)")
_TERM = re.compile(r"C\(\s*([^\s,()]+)\s*(?:,(?:[^()]|\([^()]*\))*)?\)")
_LEVEL = re.compile(r"\[(?:T\.|S\.)?([^\]]*)\]")


def r_name(name: str) -> str:
    """Spell the name of a coefficient of patsy or formulae as R does.

    Examples
    --------
    >>> r_name("Intercept"), r_name("C(pop)[T.B]"), r_name("site[T.North]:Days"), r_name("I(x ** 2)")
    ('(Intercept)', 'popB', 'siteNorth:Days', 'I(x^2)')
    >>> r_name("C(pop, Treatment('A'))[T.B]")
    'popB'
    """
    if name in {"Intercept", "const", "1"}:
        return "(Intercept)"
    name = _LEVEL.sub(r"\1", _FACTOR.sub(r"\1", name))
    return re.sub(r"\s*\*\*\s*", "^", name)


def r_term(name: str) -> str:
    """Spell the name of a term of patsy or formulae as R does.

    Examples
    --------
    >>> r_term("Intercept"), r_term("C(pop, Treatment('A')):x"), r_term("I(x ** 2)")
    ('(Intercept)', 'pop:x', 'I(x^2)')
    """
    if name in {"Intercept", "const", "1"}:
        return "(Intercept)"
    return re.sub(r"\s*\*\*\s*", "^", _TERM.sub(r"\1", name))
