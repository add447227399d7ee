"""Every public name has an example in its docstring. pytest runs them (--doctest-modules): a wrong one fails there."""

from __future__ import annotations

import doctest
import inspect
import operator

import pytest

import mmhelpers as mm

PARSER = doctest.DocTestParser()
DEEP = [f"{room}.{name}" for room in mm._MODULES for name in getattr(mm, room).__all__]


def examples(thing: object) -> list[doctest.Example]:
    return PARSER.get_examples(inspect.getdoc(thing) or "")


def found(name: str) -> object:
    return operator.attrgetter(name)(mm)


@pytest.mark.parametrize("name", [*mm._EXPORTS, *DEEP])
def test_has_an_example_that_shows_something(name):
    of = examples(found(name))
    assert of, f"mm.{name} has no runnable example in its docstring"
    if not name.startswith("plot_"):  # a picture: its tests look at what was drawn
        assert any(e.want for e in of), (
            f"the example of mm.{name} shows no result, so only an error could fail it"
        )
    assert not any(doctest.SKIP in e.options for e in of), f"the example of mm.{name} is skipped"


@pytest.mark.parametrize("owner", ["Fit", "FitMany"])
def test_methods_of_a_fit_have_examples(owner):
    """What a reader calls on a fit; attributes are shown in the example of the class."""
    methods = {
        n: m for n, m in vars(getattr(mm, owner)).items() if inspect.isfunction(m) and not n.startswith("_")
    }
    assert methods
    assert [n for n, m in methods.items() if not examples(m)] == []


def test_pytest_collects_examples():
    """Without this option the examples would be prose."""
    options = (mm_root() / "pyproject.toml").read_text(encoding="utf8")
    assert "--doctest-modules" in options
    assert '"mmhelpers"' in options.split("testpaths", 1)[1].splitlines()[0]


def mm_root():
    from tools.notebooks import ROOT

    return ROOT
