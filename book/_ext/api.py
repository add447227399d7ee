"""The directives `{api}` and `{api-index}`: the public names of `mmhelpers` by room, from their docstrings.

```` ```{api} fitting inference``` ```` documents every public name that those rooms of the package define, in the order
of `mmhelpers._EXPORTS`; a module reached as an attribute (`exact`) gives the other names of its ``__all__``, too. A name without
a page, or with two, fails the build's tests (`tests/test_api_pages.py`).
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

import mmhelpers


def names(room: str) -> list[str]:
    """Return the public names of a room, as they are reached from `mmhelpers`."""
    found = [name for name, home in mmhelpers._EXPORTS.items() if home.split(".")[0] == room]
    if room in mmhelpers._MODULES:
        module = getattr(mmhelpers, room)
        found += [f"{room}.{name}" for name in module.__all__ if not is_flat(module, name)]
    if not found:
        raise ExtensionError(f"mmhelpers has no room {room!r} with public names")
    return found


def is_flat(module: Any, name: str) -> bool:
    """Whether a name of a module is reached from `mmhelpers` itself as well; its page shows it so."""
    return name in mmhelpers._EXPORTS and getattr(mmhelpers, name) is getattr(module, name)


def thing(name: str) -> Any:
    """Return what a public name stands for."""
    value: Any = mmhelpers
    for part in name.split("."):
        value = getattr(value, part)
    return value


def ordered(rooms: list[str]) -> list[str]:
    """Return the names of some rooms: functions, then classes, then what can go wrong."""

    def rank(name: str) -> int:
        of = thing(name)
        return (1 + issubclass(of, Exception)) if inspect.isclass(of) else 0

    return sorted((name for room in rooms for name in names(room)), key=rank)


def first_line(name: str) -> str:
    """Return the first sentence of a docstring."""
    return (inspect.getdoc(thing(name)) or "").split("\n", 1)[0]


def cell(name: str) -> str:
    """Return the first sentence for a Markdown table, in which a bar would begin a column."""
    return first_line(name).replace("|", "\\|")


def directive(name: str) -> list[str]:
    """Return the lines of reStructuredText that document one name.

    The members of a class are shown with those that it has from parts of it that are not public (`Design` is put together
    from several files), but not with those that every family has.
    """
    if inspect.isclass(thing(name)):
        inherited = [] if issubclass(thing(name), Exception) else ["   :inherited-members: Family, Zeros"]
        return [f".. autoclass:: mmhelpers.{name}", "   :members:", *inherited, ""]
    return [f".. autofunction:: mmhelpers.{name}", ""]


class _Generated(SphinxDirective, ABC):
    """A part of a page made from the package."""

    required_arguments = 0
    optional_arguments = 100
    has_content = False

    @abstractmethod
    def lines(self) -> list[str]:
        """Return the Markdown that the directive stands for."""

    def run(self) -> list[nodes.Node]:
        """Parse the lines in place."""
        container = nodes.container(classes=["wide-table"])
        source = StringList(self.lines(), self.env.docname)
        self.state.nested_parse(source, 0, container)
        return [container] if self.name == "api-index" else container.children


class Api(_Generated):
    """`{api} ROOM ...`."""

    def lines(self) -> list[str]:
        """Return autodoc directives, a name each."""
        lines = [line for name in ordered(self.arguments) for line in directive(name)]
        return ["````{eval-rst}", ".. currentmodule:: mmhelpers", "", *lines, "````"]


class ApiIndex(_Generated):
    """`{api-index} ROOM ...`: a table of names with their first sentences."""

    def lines(self) -> list[str]:
        """Return a Markdown table."""
        rows = [
            f"| {{py:obj}}`mm.{name} <mmhelpers.{name}>` | {cell(name)} |" for name in ordered(self.arguments)
        ]
        return ["| name | what it does |", "| --- | --- |", *rows]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("api", Api)
    app.add_directive("api-index", ApiIndex)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
