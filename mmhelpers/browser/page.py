"""An exercise's cell, run with what the page's own cells define: only those statements that it needs.

A chapter's cells draw figures, call R and simulate for seconds. None of that is run for a reader who wants to check an
answer: from the names in the reader's code, the statements that make them are found backwards through the page, as
one does by eye. A statement that cannot be run here (its package is not loaded) is passed over, and named if the reader
uses what it would have made.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

#: A generator of random numbers changes with every use, so a statement that uses one belongs to what follows.
CHANGES_WITH_USE = frozenset({"rng"})


@dataclass(frozen=True)
class Statement:
    """One statement of the page.

    Attributes
    ----------
    node : ast.stmt
    """

    node: ast.stmt

    @cached_property
    def names(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """Names that it binds, names that it changes in place, and names that it uses.

        Examples
        --------
        >>> [sorted(names) for names in Statement(ast.parse("a['x'] = b + 1").body[0]).names]
        [[], ['a'], ['a', 'b']]
        """
        node = self.node
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            return frozenset({node.name}), frozenset(), names_in(node, ast.Load)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            made = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            return frozenset(made), frozenset(), frozenset()
        used = names_in(node, ast.Load)
        stored = names_in(node, ast.Store)
        changed = {
            root(n) for n in ast.walk(node) if isinstance(n, (ast.Subscript, ast.Attribute)) and stores(n)
        }
        if isinstance(node, ast.AugAssign):
            used |= stored
        # a loop or a condition may leave what was there before
        sure = isinstance(node, (ast.Assign, ast.AnnAssign, ast.With))
        changed |= used & CHANGES_WITH_USE
        return (stored, frozenset(changed), used) if sure else (frozenset(), stored | changed, used)


def names_in(node: ast.AST, context: type) -> frozenset[str]:
    """Names that stand in a piece of code in one role."""
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, context))


def stores(node: ast.Subscript | ast.Attribute) -> bool:
    """Whether an element or attribute is assigned to."""
    return isinstance(node.ctx, (ast.Store, ast.Del))


def root(node: ast.expr) -> str:
    """Return the name at the left end of ``a.b[c]``, or nothing."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


@dataclass(frozen=True)
class Answer:
    """What came of a reader's code.

    Attributes
    ----------
    text : str
        What it printed, and its last line's value.
    error : str
        The last line of a traceback, and a hint if there is one; empty where all went well.
    right : bool or None
        What a checker said, if the last line was one.
    """

    text: str
    error: str = ""
    right: bool | None = None


class Page:
    r"""The cells of a page that stand before an exercise.

    Parameters
    ----------
    cells : sequence of str

    Examples
    --------
    >>> page = Page(["import math", "a = 2\nb = math.inf - a", "print('a figure')"])
    >>> page.run("b * 2").text
    'inf'
    >>> page.run("print(c)").error
    "NameError: name 'c' is not defined"
    """

    def __init__(self, cells: Sequence[str]) -> None:
        self.statements = [Statement(node) for cell in cells for node in ast.parse(cell).body]
        self._made: dict[tuple[int, ...], tuple[dict[str, Any], dict[str, str]]] = {}

    def needed(self, code: ast.AST) -> tuple[int, ...]:
        """Return the positions of the statements that a piece of code needs, in order."""
        live = set(names_in(code, ast.Load)) - set(dir(builtins))
        chosen: list[int] = []
        for i in range(len(self.statements) - 1, -1, -1):
            bound, changed, used = self.statements[i].names
            if live & (bound | changed):
                chosen.append(i)
                live -= bound
                live |= used
        return tuple(reversed(chosen))

    def prepare(self, chosen: tuple[int, ...]) -> tuple[dict[str, Any], dict[str, str]]:
        """Run these statements once; return what they made, and what could not be made and why."""
        if chosen not in self._made:
            space: dict[str, Any] = {"__name__": "__main__", "display": lambda *_: None}
            lost: dict[str, str] = {}
            for i in chosen:
                bound, changed, used = self.statements[i].names
                because = next((lost[name] for name in sorted(used) if name in lost), "")
                try:
                    with contextlib.redirect_stdout(io.StringIO()):
                        module = ast.Module([self.statements[i].node], [])
                        exec(compile(module, "<page>", "exec"), space)
                    for name in bound:
                        lost.pop(name, None)
                except Exception as error:
                    why = because or f"{type(error).__name__}: {error}".splitlines()[0]
                    lost.update(dict.fromkeys(bound | changed, why))
            self._made[chosen] = space, lost
        return self._made[chosen]

    def run(self, code: str) -> Answer:
        """Run a reader's code with the page's names, and show its last line's value as a notebook does."""
        out = io.StringIO()
        lost: dict[str, str] = {}
        right = None
        try:
            tree = ast.parse(code, "<your cell>")
            made, lost = self.prepare(self.needed(tree))
            space = dict(made)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            with contextlib.redirect_stdout(out):
                exec(compile(tree, "<your cell>", "exec"), space)
                if isinstance(last, ast.Expr):
                    value = eval(compile(ast.Expression(last.value), "<your cell>", "eval"), space)
                    if value is not None:
                        print(value if type(value).__module__.startswith("pandas") else repr(value))
                    if type(value).__name__ == "Verdict":
                        right = bool(value)
        except Exception as error:
            said = traceback.format_exception_only(error)[-1].strip()
            if isinstance(error, NameError) and error.name in lost:
                said += f". The page's cell that makes it does not run here ({lost[error.name]})"
            return Answer(out.getvalue(), said)
        return Answer(out.getvalue().rstrip("\n"), "", right)
