"""The map of chapters and the hours, drawn from the chapters themselves.

Each chapter says in its goals what it needs, with links, and how many minutes it takes: "You need [a](b.ipynb) ...
Reading takes about 45 minutes, the exercises 30 minutes more." The map and the table of hours are made of these
sentences, so that they cannot say something else. Both are for the page `0_start/index.md`.
"""

from __future__ import annotations

import posixpath
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
GOALS = re.compile(r":class: goals\n(.*?)\n```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+\.ipynb)(?:#[^)]*)?\)")
MINUTES = re.compile(r"Reading takes about (\d+) minutes(?:, the exercises (\d+) minutes more)?")
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Chapter:
    """What the map shows of a chapter."""

    doc: str  # "book/2_zuur/05_time"
    part: str  # "The Zuur path"
    title: str
    needs: tuple[str, ...]  # documents
    reading: int  # minutes
    exercises: int


def chapter(doc: str, part: str) -> Chapter:
    """Read a chapter's notebook."""
    cells = nbformat.read(ROOT / f"{doc}.ipynb", 4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    goals, title = GOALS.search(text), TITLE.search(text)
    minutes = MINUTES.search(goals[1]) if goals else None
    if goals is None or title is None or minutes is None:
        raise ExtensionError(f'{doc}: no title, or no goals that say "Reading takes about ... minutes"')
    folder = posixpath.dirname(doc)
    found = (
        posixpath.normpath(posixpath.join(folder, link))
        for link in LINK.findall(goals[1].split("You need")[-1])
    )
    needs = dict.fromkeys(path.removesuffix(".ipynb") for path in found)
    return Chapter(doc, part, title[1].strip(), tuple(needs), int(minutes[1]), int(minutes[2] or 0))


def chapters() -> list[Chapter]:
    """Return the chapters of the numbered parts, in the order of the table of contents."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    found = []
    for part in toc["parts"]:
        for index in part["chapters"]:
            for page in index.get("sections", []):
                doc = page["file"]
                if re.match(r"book/\d", doc) and (ROOT / f"{doc}.ipynb").exists():
                    found.append(chapter(doc, part["caption"]))
    return found


# --- the drawing -----------------------------------------------------------------------------------------------

WIDTH, ROW, BOX, HIGH, GAP, MOST = 760, 74, 168, 50, 16, 4
HEAD = 30  # a part's heading


def places(found: list[Chapter]) -> tuple[dict[str, tuple[float, float]], dict[str, float], float]:
    """Return the upper left corner of each chapter, the height at which each part begins, and the whole height."""
    corner: dict[str, tuple[float, float]] = {}
    begins: dict[str, float] = {}
    y = 6.0
    for part, members in groupby(found, key=lambda c: c.part):
        begins[part] = y
        y += HEAD
        row = list(members)
        for i, one in enumerate(row):
            corner[one.doc] = (14 + (i % MOST) * (BOX + GAP), y + (i // MOST) * ROW)
        y += (1 + (len(row) - 1) // MOST) * ROW + 6
    return corner, begins, y


def arrow(a: tuple[float, float], b: tuple[float, float]) -> str:
    """Return the path of an arrow between two boxes: down into the top, or along a row into the side."""
    (ax, ay), (bx, by) = a, b
    if ay == by and bx - ax <= BOX + GAP + 1:
        return f"M{ax + BOX},{ay + HIGH / 2} H{bx - 3}"
    if ay == by:  # over the boxes between
        x1, x2 = ax + BOX / 2, bx + BOX / 2
        return f"M{x1},{ay} C{x1},{ay - 17} {x2},{ay - 17} {x2},{by - 3}"
    x1, x2, y1 = ax + BOX / 2, bx + BOX / 2, ay + HIGH
    bend = min(60.0, (by - y1) / 2)
    return f"M{x1},{y1} C{x1},{y1 + bend} {x2},{by - bend} {x2},{by - 3}"


def drawing(found: list[Chapter], link: dict[str, str]) -> Iterator[str]:
    """Draw the map: a box a chapter, which is a link, and an arrow from each chapter that it needs."""
    corner, begins, height = places(found)
    label = "Map of the chapters: each box is a link; arrows come from the chapters it needs"
    yield f'<svg class="course-map" viewBox="0 0 {WIDTH} {height:.0f}" role="group" aria-label="{label}">'
    yield '<defs><marker id="map-tip" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" markerHeight="6" orient="auto">'
    yield '<path d="M0,0 L6,3 L0,6 z"/></marker></defs>'
    bounds = [*begins.values(), height]
    for i, y in enumerate(begins.values()):
        yield f'<rect class="band" x="2" y="{y:.0f}" width="{WIDTH - 4}" height="{bounds[i + 1] - y - 6:.0f}" rx="6"/>'
    number = {one.doc: i for i, one in enumerate(found)}
    for one in found:
        for need in one.needs:
            if need in corner and number[need] < number[one.doc]:
                path = arrow(corner[need], corner[one.doc])
                ends = f'data-from="{number[need]}" data-to="{number[one.doc]}"'
                yield f'<path class="arrow" {ends} d="{path}" marker-end="url(#map-tip)"/>'
    for i, (part, y) in enumerate(begins.items()):  # over the arrows
        yield f'<text class="part" x="14" y="{y + 20:.0f}">{i} · {escape(part)}</text>'
    for one in found:
        x, y = corner[one.doc]
        lines = textwrap.wrap(one.title, 24, max_lines=2, placeholder=" …")
        first = y + HIGH / 2 + 4 - 7.5 * (len(lines) - 1)
        said = "".join(
            f'<tspan x="{x + BOX / 2:.0f}" y="{first + 15 * i:.0f}">{escape(line)}</tspan>'
            for i, line in enumerate(lines)
        )
        yield (
            f'<a href="{link[one.doc]}" data-chapter="{number[one.doc]}" data-page="{one.doc}"><title>{escape(one.title)}</title>'
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{BOX}" height="{HIGH}" rx="5"/><text text-anchor="middle">{said}</text></a>'
        )
    yield "</svg>"


class _Drawn(SphinxDirective):
    """What the two directives share: the page is built again when a chapter changes."""

    has_content = False

    def found(self) -> list[Chapter]:
        """Return the chapters that this build holds (an author's preview holds few)."""
        for source in (__file__, str(ROOT / "_toc.yml")):
            self.env.note_dependency(source)
        found = [one for one in chapters() if one.doc in self.env.found_docs]
        for one in found:
            self.env.note_dependency(str(ROOT / f"{one.doc}.ipynb"))
        return found


class Map(_Drawn):
    """`{map}`: the chapters drawn, and below the same as a list, which is what a phone shows."""

    def run(self) -> list[nodes.Node]:
        """Return the drawing and the list."""
        found = self.found()
        here = posixpath.dirname(self.env.docname)
        link = {one.doc: posixpath.relpath(one.doc, here) + ".html" for one in found}
        title = {one.doc: one.title for one in found}
        place = {one.doc: i for i, one in enumerate(found)}
        lines: list[str] = []
        for part, members in groupby(found, key=lambda c: c.part):
            lines += [f"**{part}**", ""]
            for one in members:
                # an aside may point forward ("go on to ..."); what one needs comes before
                needs = ", ".join(
                    f"[{title[n]}](/{n}.ipynb)" for n in one.needs if place.get(n, 99) < place[one.doc]
                )
                lines.append(f"- [{one.title}](/{one.doc}.ipynb)" + (f"; needs {needs}" if needs else ""))
            lines.append("")
        listed = nodes.container(classes=["course-map-list"])
        self.state.nested_parse(StringList(lines, self.env.docname), 0, listed)
        return [nodes.raw("", "\n".join(drawing(found, link)), format="html"), listed]


def hours(minutes: int) -> str:
    """Say a time in hours, to the next half."""
    half = max(1, -(-minutes // 30))
    whole, rest = divmod(half, 2)
    return (f"{whole}" if whole else "") + ("½" if rest else "")


class Hours(_Drawn):
    """`{hours}`: what each part takes, summed over its chapters."""

    def run(self) -> list[nodes.Node]:
        """Return a table."""
        found = self.found()
        lines = ["| part | chapters | read | exercises |", "| --- | ---: | ---: | ---: |"]
        rows = [(part, list(members)) for part, members in groupby(found, key=lambda c: c.part)]
        for part, members in [*rows, ("all", found)]:
            reading, exercises = sum(c.reading for c in members), sum(c.exercises for c in members)
            lines.append(f"| {part} | {len(members)} | {hours(reading)} | {hours(exercises)} |")
        box = nodes.container()
        self.state.nested_parse(StringList(lines, self.env.docname), 0, box)
        return box.children


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("map", Map)
    app.add_directive("hours", Hours)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
