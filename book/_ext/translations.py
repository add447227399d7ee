"""The pages on engines: `{engines}`, `{translations}`, `{capabilities}`, made from tables and from outcomes of running them.

The tables are `book/reference/*.toml`, the outcomes the `.json` beside them (`tools/engines.py` writes them, and
`tests/test_engines.py` runs every cell again). Nothing is typed into a page: an engine that is taken out of a table, or out of
the outcomes, is gone from the page; one that is not on the machine that builds the page is labelled as stored.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "book" / "reference"

Table = dict[str, Any]
Outcome = dict[str, Any]

#: What a verdict is called on the page.
WORDS = {"same": "yes", "other": "other", "builds": "builds", "fails": "no"}


def read(name: str, folder: Path = REFERENCE) -> tuple[Table, dict[str, dict[str, Outcome]]]:
    """Return a table, and its outcomes by row and engine."""
    table = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf8"))
    return table, json.loads((folder / f"{name}.json").read_text(encoding="utf8"))["rows"]


def here(engine: Table) -> bool:
    """Say whether an engine is on this machine."""
    import sys

    sys.path.insert(0, str(ROOT))
    try:
        from tools.engines import available
    finally:
        sys.path.remove(str(ROOT))
    return available(engine)


def versions(table: Table, outcomes: dict[str, dict[str, Outcome]]) -> dict[str, str]:
    """Return what made the stored outcomes of each engine."""
    found: dict[str, str] = {}
    for engine in table["engines"]:
        made = {row[engine]["made_with"] for row in outcomes.values() if engine in row}
        if made:
            found[engine] = " / ".join(sorted(made))
    return found


def result(row: Table, engine: str, outcome: Outcome | None) -> str:
    """Return one outcome in words.

    >>> result({"reference": "lme4"}, "nlme", {"verdict": "same", "difference": 2e-05})
    'agrees to 2e-05'
    """
    if outcome is None:
        return "not tried"
    if engine == row["reference"]:
        return "the reference"
    if outcome["verdict"] == "fails":
        return "refuses"
    if outcome["verdict"] == "builds":
        return "builds"
    if outcome["verdict"] == "other":
        return "runs, and gives other numbers"
    gap = outcome["difference"]
    return "agrees to all digits kept" if not gap else f"agrees to {gap:.1g}"


# --- pieces of a page ------------------------------------------------------------------------------------------------


def text(*parts: Any, classes: tuple[str, ...] = ()) -> nodes.paragraph:
    """Return a paragraph of texts and inline nodes."""
    return nodes.paragraph(
        "", "", *[nodes.Text(p) if isinstance(p, str) else p for p in parts], classes=list(classes)
    )


def code(words: str) -> nodes.literal:
    """Return inline code."""
    return nodes.literal(words, words)


def grid(head: list[Any], rows: list[list[Any]], classes: tuple[str, ...] = ()) -> nodes.table:
    """Return a table; a cell is a text, or a list of texts and inline nodes. The first column heads its rows."""
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]

    def line(cells: list[Any]) -> nodes.row:
        made = nodes.row()
        for cell in cells:
            made += nodes.entry("", text(*(cell if isinstance(cell, list) else [cell])))
        return made

    top, body = nodes.thead("", line(head)), nodes.tbody("", *[line(cells) for cells in rows])
    group += [top, body]
    return nodes.table("", group, classes=list(classes))


def link(label: str, target: str) -> nodes.reference:
    """Return a link to a place on the same page."""
    return nodes.reference("", label, refid=target, internal=True)


def block(words: str, language: str) -> nodes.literal_block:
    """Return a block of code."""
    words = words.strip("\n")
    return nodes.literal_block(words, words, language=language.lower())


def section(title: str, name: str) -> nodes.section:
    """Return a section with its heading."""
    return nodes.section("", nodes.title(title, title), ids=[name], names=[name])


class _Engines(SphinxDirective):
    """What the directives share: one argument, the table; the page is made again when table, outcomes or machine change."""

    required_arguments = 1
    has_content = False

    def load(self) -> tuple[Table, dict[str, dict[str, Outcome]]]:
        name = self.arguments[0]
        for path in (REFERENCE / f"{name}.toml", REFERENCE / f"{name}.json", Path(__file__)):
            self.env.note_dependency(str(path))
        self.env.note_reread()  # which engines are here may change, too
        return read(name)

    def markdown(self, words: str) -> list[nodes.Node]:
        """Return a text with links and code as nodes."""
        holder = nodes.container()
        self.state.nested_parse(StringList(words.split("\n"), self.env.docname), 0, holder)
        return list(holder.children)


class Engines(_Engines):
    """`{engines} TABLE`: the engines, what ran their cells, and whether they are on the machine that built the page."""

    def run(self) -> list[nodes.Node]:
        """Return a table, and what to load first for each engine."""
        table, outcomes = self.load()
        made = versions(table, outcomes)
        rows = []
        for name, engine in table["engines"].items():
            state = "yes" if here(engine) else "no: stored results"
            if name in made:
                rows.append([engine["title"], made[name], state])
        head = ["engine", "its results were computed with", "on the machine that built this page"]
        return [nodes.container("", grid(head, rows), classes=["wide-table"])]


class Setup(_Engines):
    """`{engine-setup} TABLE`: what each engine's cells need first."""

    def run(self) -> list[nodes.Node]:
        """Return a card an engine."""
        table, _ = self.load()
        cards = nodes.container(classes=["engine-grid"])
        for engine in table["engines"].values():
            name = text(nodes.strong("", engine["title"]), classes=("engine-name",))
            cards += nodes.container(
                "", name, block(engine["setup"], engine["language"]), classes=["engine-card"]
            )
        return [cards]


