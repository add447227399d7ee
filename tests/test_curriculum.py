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


# --- hours that the pages say in words ---------------------------------------------------------------------------

WORDS = [
    "half",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
WORDS += ["thirteen", "fourteen", "fifteen", "sixteen"]
BY_PATH = {one.doc: one for one in FOUND}


def number(word):
    """Read `eleven`, `an` or `47`."""
    if word.isdigit():
        return int(word)
    return 1 if word in ("a", "an") else 0.5 if word == "half" else WORDS.index(word)


def minutes(paths, exercises=True):
    return sum(BY_PATH[path].reading + exercises * BY_PATH[path].exercises for path in paths)


@pytest.fixture(scope="module")
def start():
    """Give the page with the routes, each paragraph on one line."""
    text = (ROOT / "book" / "0_start" / "index.md").read_text(encoding="utf8")
    return re.sub(r"(?<=\S)\n +(?=[^\s\d*-])", " ", text)


def links(text):
    found = re.findall(r"\]\(((?:\.\./)?[\w/]+)\.ipynb\)", text)
    return [f"book/{path[3:]}" if path.startswith("../") else f"book/0_start/{path}" for path in found]


def section(text, begin, end):
    assert text.count(begin) == 1, begin
    return text.split(begin)[1].split(end)[0]


def test_the_hours_of_the_day(start):
    """The first fit is read without its first and last sections, and one chapter is passed over in part."""
    day = section(start, "Read only: one day", "Run: one week")
    morning, afternoon = (
        section(day, "In the morning", "In the afternoon"),
        section(day, "In the afternoon", "At the end"),
    )
    for text in (morning, afternoon):
        said = number(re.match(r" \((?:about )?(\w+) hours", text)[1])
        assert said - 0.5 < minutes(links(text), exercises=False) / 60 <= said + 0.25


def test_the_hours_of_the_week(start):
    week = section(start, "Run: one week", "Complete: four weeks")
    listed = links("\n".join(line for line in week.splitlines() if re.match(r" +\d\. \[", line)))
    assert len(listed) == number(re.search(r"These (\w+) chapters do", week)[1])
    hours = minutes(listed) / 60
    assert abs(number(re.search(r"about (\w+) hours", week)[1]) - hours) <= 0.5
    assert "so an hour and three quarters a day" in week
    assert abs(hours / 7 - 1.75) < 0.125
    assert all(f"  {i}. " in week for i in range(1, len(listed) + 1))


def test_the_hours_of_the_four_weeks(start):
    weeks = section(start, "Complete: four weeks", "For the week and the four weeks")
    whole = minutes(BY_PATH) / 60
    assert abs(number(re.search(r"some (\d+) hours", weeks)[1]) - whole) <= 0.5
    low, high = (number(word) for word in re.search(r"(\w+) to (\w+) a week", weeks).groups())
    parts = {key: [one.doc for one in FOUND if one.doc.split("/")[1][0] == key] for key in "0123456"}
    zuur, tests = parts["2"], parts["4"]
    plan = [
        parts["0"] + parts["1"] + zuur[:4],
        zuur[4:],
        parts["3"] + tests[:3],
        tests[3:] + parts["5"] + parts["6"],
    ]
    assert sorted(path for week in plan for path in week) == sorted(BY_PATH)
    for week in plan:
        assert low - 0.5 < minutes(week) / 60 < high + 0.5
    assert "an hour and a half and two hours a day" in start
    assert 1.5 <= whole / 28 <= 2


@pytest.mark.parametrize("part", ["1_random_effects", "3_lme4", "4_lmertest"])
def test_a_part_says_how_long_it_takes(part):
    text = (ROOT / "book" / part / "index.md").read_text(encoding="utf8")
    said = re.search(
        r"\*\*How long\.\*\* (\w+) hours( and a half)? to read, and ((?:a little )?more than )?(an hour|\w+)(?: hours)?"
        r"( and a half)?(?: for|\.)",
        text,
    )
    chapters = [one for one in FOUND if one.doc.split("/")[1] == part]
    reading = number(said[1].lower()) + 0.5 * bool(said[2])
    assert reading - 0.5 < sum(one.reading for one in chapters) / 60 <= reading
    exercises = number("one" if said[4] == "an hour" else said[4]) + 0.5 * bool(said[5])
    done = sum(one.exercises for one in chapters) / 60
    assert exercises < done < exercises + 0.25 if said[3] else exercises - 0.5 < done <= exercises
