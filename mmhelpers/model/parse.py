"""Formula text to model terms: the syntax tree is formulae's, the algebra on it is R's.

The library formulae scans and parses; what its own evaluation does differently from R and lme4
(order of terms, naming of columns, redundant factors, ``||``, ``/`` between groups) is done here.
The algebra follows R's ``terms.formula``; the expansion of random-effects terms follows lme4's
``findbars`` and ``expandDoubleVerts``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from formulae import expr as ast

from mmhelpers.model.tree import FormulaError, deparse, syntax_tree

# A model term is the set of its variables; the intercept is kept apart, as R does.
Variables = frozenset[str]


@dataclass(frozen=True)
class Terms:
    """A sum of model terms, in R's order (main effects, then interactions).

    `terms` holds the variables of each term in their order of appearance; `intercept` says
    whether there is one.
    """

    terms: tuple[tuple[str, ...], ...]
    intercept: bool
    atoms: dict[str, Any] = field(repr=False)  # name -> syntax tree, in order of appearance
    offsets: tuple[Any, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the terms, ``"a:b"`` for an interaction."""
        return tuple(":".join(term) for term in self.terms)


@dataclass(frozen=True)
class Group:
    """A grouping factor: one variable, or the crossing of several."""

    label: str
    atoms: tuple[tuple[str, Any], ...]  # (name, syntax tree), slowest first


@dataclass(frozen=True)
class Bar:
    """One random-effects term: effects given a group."""

    label: str
    effects: Terms
    group: Group


@dataclass(frozen=True)
class Formula:
    """A formula taken apart."""

    text: str
    response: tuple[str, Any] | None
    fixed: Terms
    bars: tuple[Bar, ...]

    def atoms(self, response: bool = True) -> Iterator[tuple[str, Any]]:
        """Every expression to be evaluated on the data, with its name."""
        if response and self.response is not None:
            yield self.response
        yield from self.fixed.atoms.items()
        yield from ((deparse(node), node) for node in self.fixed.offsets)
        for bar in self.bars:
            yield from bar.effects.atoms.items()
            yield from bar.group.atoms


