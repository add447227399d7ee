"""Checkers for the book's exercises: an answer at once, offline, with a hint on the mistakes people make.

The answers stand in ``mmhelpers/answers/<chapter>.toml``, so that they are not read at a glance in a notebook.
Each has a tolerance wide enough for every right route, and the known wrong answers with what to think about.
The tests of the book compute every right answer by two routes, and every wrong one by the mistake it comes from.
"""

from __future__ import annotations

import difflib
import functools
import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from .marking import Rule, mark, rules


@dataclass(frozen=True)
class Verdict:
    """What a checker says.

    Attributes
    ----------
    ok : bool
        Whether the answer is right.
    message : str
        Praise with the reason, or a hint.
    """

    ok: bool
    message: str

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return f"{'✓ Right.' if self.ok else '✗ Not yet.'} {self.message}"

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Hint:
    """A known wrong answer and what to say to it."""

    near: Any
    says: str
    tolerance: float
    also: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """One exercise: the right answer, how near is near enough, and the known wrong ones.

    Attributes
    ----------
    id : str
        ``"<chapter>-<number>"``.
    answer : float, str, bool or list
        A number, a word (case and spaces do not matter), or several of one kind.
    tolerance : float
        Absolute, for numbers.
    why : str
        Said to a right answer.
    hints : tuple of Hint
        Tried in order on a wrong answer.
    ordered : bool
        Whether the order of several answers matters.
    also : tuple
        Other spellings of the answer.
    accept : tuple of Hint
        Other right answers, each with what to say to it.
    rules : tuple of Rule
        Where the answer is a formula or a sentence: what is marked one by one (see `mmhelpers.marking`).
    """

    id: str
    answer: Any
    tolerance: float
    why: str
    hints: tuple[Hint, ...]
    ordered: bool = True
    also: tuple[Any, ...] = ()
    accept: tuple[Hint, ...] = ()
    rules: tuple[Rule, ...] = ()


@functools.cache
def exercises() -> dict[str, Exercise]:
    """Return all exercises by their id."""
    found: dict[str, Exercise] = {}
    for file in sorted(resources.files("mmhelpers").joinpath("answers").iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".toml"):
            continue
        chapter = file.name.removesuffix(".toml")
        for number, entry in tomllib.loads(file.read_text(encoding="utf8")).items():
            tolerance = float(entry.get("tolerance", 0.0))
            hints, accept = (
                tuple(
                    Hint(h["near"], h["says"], float(h.get("tolerance", tolerance)), tuple(h.get("also", [])))
                    for h in entry.get(what, [])
                )
                for what in ("hint", "accept")
            )
            name = f"{chapter}-{number}"
            found[name] = Exercise(
                name,
                entry["answer"],
                tolerance,
                entry["why"],
                hints,
                bool(entry.get("ordered", True)),
                tuple(entry.get("also", [])),
                accept,
                rules(entry),
            )
    return found


def check_answer(exercise: str, answer: Any) -> Verdict:
    """Check your answer to an exercise.

    Parameters
    ----------
    exercise : str
        The id that the exercise shows, such as ``"oysters-1"``.
    answer : number, str, bool, or several of them
        Your answer; arrays, Series and NumPy numbers will do.

    Returns
    -------
    Verdict
        True when right; printed, it says why, or gives a hint.

    Raises
    ------
    KeyError
        If there is no such exercise; the message names the nearest.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.check_answer("oysters-1", "oyster").ok
    False
    """
    known = exercises()
    if exercise not in known:
        near = difflib.get_close_matches(exercise, known, n=3, cutoff=0.0)
        raise KeyError(f"there is no exercise {exercise!r}; did you mean {', '.join(near)}?")
    item = known[exercise]
    if item.rules and isinstance(answer, str) and answer.strip():
        return _marked(answer, item)
    given, wanted = _plain(answer), item.answer
    if any(_agrees(given, right, item.tolerance, item.ordered) for right in (wanted, *item.also)):
        return Verdict(True, item.why)
    for other in item.accept:
        if any(_agrees(given, right, other.tolerance, item.ordered) for right in (other.near, *other.also)):
            return Verdict(True, other.says)
    for hint in item.hints:
        if any(_agrees(given, wrong, hint.tolerance, item.ordered) for wrong in (hint.near, *hint.also)):
            return Verdict(False, hint.says)
    return Verdict(False, _what_is_wanted(given, wanted))


def _marked(answer: str, item: Exercise) -> Verdict:
    """Mark a formula or a sentence, rule by rule."""
    from .model import FormulaError

    try:
        found = mark(answer, item.rules)
    except FormulaError as error:
        return Verdict(False, str(error))
    lines = "".join(f"\n  {line}" for line in found.lines)
    return Verdict(found.ok, (item.why if found.ok else "Part by part:") + lines)


def _plain(value: Any) -> Any:
    """Return an answer as a float, text, bool or list of them."""
    if value is None or value is Ellipsis:
        return None
    if isinstance(value, dict):
        value = list(value.values())
    if hasattr(value, "tolist"):  # NumPy, pandas
        value = value.tolist()
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return " ".join(value.split()).casefold()
    if isinstance(value, Iterable):
        items = [_plain(v) for v in value]
        return items[0] if len(items) == 1 else items
    try:
        return float(value)
    except (TypeError, ValueError):
        return " ".join(str(value).split()).casefold()


def _agrees(given: Any, wanted: Any, tolerance: float, ordered: bool) -> bool:
    if isinstance(wanted, list):
        if not isinstance(given, list) or len(given) != len(wanted):
            return False
        targets = [_plain(w) for w in wanted]
        if not ordered:
            given, targets = sorted(given, key=str), sorted(targets, key=str)
        return all(_agrees(g, w, tolerance, ordered) for g, w in zip(given, targets, strict=True))
    wanted = _plain(wanted)
    if isinstance(wanted, bool) or isinstance(given, bool):
        return isinstance(given, bool) and given is wanted
    if isinstance(wanted, float):
        return isinstance(given, float) and abs(given - wanted) <= tolerance
    return bool(given == wanted)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "True or False"
    if isinstance(value, int | float):
        return "a number"
    return f"{len(value)} values" if isinstance(value, list) else "a word"


def _form(wanted: Any) -> str:
    """Say what is wanted, and for several values how to write them."""
    if not isinstance(wanted, list):
        return f"{_kind(wanted)} is wanted"
    form = '["a", "b"]' if any(isinstance(w, str) for w in wanted) else "[1, 2]"
    return f"{_kind(wanted)} are wanted, in the form {form}"


def _what_is_wanted(given: Any, wanted: Any) -> str:
    """Say what kind of answer is wanted, or on which side a number lies."""
    if given is None:
        return f"Put your answer in place of the dots: {_form(wanted)}."
    if _kind(given) != _kind(wanted):
        return f"You gave {_kind(given)}; {_form(wanted)}."
    if isinstance(given, float):
        if not math.isfinite(given):
            return "That is not a finite number; look for what made it so."
        return "It is larger than that." if given < float(wanted) else "It is smaller than that."
    return "Think again, or look at the worked solution below."