class Translations(_Engines):
    """`{translations} TABLE`: the table at a glance, then each row with its cells."""

    def run(self) -> list[nodes.Node]:
        """Return sections."""
        table, outcomes = self.load()
        found: list[nodes.Node] = [glance(table, outcomes)]
        part: nodes.section | None = None
        for row in table["row"]:
            if part is None or part[0].astext() != row["part"]:
                part = section(row["part"], "part-" + row["part"].lower().replace(" ", "-"))
                found.append(part)
            part += self.row(table, row, outcomes.get(row["id"], {}))
        return found

    def row(self, table: Table, row: Table, outcomes: dict[str, Outcome]) -> nodes.section:
        """Return the section of one row."""
        made = section(row["title"], row["id"])
        made += text(code(row["formula"]), ", on ", code(f'd = mm.load("{row["data"]}")'), ".")
        if "prepare" in row:
            made += block(row["prepare"], "python")
        if "note" in row:
            made += self.markdown(row["note"])
        reference = outcomes.get(row["reference"], {}).get("values") or []
        numbers = ", ".join(f"{v:.5g}" for v in reference)
        by = table["engines"][row["reference"]]["title"]
        made += text(f"Compared: {row['compared']}. By {by}: {numbers}.", classes=("engine-compared",))
        cards = nodes.container(classes=["engine-grid"])
        for name, words in row["cells"].items():
            cards += card(table["engines"][name], row, name, words, outcomes.get(name))
        made += cards
        return made


def card(engine: Table, row: Table, name: str, words: str, outcome: Outcome | None) -> nodes.container:
    """Return one cell: the engine, how it did, the code, and what was refused."""
    made = nodes.container(classes=["engine-card"])
    made += text(
        nodes.strong("", engine["title"]), f": {result(row, name, outcome)}", classes=("engine-name",)
    )
    made += block(words, "python" if row.get("language") == "Python" else engine["language"])
    if outcome is None:
        return made
    heard = (
        [outcome["error"]]
        if outcome["error"]
        else outcome["said"][:1]
        if outcome["verdict"] == "other"
        else []
    )
    for line in heard:
        made += text(code(line), classes=("engine-said",))
    if not here(engine):
        label = f"Stored result, computed earlier with {outcome['made_with']}."
        made += text(label, classes=("stored-result",))
    return made


def glance(table: Table, outcomes: dict[str, dict[str, Outcome]]) -> nodes.container:
    """Return the table of rows and engines."""
    names = list(versions(table, outcomes))
    rows = []
    for row in table["row"]:
        done = outcomes.get(row["id"], {})
        marks = ["" if n in done else "–" for n in names]
        marks = [
            "✓" if n in done and done[n]["verdict"] == "same" else m or "≠"
            for n, m in zip(names, marks, strict=True)
        ]
        rows.append([[link(row["title"], row["id"])], *marks])
    head = ["task", *[table["engines"][n].get("short", table["engines"][n]["title"]) for n in names]]
    return nodes.container("", grid(head, rows, ("engine-marks",)), classes=["wide-table"])


class Capabilities(_Engines):
    """`{capabilities} TABLE`: model by engine, then what was tried, with the words of the engine that refused."""

    def run(self) -> list[nodes.Node]:
        """Return the table and a section a row."""
        table, outcomes = self.load()
        names = list(versions(table, outcomes))
        rows, parts = [], []
        for row in table["row"]:
            done = outcomes.get(row["id"], {})
            words = [WORDS[done[n]["verdict"]] if n in done else "–" for n in names]
            marks = [
                [nodes.inline("", w, classes=[f"engine-{w}"])] if w in WORDS.values() else w for w in words
            ]
            rows.append([[link(row["title"], row["id"])], *marks])
            made = section(row["title"], row["id"])
            made += text(
                "Tried on ", code(f'd = mm.load("{row["data"]}")'), f". Compared: {row['compared']}."
            )
            if "prepare" in row:
                made += block(row["prepare"], "python")
            cards = nodes.container(classes=["engine-grid"])
            for name in row["cells"]:
                if name in table["engines"]:
                    cards += card(table["engines"][name], row, name, row["cells"][name], done.get(name))
            made += cards
            parts.append(made)
        head = ["model", *[table["engines"][n]["title"] for n in names]]
        return [nodes.container("", grid(head, rows, ("engine-marks",)), classes=["wide-table"]), *parts]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and their style."""
    app.add_directive("engines", Engines)
    app.add_directive("engine-setup", Setup)
    app.add_directive("translations", Translations)
    app.add_directive("capabilities", Capabilities)
    app.add_css_file("reference.css", priority=901)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
