"""The checkers as such; each chapter's exercises have a test file of their own (test_exercises_<chapter>.py)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmhelpers as mm
from mmhelpers import exercises as module
from mmhelpers.exercises import Exercise, Hint

MADE = {
    "t-number": Exercise("t-number", 0.5, 0.01, "Yes.", (Hint(0.7, "That is the SD.", 0.02),)),
    "t-word": Exercise("t-word", "bag", 0.0, "Yes.", (Hint("oyster", "Oysters share a bag.", 0.0),)),
    "t-flag": Exercise("t-flag", True, 0.0, "Yes.", ()),
    "t-list": Exercise("t-list", [1.0, 2.0], 0.1, "Yes.", (Hint([2.0, 1.0], "The other way round.", 0.1),)),
    "t-set": Exercise("t-set", ["a", "b"], 0.0, "Yes.", (), ordered=False),
}


@pytest.fixture(autouse=True)
def made(monkeypatch):
    monkeypatch.setattr(module, "exercises", lambda: MADE)


@pytest.mark.parametrize(
    "answer", [0.5, 0.505, np.float64(0.495), np.array([0.5]), pd.Series([0.5]), "0.5" and 0.5]
)
def test_any_kind_of_number_will_do(answer):
    assert mm.check_answer("t-number", answer).ok


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("t-number", 0.7, "That is the SD."),
        ("t-number", 0.3, "larger than that"),
        ("t-number", 0.9, "smaller than that"),
        ("t-number", float("nan"), "not a finite number"),
        ("t-number", "half", "a number is wanted"),
        ("t-number", ..., "in place of the dots"),
        ("t-number", None, "in place of the dots"),
        ("t-number", True, "a number is wanted"),
        ("t-word", "oyster", "share a bag"),
        ("t-word", "site", "Think again"),
        ("t-flag", False, "Think again"),
        ("t-flag", 1, "True or False is wanted"),
        ("t-list", [2, 1], "other way round"),
        ("t-list", [1, 2, 3], "2 values are wanted, in the form [1, 2]"),
        ("t-list", "two", "You gave a word; 2 values are wanted"),
    ],
)
def test_wrong_answers_get_a_hint(name, answer, says):
    verdict = mm.check_answer(name, answer)
    assert not verdict.ok
    assert says in str(verdict)


def test_words_lists_and_sets():
    assert mm.check_answer("t-word", "  Bag ")
    assert mm.check_answer("t-list", (1.05, 1.95))
    assert mm.check_answer("t-list", pd.Series([1, 2]))
    assert mm.check_answer("t-set", ["B", "a"])
    assert not mm.check_answer("t-set", ["a", "a"])


def test_an_unknown_exercise_is_met_with_the_nearest():
    with pytest.raises(KeyError, match="did you mean t-number"):
        mm.check_answer("t-numbr", 1)