class _Algebra:
    """R's algebra of model terms over a syntax tree (``terms.formula``)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.atoms: dict[str, Any] = {}
        self.intercept = True
        self.adding = True
        self.offsets: list[Any] = []

    def read(self, node: Any) -> Terms:
        found = self._encode(node)
        order = {name: i for i, name in enumerate(self.atoms)}
        terms = [tuple(sorted(term, key=order.__getitem__)) for term in found]
        terms.sort(key=len)  # stable: R puts main effects before interactions
        used = {name: node for name, node in self.atoms.items() if any(name in t for t in terms)}
        return Terms(tuple(terms), self.intercept, used, tuple(self.offsets))

    def _encode(self, node: Any) -> list[Variables]:
        if isinstance(node, ast.Grouping):
            return self._encode(node.expression)
        if isinstance(node, ast.Literal):
            if node.value in (0, 1) and not isinstance(node.value, (str, bool)):
                self.intercept = (node.value == 1) == self.adding
                return []
            raise FormulaError(
                f"formula {self.text!r}: {deparse(node)} is not a model term; of numbers, only 0 and 1 are "
                "(without and with an intercept)"
            )
        if isinstance(node, ast.Unary):
            return self._minus([], node.right) if node.operator.kind == "MINUS" else self._encode(node.right)
        if isinstance(node, ast.Binary):
            return self._binary(node)
        if isinstance(node, ast.Call) and deparse(node.callee) == "offset":
            self.offsets.append(node)
            return []
        name = deparse(node)
        self.atoms.setdefault(name, node)
        return [frozenset([name])]

    def _binary(self, node: Any) -> list[Variables]:
        kind = node.operator.kind
        if kind == "PIPE":
            raise FormulaError(
                f"formula {self.text!r}: the random-effects term {deparse(node)} must stand in parentheses "
                "of its own and be added to the rest: + (x | g)"
            )
        if kind not in {"PLUS", "MINUS", "COLON", "STAR", "SLASH", "STAR_STAR"}:
            raise FormulaError(
                f"formula {self.text!r}: {deparse(node)} is not a model term; wrap a computation in I( )"
            )
        left = self._encode(node.left)
        if kind == "MINUS":
            return self._minus(left, node.right)
        if kind == "STAR_STAR":
            return self._power(left, node.right)
        right = self._encode(node.right)
        if kind == "PLUS":
            return _union(left, right)
        crossed = [a | b for a in left for b in right]
        if kind == "COLON":
            return _union(crossed)
        if kind == "STAR":
            return _union(left, right, crossed)
        within: Variables = frozenset().union(*left)  # SLASH: a/b is a + b within a
        return _union(left, [within | b for b in right])

    def _minus(self, left: list[Variables], node: Any) -> list[Variables]:
        self.adding = not self.adding
        right = self._encode(node)
        self.adding = not self.adding
        return [term for term in left if term not in right]

    def _power(self, left: list[Variables], node: Any) -> list[Variables]:
        power = node.value if isinstance(node, ast.Literal) else None
        if not isinstance(power, int) or power < 1:
            raise FormulaError(
                f"formula {self.text!r}: the power of a sum of terms is a positive whole number, not "
                f"{deparse(node)}; for the square of a variable write I({deparse(node)}**2)"
            )
        out = left
        for _ in range(power - 1):
            out = _union(out, [a | b for a in out for b in left])
        return out


def _union(*lists: list[Variables]) -> list[Variables]:
    return list(dict.fromkeys(term for terms in lists for term in terms))


def _groups(node: Any, text: str) -> list[Group]:
    """Read the grouping factors to the right of a bar; a/b gives b:a and a (lme4's order)."""
    if isinstance(node, ast.Grouping):
        inner = _groups(node.expression, text)
        if len(inner) == 1:
            only = inner[0]
            return [Group(f"({only.label})", only.atoms)] if len(only.atoms) > 1 else inner
    elif isinstance(node, ast.Binary) and node.operator.kind in {"COLON", "SLASH"}:
        left, right = _groups(node.left, text), _groups(node.right, text)
        if len(right) == 1:
            if node.operator.kind == "SLASH":
                return [_cross(right[0], left[0]), *left]
            if len(left) == 1:
                return [_cross(left[0], right[0])]
    elif isinstance(node, (ast.Variable, ast.QuotedName, ast.Call)):
        return [Group(deparse(node), ((deparse(node), node),))]
    raise FormulaError(
        f"formula {text!r}: {deparse(node)} is not a grouping factor. To the right of the bar stands one "
        "factor g, a crossing a:b or a nesting a/b; for two factors write two terms, (1 | a) + (1 | b)"
    )


def _cross(first: Group, second: Group) -> Group:
    label = second.label
    if len(second.atoms) > 1 and not label.startswith("("):
        label = f"({label})"
    return Group(f"{first.label}:{label}", first.atoms + second.atoms)


def _expand(node: Any, text: str) -> Iterator[Bar]:
    """One parenthesis with a bar to the terms that it stands for."""
    groups = _groups(node.right, text)
    effects = _Algebra(text).read(node.left)
    if effects.offsets:
        raise FormulaError(f"formula {text!r}: an offset cannot have a random effect")
    if not effects.terms and not effects.intercept:
        raise FormulaError(f"formula {text!r}: the random-effects term ({deparse(node)}) has no effects")
    if node.operator.lexeme != "||":
        for group in groups:
            yield Bar(f"{deparse(node.left)} | {group.label}", effects, group)
        return
    # lme4: an intercept and one uncorrelated term an effect; a factor stays together
    parts = [Terms((), True, {})] if effects.intercept else []
    parts += [Terms((term,), False, {name: effects.atoms[name] for name in term}) for term in effects.terms]
    for part in parts:
        for group in groups:
            yield Bar(f"{'1' if part.intercept else '0 + ' + part.labels[0]} | {group.label}", part, group)


def _split(node: Any, text: str) -> tuple[list[Any], list[Any]]:
    """Split a sum into what has no bar and the terms with a bar."""
    if isinstance(node, ast.Binary) and node.operator.kind == "PLUS":
        left, right = _split(node.left, text), _split(node.right, text)
        plain = [*left[0], *right[0]]
        if plain and len(plain) == 2:
            plain = [ast.Binary(plain[0], node.operator, plain[1])]
        return plain, left[1] + right[1]
    if isinstance(node, ast.Binary) and node.operator.kind == "MINUS":
        plain, bars = _split(node.left, text)
        rest = (
            ast.Binary(plain[0], node.operator, node.right) if plain else ast.Unary(node.operator, node.right)
        )
        return [rest], bars
    if isinstance(node, ast.Grouping):
        inner = node.expression
        if isinstance(inner, ast.Binary) and inner.operator.kind == "PIPE":
            return [], [inner]
        plain, bars = _split(inner, text)
        return ([node], []) if not bars else (plain, bars)
    return [node], []


def parse_formula(text: str) -> Formula:
    """Take a formula apart.

    Parameters
    ----------
    text : str
        As in lme4, ``"y ~ x + (x | g)"``; ``**`` and ``^`` are the same.

    Returns
    -------
    Formula

    Raises
    ------
    FormulaError
        If the text is not a formula; the message names the place and what would be right.

    Examples
    --------
    >>> [bar.label for bar in parse_formula("y ~ x + (1 + x || a/b)").bars]
    ['1 | b:a', '1 | a', '0 + x | b:a', '0 + x | a']
    """
    if not isinstance(text, str):
        raise TypeError(f"formula must be a string such as 'y ~ x + (x | g)', not {type(text).__name__}")
    if not text.strip():
        raise FormulaError("formula is empty: write one such as 'y ~ x + (x | g)'")
    one_sided = text.lstrip().startswith("~")
    tree = syntax_tree(text, text.lstrip()[1:] if one_sided else text)
    response = None
    if isinstance(tree, ast.Binary) and tree.operator.kind == "TILDE":
        response, tree = (deparse(tree.left), tree.left), tree.right
    plain, bars = _split(tree, text)
    algebra = _Algebra(text)
    fixed = algebra.read(plain[0]) if plain else Terms((), True, {})
    return Formula(text, response, fixed, tuple(bar for node in bars for bar in _expand(node, text)))
