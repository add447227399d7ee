"""What the tests of the exercises ask of a checker."""

from __future__ import annotations

from typing import Any

import mmhelpers as mm


def says(exercise: str, answer: Any, words: str) -> None:
    """A wrong answer is called wrong, with a hint that has these words."""
    verdict = mm.check_answer(exercise, answer)
    assert not verdict.ok
    assert words in verdict.message
