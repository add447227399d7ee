"""The book's own Sphinx extension: executed notebooks in, ledger and status pages out, MathJax from our own site.

It is small on purpose, and has rooms beside it: `api` (the package's pages), `curriculum` (the map of chapters),
`datasets`, `glossary` and `translations` (reference pages), `figures` (no image without alt text), `glued` (numbers
in the text), `icons` (small fonts), `movable` (interactive figures), `pyodide` (Python in the page), `reach` (sitemap,
citations, the page for a wrong address), `social` (cards) and `tidy` (what the theme writes, put right). Notebooks are
executed before Sphinx starts (`tools/notebooks.py`), in parallel and with R cells left out where R is absent; here each
page's source is swapped for its executed copy as Sphinx reads it, so that the notebook a reader downloads stays the
clean one.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

PUBLISHED_MIME = "application/vnd.mmhelpers.published+json"
ROOT = Path(__file__).resolve().parents[2]
EXECUTED = ROOT / "_build" / "executed"


def executed_path(docname: str) -> Path:
    """Return where the executed copy of a page stands (document names begin with `book/`)."""
    return EXECUTED / (docname.removeprefix("book/") + ".ipynb")


def executed_notebooks() -> list[tuple[str, Any]]:
    """Return (document name, notebook) of every executed notebook, in the order of the paths."""
    paths = sorted(EXECUTED.rglob("*.ipynb"))
    return [
        ("book/" + p.relative_to(EXECUTED).with_suffix("").as_posix(), nbformat.read(p, 4)) for p in paths
    ]


def swap_source(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace a notebook's source by its executed copy."""
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    path = executed_path(docname)
    if not path.exists():
        raise ExtensionError(f"{docname} has not been executed: build with `make book`")
    app.env.note_dependency(str(path))
    notebook = nbformat.read(path, 4)
    for cell in (
        notebook.cells
    ):  # the ledger reads the records from the file; to the page they are of an unknown kind
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(PUBLISHED_MIME, None)
    source[0] = nbformat.writes(notebook)


class _FromNotebooks(SphinxDirective, ABC):
    """A table made from all executed notebooks; the page is rebuilt when any of them changes."""

    has_content = False

    @abstractmethod
    def lines(self) -> list[str]:
        """Return the Markdown that the directive stands for."""

    def run(self) -> list[nodes.Node]:
        for path in EXECUTED.rglob("*.ipynb"):
            self.env.note_dependency(str(path))
        self.env.note_dependency(__file__)
        container = nodes.container(classes=["wide-table"])
        self.state.nested_parse(_string_list(self.lines(), self.env.docname), 0, container)
        return [container]


def _string_list(lines: list[str], source: str) -> Any:
    from docutils.statemachine import StringList

    return StringList(lines, source)


def title_of(notebook: Any) -> str:
    """Return the first heading of a notebook."""
    for cell in notebook.cells:
        found = re.search(r"^# (.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if found:
            return found.group(1).strip()
    raise ExtensionError(
        "a notebook has no title: its first Markdown cell must hold a line that begins with '# '"
    )


def records(notebook: Any) -> list[dict[str, Any]]:
    """Return what `mm.published` left in a notebook's outputs."""
    outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    return [dict(o["data"][PUBLISHED_MIME]) for o in outputs if PUBLISHED_MIME in o.get("data", {})]


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("~", "\\~").replace("*", "\\*").replace("\n", " ")


class Ledger(_FromNotebooks):
    """`{ledger}`: every published number that a chapter asserts, with its source, ours and the difference."""

    def lines(self) -> list[str]:
        """Return one Markdown table a data set."""
        found = [(doc, nb, r) for doc, nb in executed_notebooks() for r in records(nb)]
        out: list[str] = [
            f"{len(found)} numbers, from {len({r['source'] for _, _, r in found})} sources.",
            "",
        ]
        for dataset in sorted({r["dataset"] for _, _, r in found}):
            rows = [(doc, nb, r) for doc, nb, r in found if r["dataset"] == dataset]
            out += [f"## {_cell(dataset)}", ""]
            out += [
                "| model | quantity | published | ours | by | difference | tolerance | evidence | chapter |"
            ]
            out += ["| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
            for doc, nb, r in rows:
                printed = r["printed"] or f"{r['reference']:g} (refitted)"
                cells = [
                    r["model"], r["quantity"], printed, f"{r['ours']:g}", r["engine"],
                    f"{r['ours'] - r['reference']:.1g}", f"{r['tolerance']:.1g}", r["evidence"].replace("_", " "),
                ]  # fmt: skip
                out += ["| " + " | ".join(map(_cell, cells)) + f" | [{_cell(title_of(nb))}](/{doc}.ipynb) |"]
            notes = dict.fromkeys((r["quantity"], r["note"]) for _, _, r in rows if r.get("note"))
            out += ["", *[f"Note on {_cell(q)}: {_cell(note)}\n" for q, note in notes]]
            sources = sorted({r["source"] for _, _, r in rows})
            out += ["", *[f"Source: {_cell(s)}.\n" for s in sources], ""]
        return "\n".join(out).split("\n")


class Status(_FromNotebooks):
    """`{status}`: how long each notebook took and how many of its cells show a stored result."""

    def lines(self) -> list[str]:
        """Return one Markdown table."""
        out = ["| chapter | code cells | stored R cells | seconds |", "| --- | ---: | ---: | ---: |"]
        total = 0.0
        for doc, nb in executed_notebooks():
            course = nb.metadata["course"]
            total += course["seconds"]
            numbers = f"{course['cells']} | {course['stored_cells']} | {course['seconds']:.1f}"
            out += [f"| [{_cell(title_of(nb))}](/{doc}.ipynb) | {numbers} |"]
        return [*out, f"| all | | | {total:.1f} |"]


# --- MathJax, from our own site --------------------------------------------------------------------------------

MATHJAX = ("tex-chtml-full.js", "output/chtml/fonts")


def vendor_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy the two parts of MathJax that pages need (the package it comes in has 24 MB; these are 2)."""
    if exception or app.builder.format != "html":
        return
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    if package is None or package.origin is None:
        raise ExtensionError("sphinx-mathjax-offline is not installed: run `make setup`")
    home = Path(package.origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX:
        if not (target / part).exists():
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (home / part).is_dir() else shutil.copy2
            copy(home / part, target / part)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    rooms = "api curriculum datasets figures glossary glued icons movable reach social tidy translations"
    for room in rooms.split():
        app.setup_extension(room)
    app.add_css_file("course.css", priority=900)
    app.add_js_file("course.js", loading_method="defer")
    app.connect("source-read", swap_source)
    app.connect("build-finished", vendor_mathjax)
    app.add_directive("ledger", Ledger)
    app.add_directive("status", Status)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
