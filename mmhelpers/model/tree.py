"""Formula text to a syntax tree, and a syntax tree to text: formulae scans and parses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from formulae import expr as ast
from formulae.parser import ParseError, Parser
from formulae.scanner import ScanError, Scanner


class FormulaError(ValueError):
    """A formula that cannot be read, or asks for what is not there.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> try:
    ...     mm.build_matrices("Reaction ~ Day + (1 | Subject)", mm.load("sleepstudy"))
    ... except mm.FormulaError as wrong:
    ...     print("Day" in str(wrong))
    True
    """


# formulae's kinds of token -> (text, as R prints it)
_OPERATORS = {
    "PLUS": " + ",
    "MINUS": " - ",
    "STAR": " * ",
    "SLASH": "/",
    "STAR_STAR": "^",
    "COLON": ":",
    "PIPE": " | ",
    "TILDE": " ~ ",
    "EQUAL_EQUAL": " == ",
    "BANG_EQUAL": " != ",
    "LESS": " < ",
    "LESS_EQUAL": " <= ",
    "GREATER": " > ",
    "GREATER_EQUAL": " >= ",
}


def deparse(node: Any) -> str:
    """Print a syntax tree as R prints it, ``"I(x^2)"`` or ``"poly(x, 2)"``."""
    if isinstance(node, ast.Variable):
        return str(node.name.lexeme)
    if isinstance(node, ast.QuotedName):
        return str(node.expression.lexeme)
    if isinstance(node, ast.Literal):
        return str(node.lexeme if node.lexeme is not None else node.value)
    if isinstance(node, ast.Grouping):
        return f"({deparse(node.expression)})"
    if isinstance(node, ast.Unary):
        return str(node.operator.lexeme) + deparse(node.right)
    if isinstance(node, ast.Binary):
        return deparse(node.left) + _OPERATORS[node.operator.kind] + deparse(node.right)
    if isinstance(node, ast.Call):
        return f"{deparse(node.callee)}({', '.join(deparse(arg) for arg in node.args)})"
    return f"{deparse(node.name)} = {deparse(node.value)}"  # an argument by name


def variables(node: Any) -> Iterator[str]:
    """Names of the columns that an expression needs (not of the functions that it calls)."""
    if isinstance(node, ast.Variable):
        yield str(node.name.lexeme)
    elif isinstance(node, ast.QuotedName):
        yield str(node.expression.lexeme[1:-1])
    elif isinstance(node, ast.Grouping):
        yield from variables(node.expression)
    elif isinstance(node, ast.Unary):
        yield from variables(node.right)
    elif isinstance(node, ast.Binary):
        yield from variables(node.left)
        yield from variables(node.right)
    elif isinstance(node, ast.Call):
        for arg in node.args:
            yield from variables(arg.value if isinstance(arg, ast.Assign) else arg)


_HINTS = {
    "PIPE": "put each random-effects term in parentheses, + (x | g)",
    **dict.fromkeys(
        ["EQUAL_EQUAL", "BANG_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"],
        "wrap a computation in I( )",
    ),
}


def syntax_tree(text: str, body: str) -> Any:
    """Return the syntax tree of `body`, the part of the formula `text` from the response on.

    Two bars become one with the text ``||``; ``^`` is read as ``**``.
    """
    if text.count("`") % 2 or text.count("(") != text.count(")"):
        what = "backquote" if text.count("`") % 2 else "parenthesis"
        raise FormulaError(f"formula {text!r}: a {what} is opened and not closed, or the other way round")
    if "=" in text and "~" not in text and "(" not in text.split("=")[0]:
        raise FormulaError(f"formula {text!r}: write the response and the model with a tilde, 'y ~ x'")
    try:
        tokens = Scanner(body.replace("^", "**")).scan(add_intercept=False)
        merged = tokens[:1]
        for token in tokens[1:]:
            if token.kind == "PIPE" and merged[-1].kind == "PIPE":
                merged[-1].lexeme = "||"
            else:
                merged.append(token)
        parser = Parser(merged)
        tree = parser.parse()
    except (ScanError, ParseError) as error:
        raise FormulaError(f"formula {text!r} cannot be read: {_plain(str(error))}") from None
    if not parser.at_end():
        rest = parser.peek()
        hint = _HINTS.get(rest.kind, "an operator is missing before it")
        raise FormulaError(f"formula {text!r} cannot be read from {rest.lexeme!r} on: {hint}")
    return tree


def _plain(message: str) -> str:
    if message.endswith("parse ''"):
        return "it ends where a term should follow"
    if message.startswith("Don't know how to parse"):
        return f"no term can begin with {message.split('parse ')[1]}"
    if message.startswith("Unexpected character"):
        return f"u{message[1:]} (a column with an unusual name goes in backquotes, `my column`)"
    return message
