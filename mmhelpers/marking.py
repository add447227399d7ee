"""Marks for answers that have parts: a model's formula, a sentence of results.

A checker of one number says right or wrong. A formula is several decisions, and a sentence several facts; here each is
a rule with a name, and the mark says of each whether it is met. The rules stand in the chapter's file of answers:

- ``need``: must be met. ``fixed`` or ``random`` is a pattern for one term of a formula, ``pattern`` one for the text;
  ``number`` with ``tolerance`` must occur in the text. With ``if``, a pattern for the text, it is needed only then.
- ``avoid``: the same, must not be met.
- ``remark``: said when met, whatever else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Mark", "Rule", "Terms", "mark", "rules", "terms_of"]

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Rule:
    """One thing that is marked.

    Attributes
    ----------
    kind : str
        "need", "avoid" or "remark".
    name : str
        What is marked, in two or three words.
    says : str
        Said where a need is not met, something to avoid is there, or a remark applies.
    where : str
        "fixed", "random", "response", "pattern" or "number".
    wanted : str or float
        Pattern (of regular expressions), or number.
    tolerance : float
        Of a number, absolute.
    only_if : str
        Pattern of the text without which the rule does not apply; empty for always.
    """

    kind: str
    name: str
    says: str
    where: str
    wanted: str | float
    tolerance: float = 0.0
    only_if: str = ""


@dataclass(frozen=True)
class Mark:
    """What marking found: whether all needs are met and nothing is there to avoid, and a line a rule."""

    ok: bool
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Terms:
    """Terms of a formula in one order, so that patterns can name them.

    Attributes
    ----------
    response : str
    fixed : tuple of str
        "period:thinned", its variables in the order of the alphabet.
    random : tuple of str
        "1 + period | stand", a string a bar after ``||`` and ``/`` are expanded; a grouping factor of several variables
        has them in the order of the alphabet.
    """

    response: str
    fixed: tuple[str, ...]
    random: tuple[str, ...]


def rules(entry: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Read the rules of an exercise from its table in the file of answers."""
    found = []
    for kind in ("need", "avoid", "remark"):
        for given in entry.get(kind, []):
            where = next(w for w in ("fixed", "random", "response", "pattern", "number") if w in given)
            found.append(
                Rule(
                    kind,
                    given["name"],
                    given["says"],
                    where,
                    given[where],
                    float(given.get("tolerance", 0.0)),
                    given.get("if", ""),
                )
            )
    return tuple(found)


def terms_of(formula: str) -> Terms:
    """Take a formula apart.

    Raises
    ------
    FormulaError
        If it is none.

    Examples
    --------
    >>> terms_of("y ~ b * a + (a || g/h)").fixed
    ('b', 'a', 'a:b')
    >>> terms_of("y ~ b * a + (a || g/h)").random
    ('1 | g:h', '1 | g', 'a | g:h', 'a | g')
    """
    from mmhelpers.model.parse import parse_formula

    parsed = parse_formula(formula)
    random = []
    for bar in parsed.bars:
        effects = (["1"] if bar.effects.intercept else []) + sorted(
            ":".join(sorted(term)) for term in bar.effects.terms
        )
        group = ":".join(sorted(name for name, _ in bar.group.atoms))
        random.append(f"{' + '.join(effects) or '0'} | {group}")
    fixed = tuple(":".join(sorted(term)) for term in parsed.fixed.terms)
    response = parsed.response[0] if parsed.response else ""
    return Terms(response, fixed, tuple(random))


def mark(text: str, given: Sequence[Rule]) -> Mark:
    """Mark an answer by its rules.

    Parameters
    ----------
    text : str
        Formula or sentence.
    given : sequence of Rule
        The rules; those about terms need a formula.

    Returns
    -------
    Mark
        Met needs come as "✓ name", others as "✗ name: ...", remarks as "· ...".

    Raises
    ------
    FormulaError
        If a rule asks for a formula and `text` is none.
    """
    plain = text.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")
    terms = terms_of(plain) if any(rule.where in {"fixed", "random", "response"} for rule in given) else None
    ok, lines = True, []
    for rule in given:
        if rule.only_if and not re.search(rule.only_if, plain, re.IGNORECASE):
            continue
        met = _met(rule, plain, terms)
        if rule.kind == "remark":
            lines += [f"· {rule.says}"] if met else []
        elif rule.kind == "need":
            ok = ok and met
            lines.append(f"✓ {rule.name}" if met else f"✗ {rule.name}: {rule.says}")
        elif met:
            ok = False
            lines.append(f"✗ {rule.name}: {rule.says}")
    return Mark(ok, tuple(lines))


def _met(rule: Rule, text: str, terms: Terms | None) -> bool:
    if rule.where == "number":
        # a dash between two numbers is a range, not a sign
        ranged = re.sub(r"(?<=\d)\s*-\s*(?=\d)", " to ", text)
        found = [float(n) for n in _NUMBER.findall(ranged)]
        return any(abs(n - float(rule.wanted)) <= rule.tolerance + 1e-12 for n in found)
    pattern = str(rule.wanted)
    if rule.where == "pattern":
        return re.search(pattern, text, re.IGNORECASE) is not None
    assert terms is not None
    candidates = {"fixed": terms.fixed, "random": terms.random, "response": (terms.response,)}[rule.where]
    return any(re.search(pattern, term) for term in candidates)
