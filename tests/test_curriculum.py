"""The map of chapters and the hours: what the chapters say of themselves, and no way in a circle."""

from __future__ import annotations

import re
import sys

import pytest

from tools.site import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import curriculum

FOUND = curriculum.chapters()


def test_every_chapter_of_the_parts_is_on_the_map():
    files = {
        p.relative_to(ROOT).with_suffix("").as_posix() for p in (ROOT / "book").glob("[0-9]_*/[0-9]*.ipynb")
    }
    assert {one.doc for one in FOUND} == files


def test_minutes_and_needs_are_those_of_the_page():
    gee = next(one for one in FOUND if one.doc.endswith("11_gee"))
    text = (ROOT / f"{gee.doc}.ipynb").read_text(encoding="utf8")
    assert f"Reading takes about {gee.reading} minutes, the exercises {gee.exercises} minutes more" in text
    assert gee.needs == ("book/2_zuur/08_overdispersion",)


def test_the_drawing_has_a_box_a_chapter_and_arrows_that_lead_forward():
    drawn = "\n".join(curriculum.drawing(FOUND, {one.doc: f"{one.doc}.html" for one in FOUND}))
    for one in FOUND:
        assert f'href="{one.doc}.html"' in drawn
    arrows = [(int(a), int(b)) for a, b in re.findall(r'data-from="(\d+)" data-to="(\d+)"', drawn)]
    assert len(arrows) >= len(FOUND) - 3
    assert all(a < b for a, b in arrows)


def test_boxes_do_not_lie_on_each_other():
    corner, _, height = curriculum.places(FOUND)
    boxes = list(corner.values())
    for i, (x, y) in enumerate(boxes):
        assert 0 <= x <= curriculum.WIDTH - curriculum.BOX
        assert y + curriculum.HIGH <= height
        for u, v in boxes[:i]:
            assert abs(x - u) >= curriculum.BOX or abs(y - v) >= curriculum.HIGH


@pytest.mark.parametrize(("minutes", "said"), [(20, "½"), (60, "1"), (61, "1½"), (150, "2½")])
def test_hours_are_rounded_up_to_the_next_half(minutes, said):
    assert curriculum.hours(minutes) == said


@pytest.mark.parametrize("part", sorted({one.doc.split("/")[1] for one in FOUND}))
def test_each_part_begins_with_a_test_of_oneself_that_says_what_to_read(part):
    text = (ROOT / "book" / part / "index.md").read_text(encoding="utf8")
    questions = re.findall(r"^:::\{dropdown\} \d\. [^\n]+\n(.+?)\n:::$", text, re.DOTALL | re.MULTILINE)
    assert len(questions) >= 4
    assert all("*Missed it?*" in answer and ".ipynb" in answer for answer in questions)
