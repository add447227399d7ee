"""The directive `{datasets}`: every data set of `data/registry.toml`, and the chapters that load it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = ROOT / "data" / "registry.toml"
LOADS = re.compile(r"""mm\.(?:load|truth|describe)\(\s*["'](\w+)["']""")

#: The kinds of data sets, in the order of the page, with what they are.
KINDS = {
    "example": ("From R packages", "Data that somebody measured or published, as an R package ships them."),
    "simulated": (
        "Simulated",
        'Made by a script of this course; `mm.truth("name")` gives the numbers that went in.',
    ),
    "reference": (
        "Numbers to compare with",
        "Results: of simulations that a chapter draws, or of publications.",
    ),
}


def registry() -> dict[str, dict[str, Any]]:
    """Return the registry."""
    return tomllib.loads(REGISTRY.read_text(encoding="utf8"))


def notebooks(book: Path = ROOT / "book") -> list[Path]:
    """Return the notebooks of the book."""
    return sorted(p for p in book.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def users(paths: list[Path]) -> dict[str, list[tuple[str, str]]]:
    """Return by data set (in lower case) the chapters whose code loads it: (title, document)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in paths:
        cells = nbformat.read(path, 4).cells
        text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
        heading = re.search(r"^# (.+)$", text, re.MULTILINE)
        title = heading.group(1).strip() if heading else path.stem
        code = "\n".join(c.source for c in cells if c.cell_type == "code")
        document = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
        for name in sorted({name.lower() for name in LOADS.findall(code)}):
            found.setdefault(name, []).append((title, document))
    return found


def origin(entry: dict[str, Any]) -> str:
    """Say where a data set came from."""
    source = entry["origin"]
    if "package" in source:
        return f"R package {source['package']} {source.get('version', '')}".strip()
    return re.sub(r"(data/make/\S+)", r"`\1`", str(source["made_by"]))


def bar(text: object) -> str:
    """Return a text for a Markdown table."""
    return str(text).replace("|", "\\|").replace("~", "\\~").replace("\n", " ")


def lines(entries: dict[str, dict[str, Any]], used: dict[str, list[tuple[str, str]]]) -> list[str]:
    """Return the Markdown of the page: a table a kind, then what each data set is."""
    out: list[str] = []
    for kind, (title, what) in KINDS.items():
        own = {name: e for name, e in entries.items() if e["kind"] == kind}
        if not own:
            continue
        out += ["", f"## {title}", "", what, ""]
        out += ["| data set | rows | columns | origin | licence | sha256 begins |"]
        out += ["| --- | ---: | ---: | --- | --- | --- |"]
        for name, e in own.items():
            cells = [
                f'`mm.load("{name}")`', e["rows"], len(e["columns"]), bar(origin(e)), e["licence"],
                f"`{e['sha256'][:10]}`",
            ]  # fmt: skip
            out += ["| " + " | ".join(map(str, cells)) + " |"]
        out += ["", f"What they are, and where they are used ({title.lower()}):", ""]
        for name, e in own.items():
            links = [f"[{title}](/{document})" for title, document in used.get(name.lower(), [])]
            where = " · ".join(links) or "the package's own tests and pages"
            out += [f"- **{name}**. {e['description'].replace('~', chr(92) + '~')} Used in: {where}."]
    return out


class Datasets(SphinxDirective):
    """`{datasets}`: the tables, with headings as sections of the page."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """Parse the lines, part by part."""
        self.env.note_dependency(str(REGISTRY))
        for path in notebooks():
            self.env.note_dependency(str(path))
        parts: list[nodes.Node] = []
        whole = "\n".join(lines(registry(), users(notebooks())))
        for piece in re.split(r"^## ", whole, flags=re.MULTILINE)[1:]:
            title, _, rest = piece.partition("\n")
            name = nodes.make_id(title)
            holder = nodes.container(classes=["wide-table"])
            self.state.nested_parse(StringList(rest.split("\n"), self.env.docname), 0, holder)
            parts.append(nodes.section("", nodes.title(title, title), holder, ids=[name], names=[name]))
        return parts


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("datasets", Datasets)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
